#include "ppp/lcp.h"

#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/ppp/lcp_end.h"

namespace pptp::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// Two ends with one script would take each other for a mirror.
class SeededEntropy final : public Entropy {
 public:
  explicit SeededEntropy(std::uint32_t seed) : random_(seed) {}

  void fill(MutableBytes out) noexcept override {
    for (std::uint8_t& octet : out)
      octet = static_cast<std::uint8_t>(random_() & 0xff);
  }

 private:
  std::mt19937 random_;
};

TEST_CASE(
    "lcp/a client asks for its MRU, a magic number and compressed fields, never for a proof") {
  CHECK(Lcp(lcp_client()).request ==
        "01010012"
        "01040578"
        "0506a0a1a2a3"
        "0702"
        "0802");
}

TEST_CASE("lcp/a server asks for the method it wants most") {
  CHECK(Lcp(lcp_server()).request ==
        "01010017"
        "01040578"
        "0305c22381"
        "0506a0a1a2a3"
        "0702"
        "0802");
  CHECK(Lcp(lcp_server({AuthMethod::pap})).request.find("0304c023") != std::string::npos);
  CHECK(Lcp(lcp_server({AuthMethod::chap_md5})).request.find("0305c22305") != std::string::npos);
  CHECK(Lcp(lcp_server({AuthMethod::mschapv1})).request.find("0305c22380") != std::string::npos);
  CHECK(Lcp(lcp_server({AuthMethod::eap_mschapv2})).request.find("0304c227") != std::string::npos);
  CHECK(Lcp(lcp_server({})).request == Lcp(lcp_client()).request);
}

TEST_CASE("lcp/what is not wanted is not asked for, and an MRU is taken into what the RFC allows") {
  LcpConfig config = lcp_client();
  config.pfc = false;
  config.acfc = false;
  config.mru = 1500;
  CHECK(Lcp(config).request ==
        "0101000a"
        "0506a0a1a2a3");
  config.mru = 9000;
  CHECK(Lcp(config).request ==
        "0101000a"
        "0506a0a1a2a3");
  config.mru = 20;
  CHECK(Lcp(config).request ==
        "0101000e"
        "01040080"
        "0506a0a1a2a3");
}

TEST_CASE("lcp/every method has a name on the wire and comes back from it") {
  for (const AuthMethod method : {AuthMethod::pap, AuthMethod::chap_md5, AuthMethod::mschapv1,
                                  AuthMethod::mschapv2, AuthMethod::eap_mschapv2}) {
    CHECK(auth_method(auth_protocol(method)) == method);
  }
  CHECK_FALSE(auth_method({protocol::kChap, std::nullopt}));
  CHECK_FALSE(auth_method({protocol::kChap, std::uint8_t{6}}));
  CHECK_FALSE(auth_method({protocol::kPap, std::uint8_t{5}}));
  CHECK_FALSE(auth_method({PppProtocol(0xc025), std::nullopt}));
}

TEST_CASE("lcp/a server and a client agree, also over a bad wire") {
  for (std::uint32_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    LcpConfig ours = lcp_client({AuthMethod::mschapv2, AuthMethod::eap_mschapv2});
    ours.mru = 1300;
    LcpConfig theirs = lcp_server({AuthMethod::pap, AuthMethod::mschapv1, AuthMethod::mschapv2});
    theirs.pfc = false;
    SeededEntropy a_entropy(seed);
    SeededEntropy b_entropy(~seed);
    LcpPolicy a_policy(ours, a_entropy, Log{});
    LcpPolicy b_policy(theirs, b_entropy, Log{});
    Negotiator a(a_policy, {}, Log{});
    Negotiator b(b_policy, {}, Log{});
    Pair pair(a, b, {0.15, 0.1, milliseconds(20), milliseconds(100)}, seed);
    for (Negotiator* end : {&a, &b}) {
      end->open(kStart);
      end->lower_up(kStart);
    }
    pair.run(minutes(5));
    REQUIRE(a.state() == State::opened);
    REQUIRE(b.state() == State::opened);
    CHECK(a_policy.auth() == AuthMethod::mschapv2);
    CHECK(b_policy.auth() == AuthMethod::mschapv2);
    CHECK(b_policy.peer_mru() == 1300);
    CHECK(a_policy.local_mru() == 1300);
    CHECK(a_policy.peer_mru() == 1400);
    CHECK(a_policy.send_framing() == Framing{true, false});
    CHECK(b_policy.send_framing() == Framing{true, false});
    CHECK(a_policy.magic() != b_policy.magic());
    CHECK_FALSE(a_policy.refused_auth());
    CHECK_FALSE(a_policy.looped_back());
  }
}

