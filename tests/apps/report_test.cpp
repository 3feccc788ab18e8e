#include "apps/doctor/report.h"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "apps/doctor/ladder.h"
#include "apps/doctor/markup.h"
#include "tests/auth/octets.h"

namespace pptp::app {
namespace {

using diagnosis::CheckedStep;
using diagnosis::Diagnosis;
using diagnosis::Problem;
using diagnosis::Step;
using diagnosis::Verdict;
using std::chrono::milliseconds;
using test::octets;

constexpr TimePoint kBegin{std::chrono::seconds(1000)};

/// A call, said packet by packet, one each millisecond.
class Talk {
 public:
  Talk() {
    timeline.connected(tick(), {.ours = Ipv4Address(192, 0, 2, 2),
                                .peer = Ipv4Address(192, 0, 2, 1),
                                .our_port = 40'000,
                                .peer_port = 1723});
  }

  Talk& says(PppProtocol protocol, std::string_view digits) {
    timeline.frame(tick(), Way::sent, protocol, octets(digits));
    return *this;
  }

  Talk& hears(PppProtocol protocol, std::string_view digits) {
    timeline.frame(tick(), Way::received, protocol, octets(digits));
    return *this;
  }

  Talk& says(const ControlMessage& message) {
    timeline.control(tick(), Way::sent, message);
    return *this;
  }

  Talk& hears(const ControlMessage& message) {
    timeline.control(tick(), Way::received, message);
    return *this;
  }

  /// To the granted call.
  Talk& calls() {
    return says(StartControlConnectionRequest{})
        .hears(StartControlConnectionReply{})
        .says(OutgoingCallRequest{})
        .hears(OutgoingCallReply{});
  }

  /// To the agreed link.
  Talk& links() {
    using protocol::kLcp;
    return says(kLcp, "01 01 0004")
        .hears(kLcp, "01 01 0009 0305 c223 81")
        .hears(kLcp, "02 01 0004")
        .says(kLcp, "02 01 0009 0305 c223 81");
  }

  Talk& hangs_up() {
    return says(protocol::kLcp, "05 02 0004")
        .hears(protocol::kLcp, "06 02 0004")
        .says(CallClearRequest{})
        .hears(CallDisconnectNotify{});
  }

  Timeline timeline{kBegin};

 private:
  TimePoint tick() { return kBegin + milliseconds(++time_); }

