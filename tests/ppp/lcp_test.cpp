#include "ppp/lcp.h"

#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/auth/script_entropy.h"
#include "tests/ppp/negotiation.h"

namespace pptp::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint8_t kProtoRej = 8;
constexpr std::uint8_t kEchoReq = 9;
constexpr std::uint8_t kEchoReply = 10;

// Magic numbers come out of this: a0a1a2a3 first, then 01020304, 05060708 and so on.
constexpr std::string_view kEntropy = "a0a1a2a3";

LcpConfig client(std::vector<AuthMethod> methods = {AuthMethod::mschapv2}) {
  LcpConfig config;
  config.methods = std::move(methods);
  return config;
}

LcpConfig server(std::vector<AuthMethod> methods = {AuthMethod::mschapv2}) {
  LcpConfig config;
  config.role = Role::server;
  config.methods = std::move(methods);
  return config;
}

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

struct Lcp {
  explicit Lcp(LcpConfig config, std::string_view script = kEntropy)
      : entropy(script), policy(std::move(config), entropy, Log{}) {
    negotiator.open(now);
    negotiator.lower_up(now);
    request = sent(negotiator);
    (void)signals(negotiator);
  }

  ScriptEntropy entropy;
  LcpPolicy policy;
  Negotiator negotiator{policy, NegotiatorConfig{}, Log{}};
  TimePoint now = kStart;
  std::string request;

  /// What the packet is answered with.
  std::string receive(const Octets& packet) {
    negotiator.receive(now, packet);
    return sent(negotiator);
  }

  std::string receive(std::uint8_t code, std::uint8_t id, std::string_view digits = "") {
    return receive(control_packet(code, id, digits));
  }

  /// Acks our last request, and has the peer send one with these options.
  void open(std::string_view peer_options) {
    const std::string octets = from_hex(request.substr(request.rfind(' ') + 1)).value();
    Octets ack(as_bytes(octets).begin(), as_bytes(octets).end());
    ack[0] = kConfAck;
    (void)receive(ack);
    (void)receive(kConfReq, 1, peer_options);
    REQUIRE(negotiator.state() == State::opened);
  }
};

TEST_CASE(
    "lcp/a client asks for its MRU, a magic number and compressed fields, never for a proof") {
  CHECK(Lcp(client()).request ==
        "01010012"
        "01040578"
        "0506a0a1a2a3"
        "0702"
        "0802");
}

TEST_CASE("lcp/a server asks for the method it wants most") {
  CHECK(Lcp(server()).request ==
        "01010017"
        "01040578"
        "0305c22381"
        "0506a0a1a2a3"
        "0702"
        "0802");
  CHECK(Lcp(server({AuthMethod::pap})).request.find("0304c023") != std::string::npos);
  CHECK(Lcp(server({AuthMethod::chap_md5})).request.find("0305c22305") != std::string::npos);
  CHECK(Lcp(server({AuthMethod::mschapv1})).request.find("0305c22380") != std::string::npos);
  CHECK(Lcp(server({AuthMethod::eap_mschapv2})).request.find("0304c227") != std::string::npos);
  CHECK(Lcp(server({})).request == Lcp(client()).request);
}

TEST_CASE("lcp/what is not wanted is not asked for, and an MRU is taken into what the RFC allows") {
  LcpConfig config = client();
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
    LcpConfig ours = client({AuthMethod::mschapv2, AuthMethod::eap_mschapv2});
    ours.mru = 1300;
    LcpConfig theirs = server({AuthMethod::pap, AuthMethod::mschapv1, AuthMethod::mschapv2});
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
  Lcp lcp(client());
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
    Lcp lcp(client());
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
    Lcp lcp(client());
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
    Lcp lcp(client());
    lcp.open(each.options);
    CHECK(lcp.policy.peer_mru() == each.mru);
  }
  for (const std::string_view small : {"0104007f", "01040001", "01040000"}) {
    Lcp lcp(client());
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
    Lcp lcp(client());
    CHECK(lcp.receive(kConfNak, 1, each.naked).substr(8, 8) == each.next);
  }
}

