#include "diagnosis/facts.h"

#include <string>

#include <doctest/doctest.h>

#include "diagnosis/attempt.h"
#include "diagnosis/patterns.h"

using namespace pptp::diagnosis;

namespace {

const Patterns& patterns() {
  static const Patterns one;
  return one;
}

struct Log {
  explicit Log(std::string_view text)
      : lines(read_lines(text)), attempts(sort_attempts(lines, patterns().events(lines))) {}

  Facts facts(std::size_t attempt = 0) const { return derive_facts(lines, attempts.at(attempt)); }

  std::vector<LogLine> lines;
  std::vector<Attempt> attempts;
};

}  // namespace

TEST_CASE("attempts: processes that run at the same time are kept apart") {
  const Log log(
      "pptpd[1]: CTRL: Client 192.0.2.1 control connection started\npptpd[2]: CTRL: Client "
      "192.0.2.2 control connection started\n"
      "pppd[11]: pppd 2.4.9 started by root, uid 0\npppd[12]: pppd 2.4.9 started by root, uid 0\n"
      "pppd[11]: Connect: ppp0 <--> /dev/pts/1\npppd[12]: Connect: ppp1 <--> /dev/pts/2\n"
      "pppd[11]: CHAP authentication failed\npppd[12]: local  IP address 10.0.0.1\n");
  REQUIRE(log.attempts.size() == 3);
  CHECK(log.attempts[0].peer == "192.0.2.1");
  CHECK(log.attempts[1].peer == "192.0.2.2");
  CHECK(log.facts(2).has(Fact::up));
  CHECK_FALSE(log.facts(2).has(Fact::auth_failed));
}

TEST_CASE("attempts: pppd's persist, and output without process numbers") {
  const Log persist(
      "pppd[1]: Connect: ppp0 <--> /dev/pts/1\npppd[1]: Connection terminated.\npppd[1]: Connect: "
      "ppp0 <--> /dev/pts/1\n"
      "pppd[1]: local  IP address 10.0.0.1\n");
  REQUIRE(persist.attempts.size() == 2);
  CHECK_FALSE(persist.facts(0).has(Fact::up));
  CHECK(persist.facts(1).has(Fact::up));
  const Log plain(
      "Using interface ppp0\nConnect: ppp0 <--> /dev/pts/1\nConnection terminated.\nUsing "
      "interface ppp0\n"
      "Connect: ppp0 <--> /dev/pts/1\n");
  CHECK(plain.attempts.size() == 2);
}

TEST_CASE("facts: whose log it is") {
  CHECK(Log("sent [CHAP Challenge id=0x1 <00>, name = \"x\"]").facts().has(Fact::server));
  CHECK(Log("rcvd [CHAP Challenge id=0x1 <00>, name = \"x\"]").facts().has(Fact::client));
  CHECK(Log("rcvd [LCP ConfReq id=0x1 <auth chap MS-v2>]").facts().has(Fact::client));
  CHECK(Log("anon log[main:pptp.c:350]: Client connection established.").facts().has(Fact::client));
  CHECK(Log("pptpd[1]: MGR: Manager process started").facts().has(Fact::server));
}

TEST_CASE("facts: a call that was up was up, however little is printed") {
  CHECK(Log("sent [IPCP ConfAck id=0x1 <addr 10.0.0.1>]\nrcvd [IPCP ConfAck id=0x2 <addr "
            "10.0.0.2>]\n")
            .facts()
            .has(Fact::up));
  CHECK_FALSE(Log("sent [IPCP ConfAck id=0x1 <addr 10.0.0.1>]\nrcvd [IPCP ConfAck id=0x2]\n")
                  .facts()
                  .has(Fact::up));
  CHECK(Log("local  IP address 10.0.0.1").facts().has(Fact::up));
  CHECK(Log("Connect time 27.9 minutes.\nExit.").facts().has(Fact::was_up));
  CHECK_FALSE(Log("Connect time 0.0 minutes.\nExit.").facts().has(Fact::was_up));
}

TEST_CASE("facts: who ended it") {
  CHECK(Log("Terminating on signal 15").facts().has(Fact::ended_on_purpose));
  CHECK(Log("rcvd [LCP TermReq id=0x2 \"User request\"]").facts().has(Fact::ended_on_purpose));
  CHECK(Log("rcvd [LCP TermReq id=0x2]").facts().has(Fact::terminated_without_reason));
  CHECK(Log("sent [LCP TermReq id=0x2]\nrcvd [LCP TermReq id=0x2]")
            .facts()
            .has(Fact::terminated_by_peer) == false);
  // A client that hangs up before anything is up has a reason.
  CHECK(Log("Connect: ppp0 <--> /dev/pts/1\nLCP terminated by peer (User request)")
            .facts()
            .has(Fact::terminated_by_peer));
}

TEST_CASE("facts: a loop sends much and hears nothing") {
  CHECK(Log("Sent 318812411 bytes, received 412 bytes.").facts().has(Fact::sent_far_more));
  CHECK_FALSE(Log("Sent 412 bytes, received 318812411 bytes.").facts().has(Fact::sent_far_more));
  CHECK(Log("rcvd [LCP EchoReq id=0x1]\nsent [LCP EchoReq id=0x1]\nsent [LCP EchoReq id=0x2]\n")
            .facts()
            .has(Fact::echo_one_way));
  CHECK_FALSE(Log("rcvd [LCP EchoReq id=0x1]\nsent [LCP EchoReq id=0x1]\nrcvd [LCP EchoRep "
                  "id=0x1]\nsent [LCP EchoReq id=0x2]\n")
                  .facts()
                  .has(Fact::echo_one_way));
}

TEST_CASE("facts: names and addresses that explain a failure") {
  CHECK(Log(R"(sent [CHAP Response id=0x1 <00>, name = "D\\\\u"])")
            .facts()
            .has(Fact::backslash_doubled));
  CHECK_FALSE(Log(R"(sent [CHAP Response id=0x1 <00>, name = "D\\u"])")
                  .facts()
                  .has(Fact::backslash_doubled));
  CHECK(Log("Connect: ppp0 <--> pptp (192.0.2.1)\nremote IP address 192.0.2.1\n")
            .facts()
            .has(Fact::remote_is_server));
  CHECK_FALSE(Log("Connect: ppp0 <--> pptp (192.0.2.1)\nremote IP address 10.0.0.1\n")
                  .facts()
                  .has(Fact::remote_is_server));
}