  int time_ = 0;
};

/// A call that failed at this step, with a finding of this id.
Diagnosis failed(Step step, std::string_view id) {
  return {.steps = {{Step::name, Verdict::pass, "192.0.2.1"}, {step, Verdict::fail, "it is bad"}},
          .findings = {{std::string(id), "something is bad", {"a line"}, {"do something"}}}};
}

/// The labels of what is marked; what is missing in brackets.
std::vector<std::string> marked(const Timeline& timeline, const Diagnosis& diagnosis) {
  std::vector<std::string> labels;
  for (const Rung& rung : ladder_of(timeline, diagnosis).rungs) {
    const bool missing = rung.kind == Rung::Kind::missing;
    if (rung.failing)
      labels.push_back(missing ? "(" + rung.exchange.label + ")" : rung.exchange.label);
  }
  return labels;
}

using Labels = std::vector<std::string>;

TEST_CASE("ladder: what the server said no with is marked") {
  Talk talk;
  talk.calls().links().hears(protocol::kChap, "01 01 0004").says(protocol::kChap, "02 01 0004");
  talk.hears(protocol::kChap, "04 01 0004").hangs_up();
  CHECK(marked(talk.timeline, failed(Step::authentication, "chap-e691-bad-password")) ==
        Labels{"CHAP Failure"});

  Talk encryption;
  encryption.calls().links().says(protocol::kCcp, "01 01 0004");
  encryption.hears(protocol::kLcp, "08 05 000a 80fd 0101 0004")
      .hears(protocol::kIpcp, "01 01 0004")
      .hangs_up();
  CHECK(marked(encryption.timeline, failed(Step::encryption, "mppe-peer-refused")) ==
        Labels{"LCP Protocol-Reject of CCP"});

  Talk addresses;
  addresses.calls()
      .links()
      .hears(protocol::kIpcp, "01 01 0004")
      .says(protocol::kIpcp, "02 01 0004");
  addresses.says(protocol::kIpcp, "01 01 0004").hears(protocol::kIpcp, "04 01 0004").hangs_up();
  CHECK(marked(addresses.timeline, failed(Step::addresses, "ipcp-no-local-ip")) ==
        Labels{"IPCP Configure-Reject"});

  Talk call;
  call.calls().says(StopControlConnectionRequest{}).hears(StopControlConnectionReply{});
  CHECK(marked(call.timeline, failed(Step::call, "call-rejected")) ==
        Labels{"Outgoing-Call-Reply"});
  CHECK(marked(call.timeline, failed(Step::start, "ctrl-start-rejected")) ==
        Labels{"Start-Control-Connection-Reply"});
  // What is near to another tunnel's GRE is no silence of this one.
  Diagnosis diagnosis = failed(Step::call, "call-rejected");
  diagnosis.findings.push_back({"gre-server-silent-same-nat-ip", "", {}, {}});
  CHECK(marked(call.timeline, diagnosis) == Labels{"Outgoing-Call-Reply"});
}

TEST_CASE("ladder: a way to authenticate that is not allowed is marked where it is asked for") {
  Talk talk;
  talk.calls()
      .hears(protocol::kLcp, "01 01 0008 0304 c023")
      .says(protocol::kLcp, "03 01 0009 0305 c223 81");
  talk.hears(protocol::kLcp, "05 02 0004").says(protocol::kLcp, "06 02 0004");
  CHECK(marked(talk.timeline, failed(Step::authentication, "auth-no-common-method")) ==
        Labels{"LCP Configure-Request"});
}

TEST_CASE("ladder: a server that hangs up is marked where it does, whatever the step") {
  Talk talk;
  talk.calls().links().hears(protocol::kChap, "03 01 0004").hears(protocol::kCcp, "01 01 0004");
  talk.hears(protocol::kLcp, "05 02 0004").says(protocol::kLcp, "06 02 0004");
  CHECK(marked(talk.timeline, failed(Step::encryption, "peer-terminated")) ==
        Labels{"LCP Terminate-Request"});
}

TEST_CASE("ladder: what did not come is marked behind what it would have answered") {
  Talk talk;
  talk.calls().says(protocol::kLcp, "01 01 0004").says(protocol::kLcp, "01 01 0004");
  const Diagnosis blocked = failed(Step::gre_back, "gre-blocked");
  CHECK(marked(talk.timeline, blocked) == Labels{"LCP Configure-Request", "(GRE from the server)"});
  talk.hangs_up();
  CHECK(marked(talk.timeline, blocked) == Labels{"LCP Configure-Request", "(GRE from the server)"});
  const Ladder ladder = ladder_of(talk.timeline, blocked);
  REQUIRE(ladder.rungs.size() == 11);
  CHECK(ladder.rungs[5].exchange.count == 2);
  CHECK(ladder.rungs[6].kind == Rung::Kind::missing);
  CHECK(ladder.rungs[6].stage == Stage::link);
  CHECK(ladder.rungs[6].note == "GRE back: it is bad");
  CHECK(ladder.rungs[7].stage == Stage::end);
  // It leaves, and does not arrive.
  const Ladder out = ladder_of(talk.timeline, failed(Step::gre_out, "gre-eperm"));
  CHECK(out.rungs[4].kind == Rung::Kind::seen);
  CHECK(out.rungs[5].kind == Rung::Kind::lost);
  CHECK(out.rungs[5].failing);
  CHECK(out.rungs[7].kind == Rung::Kind::lost);
  CHECK(out.rungs[7].exchange.label == "LCP Terminate-Request");
  CHECK_FALSE(out.rungs[7].failing);
  CHECK(out.rungs[9].kind == Rung::Kind::seen);
  CHECK(out.rungs[6].exchange.label == "GRE acknowledgement");

  Talk silent;
  silent.says(StartControlConnectionRequest{});
  CHECK(marked(silent.timeline, failed(Step::start, "ctrl-no-answer")) ==
        Labels{"Start-Control-Connection-Request", "(Start-Control-Connection-Reply)"});
  CHECK(marked(silent.timeline, failed(Step::tcp, "hosts-allow-denied")) ==
        Labels{"Start-Control-Connection-Request", "(Start-Control-Connection-Reply)"});
}

TEST_CASE("ladder: of the packets that measure the path, those without a reply are marked") {
  using protocol::kLcp;
  Talk talk;
  talk.calls().links().says(protocol::kIpcp, "01 01 0004").hears(protocol::kIpcp, "02 01 0004");
  talk.says(kLcp, "09 01 000c 00000000 00000000").says(kLcp, "09 02 000c 00000000 00000000");
  talk.says(kLcp, "09 03 0008 00000000")
      .hears(kLcp, "0a 03 0008 00000000")
      .says(kLcp, "09 04 000a 00000000 0000")
      .hangs_up();
  const Diagnosis diagnosis = failed(Step::mtu, "tcp-freeze-local");
  CHECK(marked(talk.timeline, diagnosis) ==
        Labels{"LCP Echo-Request, 12 octets", "LCP Echo-Request, 10 octets"});
  const Ladder ladder = ladder_of(talk.timeline, diagnosis);
  CHECK(ladder.rungs[11].exchange.count == 2);
  CHECK(ladder.rungs[11].kind == Rung::Kind::lost);
  CHECK(ladder.rungs[11].note.empty());
  CHECK(ladder.rungs[14].note == "MTU: it is bad");
}

TEST_CASE("ladder: where there was no connection, the attempt is drawn, or why there was none") {
  const Timeline nothing(kBegin);
  const Ladder refused = ladder_of(nothing, failed(Step::tcp, "ctrl-refused"));
  REQUIRE(refused.rungs.size() == 1);
  CHECK(refused.rungs[0].kind == Rung::Kind::missing);
  CHECK(refused.rungs[0].exchange.way == Way::sent);
  CHECK(refused.rungs[0].exchange.label == "TCP SYN to the PPTP port");
  CHECK(refused.remark.empty());
  const Ladder unknown = ladder_of(nothing, failed(Step::name, "name-not-found"));
  CHECK(unknown.rungs.empty());
  CHECK(unknown.remark == "No packet went to the server. name: it is bad");
}

TEST_CASE("ladder: what does not speak PPTP is marked with what it said") {
  Talk talk;
  talk.says(StartControlConnectionRequest{});
  talk.timeline.not_pptp(kBegin + milliseconds(9), Way::received, as_bytes("SSH-2.0"));
  CHECK(marked(talk.timeline, failed(Step::tcp, "not-pptp")) == Labels{"not a PPTP message"});
}

TEST_CASE("ladder: nothing is marked where the call came through") {
  Talk talk;
  talk.calls().links().hangs_up();
  CHECK(marked(talk.timeline, {}).empty());
  CHECK(ladder_of(talk.timeline, {}).remark.empty());
  const Diagnosis here = failed(Step::tun, "tun-missing");
  CHECK(marked(talk.timeline, here).empty());
  CHECK(ladder_of(talk.timeline, here).remark.find("on this host") != std::string::npos);
}

TEST_CASE("markup: text is nothing but text, whatever it is") {
  CHECK(markup("plain text, 100%") == "plain text, 100%");
  CHECK(markup("<script>alert('x')</script> & \"`") ==
        "&#x3c;script&#x3e;alert(&#x27;x&#x27;)&#x3c;/script&#x3e; &#x26; &#x22;&#x60;");
  CHECK(markup("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80") == "&#xe4;&#x20ac;&#x1f600;");
  // Not UTF-8: alone, cut off, longer than it must be, beyond the last one, half of a pair.
  CHECK(markup("\x80") == "&#xfffd;");
  CHECK(markup("a\xe2\x82") == "a&#xfffd;&#xfffd;");
  CHECK(markup("\xc0\xbc") == "&#xfffd;&#xfffd;");
  CHECK(markup("\xf7\xbf\xbf\xbf") == "&#xfffd;");
  CHECK(markup("\xed\xa0\x80") == "&#xfffd;");
  // Controls, and what turns the text that follows around.
  CHECK(markup(std::string_view("\0\x1b\x7f\xc2\x85", 5)) == "&#xfffd;&#xfffd;&#xfffd;&#xfffd;");
  CHECK(markup("\xe2\x80\xae") == "&#xfffd;");
  CHECK(markup("\xef\xbf\xbe") == "&#xfffd;");
}

TEST_CASE("report: a page asks nobody for anything, runs nothing, and says what is wrong") {
  Talk talk;
  talk.calls().links().hears(protocol::kChap, "04 01 0010 3c7363726970743e 3b3b3b3b");
  Diagnosis diagnosis = failed(Step::authentication, "chap-e691-bad-password");
  diagnosis.findings[0].evidence = {"the name sent was '<b>bob</b>'", "\xff\x01"};
  diagnosis.findings.push_back({"another", "something else", {}, {"do it"}});
  const std::string page = report_page(
      {.patient = "<office>", .server = "\"vpn\"", .made = "today"}, talk.timeline, diagnosis);
  for (const std::string_view outside :
       {"http://", "https://", "//", "src=", "url(", "@import", "<script", "<b>bob", "<office>",
        "\"vpn\"", "javascript:", "<link", "<iframe", "<img", "<object"}) {
    INFO(std::string(outside));
    CHECK(page.find(outside) == std::string::npos);
  }
  for (const std::string_view there :
       {"<h1>something is bad</h1>", "chap-e691-bad-password", "do something",
        "&#x3c;b&#x3e;bob&#x3c;/b&#x3e;", "&#x3c;office&#x3e;", "CHAP Failure", "failing",
        "authentication: it is bad", "something else", "did not come"}) {
    INFO(std::string(there));
    CHECK((page.find(there) != std::string::npos) == (there != "did not come"));
  }
  for (const char c : page)
    CHECK((c == '\n' || (c >= 0x20 && c < 0x7f)));
}

TEST_CASE("report: of a call that is well it says so, and what it does not know") {
  Talk talk;
  talk.calls().links().hangs_up();
  const Diagnosis well{.steps = {{Step::name, Verdict::pass, "192.0.2.1"},
                                 {Step::firewall, Verdict::unknown, "nft is missing"}},
                       .findings = {}};
  const std::string page = report_page({"office", "vpn", "today"}, talk.timeline, well);
  CHECK(page.find("<h1>Nothing wrong found</h1>") != std::string::npos);
  CHECK(page.find("<li>local firewall: nft is missing</li>") != std::string::npos);
  CHECK(page.find(" failing\"") == std::string::npos);
}

TEST_CASE("report: what is left out of a long call is counted where it is missing") {
  Talk talk;
  for (std::uint32_t i = 0; i < 1000; ++i)
    talk.hears(EchoRequest{.identifier = i});
  const std::string page = report_page({"office", "vpn", "today"}, talk.timeline, {});
  CHECK(page.find("701 packets are left out here") != std::string::npos);
}

}  // namespace
}  // namespace pptp::app