TEST_CASE("interop/3.18 what servers offer beyond the RFC's options is rejected, alone") {
  Lcp lcp(lcp_client());
  CHECK(lcp.receive(kConfReq, 9,
                    "01040578 0305c22381 0506deadbeef 110405dc 1306030102ff 0d0306 "
                    "1704abcd 0408c02500000000") ==
        "0409001d"
        "110405dc"
        "1306030102ff"
        "0d0306"
        "1704abcd"
        "0408c02500000000");
}

TEST_CASE("interop/3.18 any asyncmap is agreed to") {
  for (const std::string_view map : {"020600000000", "0206ffffffff", "0206000a0000"}) {
    Lcp lcp(lcp_client());
    CHECK(lcp.receive(kConfReq, 1, map) == "0201000a" + std::string(map));
  }
}

TEST_CASE("rfc1661/6 known options of a wrong length are naked with one that would do") {
  const std::vector<std::pair<std::string_view, std::string_view>> cases = {
      {"0102", "010405dc"},
      {"010301", "010405dc"},
      {"0106000005dc", "010405dc"},
      {"0202", "020600000000"},
      {"0203ff", "020600000000"},
      {"0302", "0305c22381"},
      {"0303c2", "0305c22381"},
      {"0304c223", "0305c22381"},
      {"0306c2238181", "0305c22381"},
      {"0502", "050601020304"},
      {"0504dead", "050601020304"},
      {"050600000000", "050601020304"},
      {"0507deadbeefff", "050601020304"},
      {"070300", "0702"},
      {"080300", "0802"},
  };
  for (const auto& [asked, suggested] : cases) {
    CAPTURE(asked);
    Lcp lcp(lcp_client());
    const std::string answer = lcp.receive(kConfReq, 1, asked);
    CHECK(answer.substr(0, 4) == "0301");
    CHECK(answer.substr(8) == suggested);
  }
}

TEST_CASE("rfc1661/6.1 the peer's MRU bounds what is sent, between 128 and 1500") {
  struct Case {
    std::string_view options;
    std::uint16_t mru;
  };

  for (const Case& each : {Case{"", 1500}, Case{"010405dc", 1500}, Case{"0104ffff", 1500},
                           Case{"01040578", 1400}, Case{"01040080", 128}}) {
    Lcp lcp(lcp_client());
    lcp.open(each.options);
    CHECK(lcp.policy.peer_mru() == each.mru);
  }
  for (const std::string_view small : {"0104007f", "01040001", "01040000"}) {
    Lcp lcp(lcp_client());
    CHECK(lcp.receive(kConfReq, 1, small) ==
          "03010008"
          "01040080");
  }
}

TEST_CASE("interop/3.18 an MRU that the peer suggests is adopted, within what the RFC allows") {
  struct Case {
    std::string_view naked;
    std::string_view next;
  };

  for (const Case& each :
       {Case{"01040514", "01040514"}, Case{"01040001", "01040080"}, Case{"0104ffff", "010405dc"},
        Case{"0102", "01040578"}, Case{"0103ff", "01040578"}}) {
    Lcp lcp(lcp_client());
    CHECK(lcp.receive(kConfNak, 1, each.naked).substr(8, 8) == each.next);
  }
}

TEST_CASE("lcp/options that the peer rejects are not asked for again") {
  Lcp lcp(lcp_client());
  CHECK(lcp.receive(kConfRej, 1, "01040578 0702 0802") ==
        "0102000a"
        "0506a0a1a2a3");
  CHECK(lcp.receive(kConfRej, 2, "0506a0a1a2a3") == "01030004");
  lcp.request = "01030004";
  lcp.open("");
  CHECK(lcp.policy.magic() == 0);
  CHECK(lcp.policy.local_mru() == 1500);
  CHECK(lcp.policy.send_framing() == Framing{});
  lcp.policy.send_echo(lcp.negotiator);
  CHECK(sent(lcp.negotiator) ==
        "09040008"
        "00000000");
}