TEST_CASE("lcp/options that the peer rejects are not asked for again") {
  Lcp lcp(client());
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
  Lcp lcp(client());
  CHECK(lcp.receive(kConfNak, 1, "0305c22381 0206000a0000 110405dc") ==
        "01020012"
        "01040578"
        "0506a0a1a2a3"
        "0702"
        "0802");
}

TEST_CASE("lcp/a client agrees to a method that is allowed") {
  Lcp lcp(client({AuthMethod::chap_md5, AuthMethod::mschapv2}));
  lcp.open("0305c22305");
  CHECK(lcp.policy.auth() == AuthMethod::chap_md5);
  CHECK_FALSE(lcp.policy.refused_auth());
  Lcp none(client());
  none.open("");
  CHECK_FALSE(none.policy.auth());
}

TEST_CASE("lcp/a client suggests its strongest method first, then the others") {
  Lcp lcp(client({AuthMethod::chap_md5, AuthMethod::mschapv2}));
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
  Lcp lcp(client());
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
  Lcp lcp(client({}));
  CHECK(lcp.receive(kConfReq, 1, "0305c22381") ==
        "04010009"
        "0305c22381");
  lcp.open("");
  CHECK_FALSE(lcp.policy.auth());
}

TEST_CASE("lcp/a server takes what the client suggests, or the next it has, until there is none") {
  Lcp lcp(server({AuthMethod::mschapv2, AuthMethod::chap_md5, AuthMethod::pap}));
  CHECK(lcp.receive(kConfNak, 1, "0304c023").find("0304c023") != std::string::npos);
  CHECK(lcp.receive(kConfNak, 2, "0305c22380").find("0305c22305") != std::string::npos);
  const std::string last = lcp.receive(kConfNak, 3, "0304c023");
  CHECK(last.substr(0, 2) == "05");
  CHECK(lcp.negotiator.state() == State::closing);
  CHECK(lcp.negotiator.finish_reason() == FinishReason::no_agreement);
  CHECK(lcp.policy.refused_auth() == auth_protocol(AuthMethod::chap_md5));
}

TEST_CASE("lcp/a server whose request to authenticate is rejected closes") {
  Lcp lcp(server({AuthMethod::mschapv2, AuthMethod::pap}));
  CHECK(lcp.receive(kConfRej, 1, "0305c22381").substr(0, 2) == "05");
  CHECK(lcp.negotiator.finish_reason() == FinishReason::no_agreement);
  CHECK(lcp.policy.refused_auth() == auth_protocol(AuthMethod::mschapv2));
}

TEST_CASE("lcp/a server does not prove itself to a client that asks") {
  Lcp lcp(server());
  CHECK(lcp.receive(kConfReq, 1, "0305c22381") ==
        "04010009"
        "0305c22381");
}

TEST_CASE("rfc1661/6.4 a magic number equal to ours is naked, once or twice is an accident") {
  Lcp lcp(client());
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
  Lcp lcp(client(), "00000000");
  CHECK(lcp.request.find("050600000001") != std::string::npos);
  CHECK(lcp.receive(kConfReq, 1, "050600000000") ==
        "0301000a"
        "050601020304");
}

TEST_CASE("rfc1661/6.4 a naked magic number is replaced") {
  Lcp lcp(client());
  CHECK(lcp.receive(kConfNak, 1, "0506deadbeef").find("050601020304") != std::string::npos);
}

