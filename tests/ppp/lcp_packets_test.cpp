// The packets that LCP has beside those of negotiation, and damaged ones of all kinds.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "ppp/lcp.h"
#include "tests/ppp/lcp_end.h"

namespace pptp::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST_CASE("rfc1661/5.8 an echo is answered with our magic number and the peer's data") {
  Lcp lcp(lcp_client());
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
  Lcp lcp(lcp_client());
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
  Lcp lcp(lcp_client());
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

TEST_CASE("rfc1661/6.4 three of our own Echo-Requests that come back running are a loop") {
  Lcp lcp(lcp_client());
  lcp.open("0506deadbeef");
  for (const char* const between : {"deadbeef", "00000000"}) {
    (void)lcp.receive(kEchoReq, 2, "a0a1a2a3");
    (void)lcp.receive(kEchoReq, 3, "a0a1a2a3");
    CHECK_FALSE(lcp.policy.looped_back());
    (void)lcp.receive(kEchoReq, 4, between);
  }
  (void)lcp.receive(kEchoReq, 2, "a0a1a2a3");
  (void)lcp.receive(kEchoReq, 3, "a0a1a2a3");
  (void)lcp.receive(kEchoReply, 3, "deadbeef");
  // On a loop the Reply to each comes back as well, with our number: neither for nor against.
  for (const std::uint8_t id : {std::uint8_t{4}, std::uint8_t{5}, std::uint8_t{6}}) {
    CHECK_FALSE(lcp.policy.looped_back());
    (void)lcp.receive(kEchoReq, id, "a0a1a2a3");
    (void)lcp.receive(kEchoReply, id, "a0a1a2a3");
  }
  CHECK(lcp.policy.looped_back());
}

TEST_CASE("lcp/DEVIATION an Echo-Reply with our own magic number is an answer, and no loop") {
  Lcp lcp(lcp_client());
  lcp.open("0506deadbeef");
  for (int i = 0; i < 10; ++i) {
    lcp.policy.send_echo(lcp.negotiator);
    CHECK(lcp.policy.outstanding_echoes() == 1);
    (void)lcp.receive(kEchoReply, 2, "a0a1a2a3");
    CHECK(lcp.policy.outstanding_echoes() == 0);
    CHECK_FALSE(lcp.policy.looped_back());
  }
}

TEST_CASE("rfc1661/5.7 a Protocol-Reject is cut to the peer's MRU and has a new identifier") {
  Lcp lcp(lcp_client());
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
  Lcp lcp(lcp_client());
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
  Lcp lcp(lcp_client());
  for (int round = 0; round < 2; ++round) {
    for (const std::uint8_t code : {std::uint8_t{11}, std::uint8_t{12}, std::uint8_t{13}}) {
      CHECK(lcp.receive(code, 1, "deadbeef4d535241").empty());
      CHECK(lcp.receive(code, 1, "").empty());
    }
    if (round == 0) lcp.open("");
  }
  CHECK(lcp.receive(14, 1, "").substr(0, 2) == "07");
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
        Lcp lcp(role == Role::client ? lcp_client() : lcp_server());
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