TEST_CASE("rfc1661/5.3 a client does not ask for what a nak would like it to") {
  Lcp lcp(lcp_client());
  CHECK(lcp.receive(kConfNak, 1, "0305c22381 0206000a0000 110405dc") ==
        "01020012"
        "01040578"
        "0506a0a1a2a3"
        "0702"
        "0802");
}

TEST_CASE("lcp/a client agrees to a method that is allowed") {
  Lcp lcp(lcp_client({AuthMethod::chap_md5, AuthMethod::mschapv2}));
  lcp.open("0305c22305");
  CHECK(lcp.policy.auth() == AuthMethod::chap_md5);
  CHECK_FALSE(lcp.policy.refused_auth());
  Lcp none(lcp_client());
  none.open("");
  CHECK_FALSE(none.policy.auth());
}

TEST_CASE("lcp/only the request that is acknowledged counts") {
  Lcp lcp(lcp_client());
  CHECK(lcp.receive(kConfReq, 1, "01040200 0305c22381 0702 0802 1104ffff").substr(0, 2) == "04");
  lcp.open("");
  CHECK_FALSE(lcp.policy.auth());
  CHECK(lcp.policy.peer_mru() == 1500);
  CHECK(lcp.policy.send_framing() == Framing{});
}

TEST_CASE("lcp/a peer that comes round is not held to what it asked for before") {
  Lcp lcp(lcp_client());
  for (int round = 0; round < 20; ++round) {
    CHECK(lcp.receive(kConfReq, 1, "0304c023").substr(0, 2) == "03");
    CHECK(lcp.receive(kConfReq, 2, "0305c22381").substr(0, 2) == "02");
  }
}

TEST_CASE("lcp/a client suggests its strongest method first, then the others") {
  Lcp lcp(lcp_client({AuthMethod::chap_md5, AuthMethod::mschapv2}));
  CHECK(lcp.receive(kConfReq, 1, "0304c023") ==
        "03010009"
        "0305c22381");
  CHECK(lcp.policy.refused_auth() == auth_protocol(AuthMethod::pap));
  CHECK(lcp.receive(kConfReq, 2, "0304c023") ==
        "03020009"
        "0305c22305");
  CHECK(lcp.receive(kConfReq, 3, "0305c22305") ==
        "02030009"
        "0305c22305");
  CHECK_FALSE(lcp.policy.refused_auth());
}

TEST_CASE("lcp/a peer that insists on a method that is not allowed ends the negotiation") {
  Lcp lcp(lcp_client());
  std::string answers;
  for (std::uint8_t id = 1; lcp.negotiator.state() != State::closing && id < 100; ++id)
    answers += lcp.receive(kConfReq, id, "0305c22305").substr(0, 2) + " ";
  // Naks up to Max-Failure, Rejects, then a Terminate-Request.
  CHECK(answers == "03 03 03 03 03 04 04 04 05 ");
  CHECK(lcp.negotiator.finish_reason() == FinishReason::no_agreement);
  REQUIRE(lcp.policy.refused_auth());
  CHECK(lcp.policy.refused_auth()->protocol == protocol::kChap);
  CHECK(lcp.policy.refused_auth()->algorithm == std::uint8_t{5});
}

TEST_CASE("lcp/a client without methods rejects being asked, and lets the peer do without") {
  Lcp lcp(lcp_client({}));
  CHECK(lcp.receive(kConfReq, 1, "0305c22381") ==
        "04010009"
        "0305c22381");
  lcp.open("");
  CHECK_FALSE(lcp.policy.auth());
}

TEST_CASE("lcp/a server takes what the client suggests, or the next it has, until there is none") {
  Lcp lcp(lcp_server({AuthMethod::mschapv2, AuthMethod::chap_md5, AuthMethod::pap}));
  CHECK(lcp.receive(kConfNak, 1, "0304c023").find("0304c023") != std::string::npos);
  CHECK(lcp.receive(kConfNak, 2, "0305c22380").find("0305c22305") != std::string::npos);
  const std::string last = lcp.receive(kConfNak, 3, "0304c023");
  CHECK(last.substr(0, 2) == "05");
  CHECK(lcp.negotiator.state() == State::closing);
  CHECK(lcp.negotiator.finish_reason() == FinishReason::no_agreement);
  CHECK(lcp.policy.refused_auth() == auth_protocol(AuthMethod::chap_md5));
}