TEST_CASE("rfc1661/6.4 a mirror is recognised, in both roles, and closes the layer") {
  for (const LcpConfig& config :
       {client(), server(), server({AuthMethod::pap, AuthMethod::mschapv2})}) {
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

TEST_CASE("rfc1661/5.8 an echo is answered with our magic number and the peer's data") {
  Lcp lcp(client());
  CHECK(lcp.receive(kEchoReq, 1, "0000000061626364").empty());
  lcp.open("0506deadbeef");
  CHECK(lcp.receive(kEchoReq, 7, "deadbeef61626364") ==
        "0a07000c"
        "a0a1a2a361626364");
  CHECK(lcp.receive(kEchoReq, 8, "deadbeef") ==
        "0a080008"
        "a0a1a2a3");
  CHECK(lcp.receive(kEchoReq, 9, "deadbe").empty());
  CHECK(lcp.receive(kEchoReq, 9, "").empty());
}

TEST_CASE("interop/3.18 an echo is cut to the peer's MRU, also before the Negotiator is told") {
  Lcp lcp(client());
  lcp.open("01040080");
  Octets data(1000, 0x55);
  lcp.negotiator.receive(lcp.now, control_packet(kEchoReq, 1, data));
  const auto replies = sent_packets(lcp.negotiator);
  REQUIRE(replies.size() == 1);
  CHECK(replies[0].size() == 128);
  CHECK(hex(Bytes(replies[0]).first(10)) ==
        "0a010080"
        "a0a1a2a35555");
}

TEST_CASE("lcp/echoes count until the peer answers one") {
  Lcp lcp(client());
  lcp.policy.send_echo(lcp.negotiator);
  CHECK(sent(lcp.negotiator).empty());
  CHECK(lcp.policy.outstanding_echoes() == 0);
  lcp.open("0506deadbeef");
  lcp.policy.send_echo(lcp.negotiator);
  lcp.policy.send_echo(lcp.negotiator);
  CHECK(sent(lcp.negotiator) == "09020008a0a1a2a3 09030008a0a1a2a3");
  CHECK(lcp.policy.outstanding_echoes() == 2);
  (void)lcp.receive(kEchoReply, 2, "deadbe");
  CHECK(lcp.policy.outstanding_echoes() == 2);
  (void)lcp.receive(kEchoReply, 2, "deadbeef");
  CHECK(lcp.policy.outstanding_echoes() == 0);
  lcp.policy.send_echo(lcp.negotiator);
  lcp.policy.clear_echoes();
  CHECK(lcp.policy.outstanding_echoes() == 0);
}

TEST_CASE("rfc1661/6.4 echoes with our own magic number are no proof of life, and three a loop") {
  Lcp lcp(client());
  lcp.open("0506deadbeef");
  lcp.policy.send_echo(lcp.negotiator);
  (void)lcp.receive(kEchoReply, 2, "a0a1a2a3");
  (void)lcp.receive(kEchoReply, 2, "a0a1a2a3");
  CHECK(lcp.policy.outstanding_echoes() == 1);
  CHECK_FALSE(lcp.policy.looped_back());
  (void)lcp.receive(kEchoReq, 3, "deadbeef");
  (void)lcp.receive(kEchoReply, 2, "a0a1a2a3");
  (void)lcp.receive(kEchoReq, 2, "a0a1a2a3");
  CHECK_FALSE(lcp.policy.looped_back());
  (void)lcp.receive(kEchoReply, 2, "a0a1a2a3");
  CHECK(lcp.policy.looped_back());
}

TEST_CASE("rfc1661/5.7 a Protocol-Reject is cut to the peer's MRU and has a new identifier") {
  Lcp lcp(client());
  lcp.policy.send_protocol_reject(lcp.negotiator, PppProtocol(0xc02b), {});
  CHECK(sent(lcp.negotiator).empty());
  lcp.open("01040080");
  const Octets information(1500, 0x77);
  lcp.policy.send_protocol_reject(lcp.negotiator, PppProtocol(0xc02b), Bytes(information).first(2));
  lcp.policy.send_protocol_reject(lcp.negotiator, PppProtocol(0xc02b), information);
  const auto packets = sent_packets(lcp.negotiator);
  REQUIRE(packets.size() == 2);
  CHECK(hex(packets[0]) ==
        "08020008"
        "c02b7777");
  CHECK(packets[1].size() == 128);
  CHECK(packets[1][1] == 3);
}

TEST_CASE("rfc1661/5.7 rejected protocols are told, in Opened only, whole and bounded") {
  Lcp lcp(client());
  CHECK(lcp.receive(kProtoRej, 1, "80fd0101").empty());
  CHECK_FALSE(lcp.policy.poll_protocol_reject());
  lcp.open("");
  (void)lcp.receive(kProtoRej, 1, "80");
  (void)lcp.receive(kProtoRej, 1, "");
  CHECK_FALSE(lcp.policy.poll_protocol_reject());
  (void)lcp.receive(kProtoRej, 1, "80fd01010004");
  (void)lcp.receive(kProtoRej, 1, "8057");
  CHECK(lcp.policy.poll_protocol_reject() == protocol::kCcp);
  CHECK(lcp.policy.poll_protocol_reject() == protocol::kIpv6cp);
  CHECK_FALSE(lcp.policy.poll_protocol_reject());
  for (int i = 0; i < 1000; ++i)
    (void)lcp.receive(kProtoRej, 1, "8057");
  int polled = 0;
  while (lcp.policy.poll_protocol_reject())
    ++polled;
  CHECK(polled == 16);
}

TEST_CASE("rfc1570/2 Discard-Request, Identification and Time-Remaining are taken without a word") {
  Lcp lcp(client());
  for (int round = 0; round < 2; ++round) {
    for (const std::uint8_t code : {std::uint8_t{11}, std::uint8_t{12}, std::uint8_t{13}}) {
      CHECK(lcp.receive(code, 1, "deadbeef4d535241").empty());
      CHECK(lcp.receive(code, 1, "").empty());
    }
    if (round == 0) lcp.open("");
  }
  CHECK(lcp.receive(14, 1, "").substr(0, 2) == "07");
}

TEST_CASE("lcp/a renegotiation begins from what is wanted, not from what was agreed") {
  Lcp lcp(server());
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

TEST_CASE("lcp/every truncation and bit flip of every packet, before and in Opened, is survived") {
  const std::vector<Octets> packets = {
      control_packet(kConfReq, 1,
                     "01040578 020600000000 0305c22381 0506deadbeef 0702 0802 110405dc"),
      control_packet(kConfNak, 1, "01040578 020600000000 0305c22381 0506deadbeef 0702 0802"),
      control_packet(kConfRej, 1, "01040578 0506a0a1a2a3 0702 0802"),
      control_packet(kConfAck, 1, "01040578 0506a0a1a2a3 0702 0802"),
      control_packet(kProtoRej, 1, "80fd01010004"),
      control_packet(kEchoReq, 1, "deadbeef6162"),
      control_packet(kEchoReply, 1, "deadbeef"),
      control_packet(12, 1, "deadbeef"),
  };
  std::size_t survived = 0;
  for (const Role role : {Role::client, Role::server}) {
    for (const bool opened : {false, true}) {
      const auto feed = [&](const Octets& packet) {
        Lcp lcp(role == Role::client ? client() : server());
        if (opened) lcp.open("01040080");
        lcp.negotiator.receive(lcp.now, packet);
        for (const Octets& out : sent_packets(lcp.negotiator)) {
          if (out.size() < 4 || out.size() > 1500 || out.size() != out[2] * 256U + out[3])
            FAIL("malformed " << hex(out) << " for " << hex(packet));
        }
        const std::uint16_t mru = lcp.policy.peer_mru();
        if (mru < 128 || mru > 1500) FAIL("MRU after " << hex(packet));
        ++survived;
      };
      for (const Octets& packet : packets) {
        for (std::size_t size = 0; size <= packet.size(); ++size)
          feed(Octets(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(size)));
        for (std::size_t bit = 0; bit < packet.size() * 8; ++bit) {
          Octets damaged = packet;
          damaged[bit / 8] = static_cast<std::uint8_t>(damaged[bit / 8] ^ (1U << (bit % 8)));
          feed(damaged);
        }
      }
    }
  }
  CHECK(survived > 4000);
}

}  // namespace
}  // namespace pptp::test
