// One whole call against a server that behaves as the interop notes say that servers do.
#include <array>
#include <utility>

#include <doctest/doctest.h>

#include "tests/tunnel/manual_peer.h"
#include "tunnel/engine.h"

namespace pptp::test {
namespace {

using std::chrono::seconds;

constexpr std::uint16_t kGreS = 0x1000;
constexpr std::uint16_t kGreA = 0x0080;

constexpr std::uint16_t kMppeA = 0x8000;
constexpr std::uint16_t kMppeCount = 0x0fff;

CallConfig with_encryption(EncryptionConfig encryption) {
  CallConfig config = ManualPeer::config_for_client();
  config.link.encryption = encryption;
  return config;
}

EncryptionConfig stateful() {
  EncryptionConfig encryption;
  encryption.allow_stateful = true;
  encryption.ask_stateful = true;
  return encryption;
}

TEST_CASE("interop/3.2 the peer's call id, 0 or any, is the key of every GRE packet") {
  for (const std::uint16_t id : {std::uint16_t{0}, std::uint16_t{1}, std::uint16_t{0xffff}}) {
    ManualPeer peer(ManualPeer::config_for_client(), id);
    peer.bring_up();
    check_traffic(peer, 1);
    peer.say_frame(peer.seal_ip(ip_from_server(2)));
    peer.wait(seconds(1));  // an acknowledgement without data
    CHECK(peer.gre.back().payload.empty());
    for (const SentGre& sent : peer.gre)
      CHECK(sent.key_call == id);
  }
}

TEST_CASE("interop/3.6 GRE that comes before Outgoing-Call-Reply is kept for it, some of it") {
  ManualPeer peer;
  peer.ask_for_call();
  peer.say(protocol::kLcp, kConfReq, 1, "0305c22381 0506deadbeef");
  CHECK(peer.gre.empty());
  for (int i = 0; i < 20; ++i)
    peer.say(protocol::kLcp, kEchoReq, 1, "deadbeef");
  CHECK(peer.drops(Drop::ppp_wrong_phase) == 13);
  peer.say(peer.call_reply());
  CHECK(peer.take(protocol::kLcp, kConfAck));
  CHECK(peer.take(protocol::kLcp, kConfReq));
  // What was kept is given back in the end.
  CHECK(peer.pool.available() == peer.pool.capacity());
}

TEST_CASE("interop/3.7a the peer's first sequence number may be any") {
  for (const std::uint32_t first : {0U, 1U, 2U, 0x7fff'ffffU, 0x8000'0000U, 0xffff'fffeU}) {
    ManualPeer peer;
    peer.sequence = SeqNo(first);
    peer.bring_up();
    check_traffic(peer, first);
    CHECK(peer.drops(Drop::gre_late) == 0);
  }
}

TEST_CASE("interop/3.7a the first packets may be reordered, whatever their numbers") {
  for (const std::uint32_t first : {0U, 1U, 0x1234'5678U, 0xffff'ffffU}) {
    ManualPeer peer;
    peer.grant_call();
    // The Ack overtakes the Request that was sent before it.
    peer.sequence = SeqNo(first).next();
    peer.ack(protocol::kLcp);
    const Octets request = ManualPeer::packet(kConfReq, 1, "0305c22381 0506deadbeef");
    peer.say_datagram(
        ManualPeer::gre_datagram(SeqNo(first), ManualPeer::frame(protocol::kLcp, request)));
    CHECK(peer.take(protocol::kLcp, kConfAck));
    CHECK(peer.drops(Drop::gre_late) == 0);
  }
}

TEST_CASE("interop/3.7b an acknowledgement alone has neither S bit nor payload, both ways") {
  ManualPeer peer;
  peer.bring_up();
  const std::uint64_t before = peer.engine.drops().total();
  // From the peer: flags A and K alone, the acknowledgement where the sequence number would be.
  peer.say_datagram(from_digits("2081880b 0000 1001 00000002"));
  CHECK(peer.engine.drops().total() == before);
  check_traffic(peer, 1);
  peer.say_frame(peer.seal_ip(ip_from_server(2)));
  const SeqNo last = peer.sequence.minus(1);
  peer.wait(seconds(1));
  const SentGre& sent = peer.gre.back();
  CHECK((sent.flags & kGreS) == 0);
  CHECK((sent.flags & kGreA) != 0);
  CHECK(sent.payload_length == 0);
  CHECK(sent.acknowledgement == last.value());
}

TEST_CASE("interop/3.7c sending waits for no window: not for one of 0, nor for one never opened") {
  for (const std::uint16_t window : {std::uint16_t{0}, std::uint16_t{1}, std::uint16_t{3}}) {
    ManualPeer peer;
    peer.ask_for_call();
    OutgoingCallReply reply = peer.call_reply();
    reply.packet_receive_window = window;
    peer.say(reply);
    peer.authenticate();
    peer.open_ccp();
    peer.open_ipcp();
    for (std::uint32_t i = 0; i < 1'000; ++i)
      REQUIRE(peer.send_ip(ip_from_client(i)));
    CHECK(peer.open_last() == ip_from_client(999));
    CHECK(peer.drops(Drop::send_not_up) == 0);
    peer.wait(seconds(25));
    CHECK_FALSE(peer.ended);
    REQUIRE(peer.send_ip(ip_from_client(1'000)));
  }
}

TEST_CASE("interop/3.7b acknowledgements, duplicates and what opens to nothing prove no life") {
  CallConfig config = ManualPeer::config_for_client();
  config.link.echo_interval = seconds(10);
  ManualPeer peer(config);
  peer.bring_up();
  const Octets sealed = peer.seal_ip(ip_from_server(1));
  const Octets duplicate = ManualPeer::gre_datagram(peer.sequence, sealed);
  peer.say_frame(sealed);
  REQUIRE(peer.delivered.size() == 1);
  Octets acknowledgement(12);
  Writer out{MutableBytes(acknowledgement)};
  out.u32(0x2081'880b);
  out.u16(0);
  out.u16(kOwn.value());
  out.u32(0);
  for (int i = 0; i < 40 && !peer.ended; ++i) {
    peer.wait(seconds(5));
    peer.say_datagram(acknowledgement);
    peer.say_datagram(duplicate);
    // D bit clear: compressed, which MPPE never is.
    peer.say_frame(from_digits("ff0300fd 80014500"));
  }
  REQUIRE(peer.ended);
  CHECK(peer.ended->cause == Cause::peer_not_responding);
  CHECK(peer.drops(Drop::gre_duplicate) + peer.drops(Drop::gre_late) > 5);
  CHECK(peer.drops(Drop::mppe_malformed) > 5);
}

TEST_CASE("interop/3.7d disorder is put right before MPPE sees it, and duplicates go no further") {
  ManualPeer peer;
  peer.bring_up();
  std::array<Octets, 4> datagrams;
  for (std::uint32_t i = 0; i < 4; ++i) {
    datagrams.at(i) = ManualPeer::gre_datagram(peer.sequence, peer.seal_ip(ip_from_server(i)));
    peer.sequence = peer.sequence.next();
  }
  for (const std::size_t i : {2U, 1U, 1U, 3U, 0U, 2U, 0U})
    peer.say_datagram(datagrams.at(i));
  REQUIRE(peer.delivered.size() == 4);
  for (std::uint32_t i = 0; i < 4; ++i)
    CHECK(peer.delivered.at(i) == ip_from_server(i));
  CHECK(peer.drops(Drop::gre_duplicate) == 3);
  CHECK(peer.drops(Drop::mppe_late) == 0);
}

TEST_CASE("interop/3.7f octets behind the payload and behind the inner packet are trimmed") {
  ManualPeer peer;
  peer.bring_up();
  Octets padded = ip_from_server(1);
  padded.resize(padded.size() + 7, 0xee);
  Octets datagram = ManualPeer::gre_datagram(peer.sequence, peer.seal_ip(padded));
  peer.sequence = peer.sequence.next();
  datagram.resize(datagram.size() + 20, 0xdd);
  peer.say_datagram(datagram);
  REQUIRE(peer.delivered.size() == 1);
  CHECK(peer.delivered[0] == ip_from_server(1));
}

TEST_CASE("interop/3.8 nothing but IP is enciphered, and enciphered control packets are dropped") {
  ManualPeer peer;
  peer.bring_up();
  peer.say(protocol::kLcp, kEchoReq, 9, "deadbeef");
  CHECK(peer.take(protocol::kLcp, kEchoReply));
  // LCP and IPv6 inside MPPE: neither answered nor delivered.
  const std::size_t frames = peer.frames.size();
  for (const std::string_view inner :
       {"c021 09010008 deadbeef 0000000000000000000000000000", "0057 6000000000003b40"}) {
    peer.say_frame(peer.seal(from_digits(inner)));
  }
  CHECK(peer.frames.size() == frames);
  CHECK(peer.delivered.empty());
  check_traffic(peer, 1);
}

TEST_CASE("interop/3.8b the first packet has count 0, and in stateful mode no A bit") {
  ManualPeer stateless;
  stateless.bring_up();
  REQUIRE(stateless.send_ip(ip_from_client(0)));
  CHECK((stateless.last_mppe_header() & kMppeCount) == 0);
  CHECK((stateless.last_mppe_header() & kMppeA) != 0);

  ManualPeer peer(with_encryption(stateful()));
  peer.grant_call();
  peer.authenticate();
  peer.open_ccp("00000040");
  peer.open_ipcp();
  REQUIRE(peer.encryption->send.mode == MppeMode::stateful);
  REQUIRE(peer.send_ip(ip_from_client(0)));
  CHECK((peer.last_mppe_header() & kMppeCount) == 0);
  CHECK((peer.last_mppe_header() & kMppeA) == 0);
  CHECK(peer.open_last() == ip_from_client(0));
}

TEST_CASE("interop/3.9 a late packet is dropped, and the key chain stays where it is") {
  ManualPeer peer;
  peer.bring_up();
  check_traffic(peer, 0);
  // Late by its coherency count alone: the GRE numbers are in order.
  const Octets first = peer.seal_ip(ip_from_server(1));
  const Octets second = peer.seal_ip(ip_from_server(2));
  const Octets third = peer.seal_ip(ip_from_server(3));
  peer.say_frame(second);
  peer.say_frame(first);
  peer.say_frame(third);
  CHECK(peer.drops(Drop::mppe_late) == 1);
  REQUIRE(peer.delivered.size() == 3);
  CHECK(peer.delivered[1] == ip_from_server(2));
  CHECK(peer.delivered[2] == ip_from_server(3));
  check_traffic(peer, 4);
}

TEST_CASE("interop/3.10 a Reset-Request is answered by the rule that the peer has shown") {
  for (const FlushRule rule : {FlushRule::change_key, FlushRule::keep_key}) {
    ManualPeer peer(with_encryption(stateful()));
    peer.grant_call();
    peer.authenticate();
    peer.open_ccp("00000040");
    peer.open_ipcp();
    REQUIRE(peer.encryption->send.mode == MppeMode::stateful);
    REQUIRE(peer.encryption->receive.mode == MppeMode::stateful);
    // A second sealer with the Engine's key: what it makes is what must go out.
    MppeSealer reference(peer.receive_key.clone(), peer.encryption->send);
    const auto expected = [&](std::uint32_t number) {
      Octets inner = {0x00, 0x21};
      const Octets ip = ip_from_client(number);
      inner.insert(inner.end(), ip.begin(), ip.end());
      Packet slot = peer.pool.acquire();
      REQUIRE(slot.assign(inner));
      reference.seal(std::span(&slot, 1));
      return ManualPeer::frame(protocol::kMppe, slot.bytes());
    };
    for (std::uint32_t i = 0; i < 5; ++i) {
      peer.say_frame(peer.seal_ip(ip_from_server(i)));
      REQUIRE(peer.send_ip(ip_from_client(i)));
      CHECK(peer.gre.back().payload == expected(i));
    }
    // One is lost, the Engine asks for a reset, and the peer does what it does.
    (void)peer.seal_ip(ip_from_server(5));
    peer.say_frame(peer.seal_ip(ip_from_server(6)));
    const auto request = peer.take(protocol::kCcp, kResetReq);
    REQUIRE(request);
    CHECK(request->information.size() == 4);
    peer.sealer->flush(rule);
    peer.say_frame(peer.seal_ip(ip_from_server(7)));
    CHECK(peer.delivered.back() == ip_from_server(7));

    // Now the other way; interop note 3.12: some send data, and the same identifier each time.
    for (std::uint32_t i = 10; i < 12; ++i) {
      peer.say(protocol::kCcp, kResetReq, 1, "01000040");
      peer.say(protocol::kCcp, kResetReq, 1);
      CHECK(peer.take(protocol::kCcp, kResetAck));
      reference.flush(rule);
      REQUIRE(peer.send_ip(ip_from_client(i)));
      CHECK((peer.last_mppe_header() & kMppeA) != 0);
      CHECK(peer.gre.back().payload == expected(i));
    }
    REQUIRE(peer.send_ip(ip_from_client(12)));
    CHECK((peer.last_mppe_header() & kMppeA) == 0);
  }
}

TEST_CASE("interop/3.12 a Reset-Request that goes unheard is repeated after 100 ms") {
  ManualPeer peer(with_encryption(stateful()));
  peer.grant_call();
  peer.authenticate();
  peer.open_ccp("00000040");
  peer.open_ipcp();
  peer.say_frame(peer.seal_ip(ip_from_server(0)));
  (void)peer.seal_ip(ip_from_server(1));
  peer.say_frame(peer.seal_ip(ip_from_server(2)));
  CHECK(peer.take(protocol::kCcp, kResetReq));
  // Nothing more to decipher: nobody waits for anything.
  peer.wait(seconds(1));
  CHECK_FALSE(peer.take(protocol::kCcp, kResetReq));
  peer.say_frame(peer.seal_ip(ip_from_server(3)));
  CHECK(peer.take(protocol::kCcp, kResetReq));
  peer.wait(std::chrono::milliseconds(10));
  peer.say_frame(peer.seal_ip(ip_from_server(4)));
  peer.wait(std::chrono::milliseconds(89));
  CHECK_FALSE(peer.take(protocol::kCcp, kResetReq));
  peer.wait(std::chrono::milliseconds(1));
  CHECK(peer.take(protocol::kCcp, kResetReq));
  // One that was heard is not repeated.
  peer.say_frame(peer.seal_ip(ip_from_server(5)));
  peer.sealer->flush();
  peer.say_frame(peer.seal_ip(ip_from_server(6)));
  CHECK(peer.delivered.back() == ip_from_server(6));
  peer.wait(seconds(1));
  CHECK_FALSE(peer.take(protocol::kCcp, kResetReq));
}

TEST_CASE("interop/3.26 key streams used twice are counted, and no key is used without bound") {
  ManualPeer peer(with_encryption(stateful()));
  peer.grant_call();
  peer.authenticate();
  peer.open_ccp("00000040");
  peer.open_ipcp();
  // The peer shows that it begins anew with the same key.
  peer.say_frame(peer.seal_ip(ip_from_server(0)));
  (void)peer.seal_ip(ip_from_server(1));
  peer.sealer->flush(FlushRule::keep_key);
  peer.say_frame(peer.seal_ip(ip_from_server(2)));
  REQUIRE(peer.delivered.size() == 2);
  unsigned flushed = 0;
  for (std::uint32_t i = 0; i < 300; ++i) {
    peer.say(protocol::kCcp, kResetReq, 1);
    REQUIRE(peer.send_ip(ip_from_client(i)));
    if ((peer.last_mppe_header() & kMppeA) != 0) ++flushed;
    CHECK(peer.open_last() == ip_from_client(i));
  }
  // Of 255 packets with the first key, and of 45 with the next; and the flag packet between.
  CHECK(flushed == 2 * MppeSealer::kMostReuses + 1);
  CHECK(peer.engine.tx().streams_reused() == 2 * MppeSealer::kMostReuses);
}

TEST_CASE("interop/3.11 in stateful mode every flag packet that goes out has its A bit") {
  ManualPeer peer(with_encryption(stateful()));
  peer.grant_call();
  peer.authenticate();
  peer.open_ccp("00000040");
  peer.open_ipcp();
  unsigned flags = 0;
  for (std::uint32_t i = 0; i < 5'000; ++i) {
    REQUIRE(peer.send_ip(ip_from_client(i)));
    const std::uint16_t header = peer.last_mppe_header();
    CHECK((header & kMppeCount) == (i & kMppeCount));
    const bool flag = (header & 0xff) == 0xff;
    if (((header & kMppeA) != 0) != flag) FAIL("count " << (header & kMppeCount));
    if (flag) ++flags;
    if (peer.open_last() != ip_from_client(i)) FAIL("packet " << i);
  }
  CHECK(flags == 19);
}

TEST_CASE("interop/3.14 one octet protocol fields are read inside MPPE and outside, never agreed") {
  CallConfig config = ManualPeer::config_for_client();
  config.link.pfc = false;
  config.link.acfc = false;
  ManualPeer peer(config);
  peer.bring_up();
  const Octets ip = ip_from_server(1);
  Octets inner = {0x21};
  inner.insert(inner.end(), ip.begin(), ip.end());
  peer.say_frame(peer.seal(inner));
  REQUIRE(peer.delivered.size() == 1);
  CHECK(peer.delivered[0] == ip);
  // The outer one as well, and without address and control.
  const Octets whole = peer.seal_ip(ip_from_server(2));
  Octets compressed = {0xfd};
  compressed.insert(compressed.end(), whole.begin() + 4, whole.end());
  peer.say_frame(compressed);
  REQUIRE(peer.delivered.size() == 2);
  CHECK(peer.delivered[1] == ip_from_server(2));
  // What is sent is as long as it was agreed to be.
  REQUIRE(peer.send_ip(ip_from_client(1)));
  CHECK(hex(Bytes(peer.gre.back().payload).first(4)) == "ff0300fd");
}

TEST_CASE("interop/3.14 a one octet inner protocol field is sent where it was agreed") {
  ManualPeer peer;
  peer.grant_call();
  peer.authenticate("0305c22381 0506deadbeef 0702 0802");
  peer.open_ccp();
  peer.open_ipcp();
  REQUIRE(peer.send_ip(ip_from_client(1)));
  // fd, MPPE header, 21, packet.
  CHECK(peer.gre.back().payload.size() == 1 + 2 + 1 + 60);
  CHECK(peer.open_last() == ip_from_client(1));
}

TEST_CASE("interop/3.15 each direction has its own key length and mode") {
  EncryptionConfig encryption;
  encryption.allow_40 = true;
  encryption.allow_stateful = true;
  ManualPeer peer(with_encryption(encryption));
  peer.grant_call();
  peer.authenticate();
  // What the Engine receives with: it asks for both lengths, and is naked down to 40 bits.
  const auto first = peer.take(protocol::kCcp, kConfReq);
  REQUIRE(first);
  CHECK(first->options() == "120601000060");
  peer.say(protocol::kCcp, kConfNak, first->id(), "120601000020");
  peer.ack(protocol::kCcp);
  // What it sends with: the peer insists on stateful mode with 128 bits.
  peer.say(protocol::kCcp, kConfReq, 1, "120600000040");
  const auto nak = peer.take(protocol::kCcp, kConfNak);
  REQUIRE(nak);
  CHECK(nak->options() == "120601000040");
  peer.ask(protocol::kCcp, "120600000040");
  peer.take_keys();
  CHECK(peer.encryption->receive == MppeParameters{KeyBits::k40, MppeMode::stateless});
  CHECK(peer.encryption->send == MppeParameters{KeyBits::k128, MppeMode::stateful});
  peer.open_ipcp();
  for (std::uint32_t i = 0; i < 600; ++i)
    check_traffic(peer, i);
}

TEST_CASE("interop/3.18 LCP goes out with FF 03 whatever was agreed, and comes in either way") {
  ManualPeer peer;
  peer.grant_call();
  peer.authenticate("0305c22381 0506deadbeef 0702 0802");
  peer.open_ccp();
  peer.open_ipcp();
  peer.gre.clear();
  // c021 alone, as with address and control compressed.
  peer.say_frame(from_digits("c021 09040008 deadbeef"));
  REQUIRE(peer.take(protocol::kLcp, kEchoReply));
  CHECK(hex(Bytes(peer.gre.back().payload).first(4)) == "ff03c021");
  // IPCP need not.
  peer.say_frame(from_digits("8021 c8050004"));
  CHECK(hex(Bytes(peer.gre.back().payload).first(2)) == "8021");
}

TEST_CASE("interop/3.18 what servers offer and is not spoken here does not hold the link up") {
  ManualPeer peer;
  peer.grant_call();
  peer.ack(protocol::kLcp);
  // MRRU, endpoint discriminator, callback, link discriminator.
  peer.say(protocol::kLcp, kConfReq, 1,
           "0305c22381 1104 05dc 130301 0d0306 1704 0001 0506deadbeef");
  const auto reject = peer.take(protocol::kLcp, kConfRej);
  REQUIRE(reject);
  CHECK(reject->options() == "110405dc1303010d030617040001");
  // BACP and IPV6CP are protocols: Protocol-Reject, once LCP is open.
  peer.say(protocol::kLcp, kConfReq, 2, "0305c22381 0506deadbeef");
  CHECK(peer.take(protocol::kLcp, kConfAck));
  CHECK(peer.engine.peer_mru() == 1500);
}

TEST_CASE("interop/3.18 unknown protocols meet a Protocol-Reject, and the call goes on") {
  ManualPeer peer;
  peer.bring_up();
  for (const std::string_view number : {"c02b", "8057"}) {
    peer.say(PppProtocol(Reader(from_digits(number)).u16()), kConfReq, 1);
    const auto reject = peer.take(protocol::kLcp, kProtRej);
    REQUIRE(reject);
    CHECK(reject->options() == std::string(number) + "01010004");
  }
  check_traffic(peer, 1);
}

TEST_CASE("interop/3.18 an Echo-Reply is cut to the peer's MRU") {
  ManualPeer peer;
  peer.grant_call();
  peer.authenticate("01040080 0305c22381 0506deadbeef");
  CHECK(peer.engine.peer_mru() == 128);
  std::string digits = "deadbeef";
  for (int i = 0; i < 600; ++i)
    digits += "55";
  peer.say(protocol::kLcp, kEchoReq, 9, digits);
  const auto reply = peer.take(protocol::kLcp, kEchoReply);
  REQUIRE(reply);
  CHECK(reply->information.size() == 128);
}

TEST_CASE("interop/3.21 flags, escapes and check sequences of HDLC are octets like any other") {
  ManualPeer peer;
  peer.bring_up();
  // What a framing by characters would escape or cut, both ways and to the last octet.
  const std::string digits = "7e7d5e7d5d0001117e";
  peer.say(protocol::kLcp, kEchoReq, 9, "deadbeef" + digits);
  const auto reply = peer.take(protocol::kLcp, kEchoReply);
  REQUIRE(reply);
  CHECK(reply->options().substr(8) == digits);
  CHECK(peer.gre.back().payload.size() == 4 + 4 + 4 + digits.size() / 2);
}

Octets ipv6_packet(std::uint8_t number) {
  Octets octets(48);
  octets[0] = 0x60;
  octets[5] = 8;
  octets[6] = 59;
  octets[7] = number;
  return octets;
}

TEST_CASE("interop/3.31 ipv6 passes once both have an identifier, enciphered like ipv4") {
  CallConfig config = ManualPeer::config_for_client();
  config.link.ipv6 = true;
  ManualPeer peer(config);
  peer.bring_up();
  const auto send = [&](std::uint8_t number) {
    Octets inner = {0x00, 0x57};
    const Octets packet = ipv6_packet(number);
    inner.insert(inner.end(), packet.begin(), packet.end());
    peer.say_frame(peer.seal(inner));
  };
  CHECK_FALSE(peer.send_ip(ipv6_packet(0)));
  CHECK(peer.drops(Drop::send_not_up) == 1);
  send(0);
  CHECK(peer.delivered.empty());
  peer.ack(protocol::kIpv6cp);
  peer.ask(protocol::kIpv6cp, "010a0200000000000001");
  REQUIRE(peer.ipv6);
  CHECK(peer.ipv6->peer == InterfaceId{2, 0, 0, 0, 0, 0, 0, 1});
  send(1);
  REQUIRE(peer.delivered.size() == 1);
  CHECK(peer.delivered[0] == ipv6_packet(1));
  REQUIRE(peer.send_ip(ipv6_packet(2)));
  const Result<Frame> outer = parse_frame(peer.gre.back().payload);
  REQUIRE(outer);
  REQUIRE(outer->protocol == protocol::kMppe);
  Packet slot = peer.pool.acquire();
  REQUIRE(slot.assign(outer->information));
  REQUIRE_FALSE(peer.opener->open(slot));
  const Result<Frame> inner = parse_inner_frame(slot.bytes());
  REQUIRE(inner);
  CHECK(inner->protocol == protocol::kIpv6);
  CHECK(std::ranges::equal(inner->information, ipv6_packet(2)));
  slot.release();
  // In clear it is refused, and a packet that is none goes nowhere.
  peer.say(protocol::kIpv6, ipv6_packet(3));
  CHECK(peer.drops(Drop::clear_refused) == 1);
  Octets cut = ipv6_packet(4);
  cut.pop_back();
  CHECK_FALSE(peer.send_ip(cut));
  CHECK(peer.drops(Drop::send_malformed) == 1);
  check_traffic(peer, 5);
  // The peer gives it up again.
  peer.say(protocol::kIpv6cp, kTermReq, 7);
  CHECK(peer.take(protocol::kIpv6cp, kTermAck));
  CHECK_FALSE(peer.ipv6);
  CHECK_FALSE(peer.send_ip(ipv6_packet(6)));
  check_traffic(peer, 7);
}

}  // namespace
}  // namespace pptp::test