TEST_CASE("lcp/a server whose request to authenticate is rejected closes") {
  Lcp lcp(lcp_server({AuthMethod::mschapv2, AuthMethod::pap}));
  CHECK(lcp.receive(kConfRej, 1, "0305c22381").substr(0, 2) == "05");
  CHECK(lcp.negotiator.finish_reason() == FinishReason::no_agreement);
  CHECK(lcp.policy.refused_auth() == auth_protocol(AuthMethod::mschapv2));
}

TEST_CASE("lcp/a server does not prove itself to a client that asks") {
  Lcp lcp(lcp_server());
  CHECK(lcp.receive(kConfReq, 1, "0305c22381") ==
        "04010009"
        "0305c22381");
}

TEST_CASE("rfc1661/6.4 a magic number equal to ours is naked, once or twice is an accident") {
  Lcp lcp(lcp_client());
  CHECK(lcp.receive(kConfReq, 1, "0506a0a1a2a3") ==
        "0301000a"
        "050601020304");
  CHECK(lcp.receive(kConfReq, 2, "0506a0a1a2a3") ==
        "0302000a"
        "050605060708");
  CHECK_FALSE(lcp.policy.looped_back());
  CHECK(lcp.receive(kConfReq, 3, "050605060708") ==
        "0203000a"
        "050605060708");
  CHECK(lcp.receive(kConfReq, 4, "0506a0a1a2a3").substr(0, 2) == "03");
  CHECK_FALSE(lcp.policy.looped_back());
}

TEST_CASE("rfc1661/6.4 zero is no magic number, neither theirs nor ours") {
  Lcp lcp(lcp_client(), "00000000");
  CHECK(lcp.request.find("050600000001") != std::string::npos);
  CHECK(lcp.receive(kConfReq, 1, "050600000000") ==
        "0301000a"
        "050601020304");
}

TEST_CASE("rfc1661/6.4 a naked magic number is replaced") {
  Lcp lcp(lcp_client());
  CHECK(lcp.receive(kConfNak, 1, "0506deadbeef").find("050601020304") != std::string::npos);
}

TEST_CASE("rfc1661/6.4 a mirror is recognised, in both roles, and closes the layer") {
  for (const LcpConfig& config :
       {lcp_client(), lcp_server(), lcp_server({AuthMethod::pap, AuthMethod::mschapv2})}) {
    Lcp lcp(config);
    std::vector<Octets> wire;
    const std::string octets = from_hex(lcp.request).value();
    wire.emplace_back(as_bytes(octets).begin(), as_bytes(octets).end());
    std::size_t packets = 0;
    for (; packets < wire.size() && packets < 1000; ++packets) {
      lcp.negotiator.receive(lcp.now, Octets(wire[packets]));
      for (const Octets& packet : sent_packets(lcp.negotiator))
        wire.push_back(packet);
    }
    CHECK(packets < 30);
    CHECK(lcp.policy.looped_back());
    CHECK(lcp.negotiator.finish_reason() == FinishReason::no_agreement);
    CHECK(signals(lcp.negotiator) == "finished");
  }
}

TEST_CASE("lcp/a renegotiation begins from what is wanted, not from what was agreed") {
  Lcp lcp(lcp_server());
  CHECK(lcp.receive(kConfRej, 1, "0702").find("0702") == std::string::npos);
  lcp.request =
      "0102001501040578"
      "0305c22381"
      "0506a0a1a2a3"
      "0802";
  lcp.open("01040200 0702");
  CHECK(lcp.policy.peer_mru() == 512);
  const std::string answers = lcp.receive(kConfReq, 2, "0802");
  CHECK(answers ==
        "01030017"
        "01040578"
        "0305c22381"
        "050601020304"
        "0702"
        "0802"
        " 02020006"
        "0802");
  CHECK_FALSE(lcp.policy.auth());
  CHECK(lcp.policy.peer_mru() == 1500);
  CHECK(lcp.policy.send_framing() == Framing{true, false});
}

}  // namespace
}  // namespace pptp::test
