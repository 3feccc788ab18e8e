// One whole call against a server that the test plays: what may pass, and when.
#include "tunnel/engine.h"

#include <array>
#include <utility>

#include <doctest/doctest.h>

#include "tests/tunnel/manual_peer.h"

namespace pptp::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST_CASE("engine/a call comes up, carries packets both ways and says nothing in clear") {
  ManualPeer peer;
  peer.bring_up();
  CHECK(peer.story == "connected authenticated encrypted up");
  CHECK(peer.network->local == kClientInner);
  CHECK(peer.network->peer == kServerInner);
  for (std::uint32_t i = 0; i < 300; ++i)
    check_traffic(peer, i);
  for (const SentFrame& frame : peer.frames)
    CHECK(!frame.protocol.is_network_layer());
  CHECK(peer.engine.tx().counters().packets == 300);
  CHECK(peer.engine.rx().counters().packets == 300);
}

// --- interop note 3.16: what comes first ---

/// As far as the Network phase, where the peer opens IPCP and leaves CCP lie.
void open_ipcp_first(ManualPeer& peer) {
  peer.grant_call();
  peer.authenticate();
  peer.ask(protocol::kIpcp, "0306c0a84d01");
  peer.ack_address();
  CHECK(peer.story == "connected authenticated");
}

void check_held(ManualPeer& peer) {
  const std::uint64_t refused = peer.drops(Drop::clear_refused);
  const std::uint64_t not_up = peer.drops(Drop::send_not_up);
  peer.say(protocol::kIp, ip_from_server(1));
  CHECK(peer.drops(Drop::clear_refused) == refused + 1);
  CHECK(peer.delivered.empty());
  CHECK_FALSE(peer.send_ip(ip_from_client(1)));
  CHECK(peer.drops(Drop::send_not_up) == not_up + 1);
  CHECK_FALSE(peer.network);
}

TEST_CASE("interop/3.16 IPCP that opens first is held until encryption is up") {
  ManualPeer peer;
  open_ipcp_first(peer);
  check_held(peer);
  peer.open_ccp();
  CHECK(peer.story == "connected authenticated encrypted up");
  check_traffic(peer, 2);
  // In clear nothing passes now either.
  const std::uint64_t refused = peer.drops(Drop::clear_refused);
  peer.say(protocol::kIp, ip_from_server(3));
  CHECK(peer.drops(Drop::clear_refused) == refused + 1);
  CHECK(peer.delivered.size() == 1);
}

TEST_CASE("interop/3.16 IPCP alone does not do: every way to refuse CCP ends the call") {
  SUBCASE("Protocol-Reject") {
    ManualPeer peer;
    open_ipcp_first(peer);
    check_held(peer);
    peer.say(protocol::kLcp, kProtRej, 5, "80fd 0101000a120601000040");
    peer.wait(seconds(3));
    REQUIRE(peer.ended);
    CHECK(peer.ended->cause == Cause::mppe_peer_refused);
    CHECK(peer.take(protocol::kLcp, kTermReq));
    check_held(peer);
  }
  SUBCASE("Terminate-Request") {
    ManualPeer peer;
    open_ipcp_first(peer);
    peer.say(protocol::kCcp, kTermReq, 5);
    peer.wait(seconds(3));
    check_held(peer);
    peer.wait(minutes(1));
    REQUIRE(peer.ended);
    CHECK((peer.ended->cause == Cause::mppe_peer_refused ||
           peer.ended->cause == Cause::mppe_timeout));
    check_held(peer);
  }
  SUBCASE("Configure-Reject of the option") {
    ManualPeer peer;
    open_ipcp_first(peer);
    const auto request = peer.take(protocol::kCcp, kConfReq);
    REQUIRE(request);
    peer.say(protocol::kCcp, kConfRej, request->id(), request->options());
    peer.wait(seconds(3));
    REQUIRE(peer.ended);
    CHECK(peer.ended->cause == Cause::mppe_peer_refused);
    check_held(peer);
  }
  SUBCASE("silence") {
    ManualPeer peer;
    open_ipcp_first(peer);
    for (int i = 0; i < 60 && !peer.ended; ++i) {
      check_held(peer);
      peer.wait(seconds(1));
    }
    REQUIRE(peer.ended);
    CHECK(peer.ended->cause == Cause::mppe_timeout);
    check_held(peer);
  }
}

TEST_CASE("interop/3.16 MPPE packets before CCP has opened are dropped") {
  ManualPeer peer;
  peer.grant_call();
  peer.authenticate();
  peer.say(protocol::kMppe, from_digits("9000 0123456789abcdef"));
  CHECK(peer.drops(Drop::mppe_not_ready) == 1);
  peer.open_ccp();
  // Keys, but no network yet: deciphered, for the cipher's sake, and not delivered.
  peer.say_frame(peer.seal_ip(ip_from_server(1)));
  CHECK(peer.delivered.empty());
  peer.open_ipcp();
  check_traffic(peer, 2);
}

TEST_CASE("interop/3.16 a client that requires encryption begins IPCP behind CCP") {
  // pppd answers IPCP that comes before CCP with Terminate-Ack alone.
  ManualPeer peer;
  peer.grant_call();
  peer.authenticate();
  peer.wait(seconds(1));
  CHECK_FALSE(peer.take(protocol::kIpcp, kConfReq));
  peer.open_ccp();
  peer.open_ipcp();
  check_traffic(peer, 1);
}

TEST_CASE("engine/when encryption goes, or the call ends, nothing passes any more") {
  ManualPeer peer;
  peer.bring_up();
  check_traffic(peer, 0);
  const Octets enciphered = peer.seal_ip(ip_from_server(1));
  SUBCASE("the peer takes CCP down") {
    peer.say(protocol::kCcp, kTermReq, 7);
  }
  SUBCASE("TCP ends") {
    peer.engine.control_closed(peer.now);
  }
  SUBCASE("we close") {
    peer.engine.close(peer.now);
  }
  peer.drain();
  CHECK_FALSE(peer.network);
  const std::size_t delivered = peer.delivered.size();
  CHECK_FALSE(peer.send_ip(ip_from_client(1)));
  peer.say_frame(enciphered);
  peer.say(protocol::kIp, ip_from_server(2));
  CHECK(peer.delivered.size() == delivered);
  CHECK(peer.drops(Drop::send_not_up) == 1);
  peer.wait(seconds(5));
  CHECK(peer.ended);
}

TEST_CASE("engine/CCP negotiated anew: the gate is shut until it is through") {
  ManualPeer peer;
  peer.bring_up();
  check_traffic(peer, 0);
  peer.say(protocol::kCcp, kConfReq, 77, "120601000040");
  CHECK_FALSE(peer.network);
  CHECK_FALSE(peer.send_ip(ip_from_client(1)));
  peer.say(protocol::kIp, ip_from_server(1));
  CHECK(peer.delivered.size() == 1);
  peer.ack(protocol::kCcp);
  CHECK(peer.network);
  peer.take_keys();
  check_traffic(peer, 2);
}

TEST_CASE("engine/a packet that is too long or not a packet is not sent") {
  ManualPeer peer;
  peer.bring_up();
  peer.engine.set_mtu(100);
  CHECK(peer.send_ip(ip_from_client(1, 100)));
  CHECK_FALSE(peer.send_ip(ip_from_client(2, 101)));
  CHECK(peer.drops(Drop::send_too_big) == 1);
  Octets lies = ip_from_client(3);
  lies.pop_back();
  CHECK_FALSE(peer.send_ip(lies));
  CHECK_FALSE(peer.send_ip(from_digits("45000010")));
  CHECK(peer.drops(Drop::send_malformed) == 2);
}

TEST_CASE("engine/TCP's segments are kept to the MTU in both directions") {
  // A SYN of 10.0.0.1 to 10.0.0.2 that announces 1460.
  const Octets syn = from_digits(
      "4500002c 00014000 400626c9 0a000001 0a000002"
      "c00001bb 01020304 00000000 6002ffff 12340000 020405b4");
  const auto segment_size = [](const Octets& packet) { return packet.at(42) << 8 | packet.at(43); };
  CallConfig config = ManualPeer::config_for_client();
  SUBCASE("by default") {
    ManualPeer peer(config);
    peer.bring_up();
    peer.engine.set_mtu(1380);
    REQUIRE(peer.send_ip(syn));
    CHECK(segment_size(peer.open_last()) == 1340);
    peer.say_frame(peer.seal_ip(syn));
    REQUIRE(peer.delivered.size() == 1);
    CHECK(segment_size(peer.delivered[0]) == 1340);
  }
  SUBCASE("not when it is not wanted") {
    config.mss_clamp = false;
    ManualPeer peer(config);
    peer.bring_up();
    peer.engine.set_mtu(1380);
    REQUIRE(peer.send_ip(syn));
    CHECK(peer.open_last() == syn);
    peer.say_frame(peer.seal_ip(syn));
    REQUIRE(peer.delivered.size() == 1);
    CHECK(peer.delivered[0] == syn);
  }
}

TEST_CASE("engine/a batch is sealed in place, what must not go is taken out of it") {
  ManualPeer peer;
  peer.bring_up();
  std::array<Packet, 4> batch;
  for (Packet& packet : batch)
    packet = peer.pool.acquire();
  REQUIRE(batch[0].assign(ip_from_client(0)));
  REQUIRE(batch[1].assign(from_digits("ffff")));
  REQUIRE(batch[2].assign(ip_from_client(2)));
  REQUIRE(batch[3].assign(ip_from_client(3)));
  REQUIRE(peer.engine.seal(peer.now, batch) == 3);
  std::optional<std::uint32_t> last;
  for (const std::uint32_t i : {0U, 1U, 2U}) {
    peer.gre.push_back(read_gre(batch.at(i).bytes()));
    CHECK(peer.open_last() == ip_from_client(i == 0 ? 0 : i + 1));
    if (last) CHECK(peer.gre.back().sequence == *last + 1);
    last = peer.gre.back().sequence;
  }
  CHECK_FALSE(batch[3].has_slot());
}

TEST_CASE("engine/without a slot frames are lost and counted, and the call goes on") {
  ManualPeer peer;
  peer.bring_up();
  std::vector<Packet> all;
  for (Packet packet = peer.pool.acquire(); packet.has_slot(); packet = peer.pool.acquire())
    all.push_back(std::move(packet));
  peer.wait(seconds(31));  // an Echo-Request is due
  CHECK(peer.drops(Drop::no_slot) == 1);
  CHECK_FALSE(peer.take(protocol::kLcp, kEchoReq));
  all.clear();
  peer.wait(seconds(30));
  CHECK(peer.take(protocol::kLcp, kEchoReq));
  check_traffic(peer, 1);
}

TEST_CASE("engine/packets of other calls and of none are dropped and counted") {
  ManualPeer peer;
  peer.bring_up();
  peer.say_datagram(from_digits("3001880b 0004 1002 00000040 ff03c021"));
  CHECK(peer.drops(Drop::gre_other_call) == 1);
  peer.say_datagram(from_digits("0000880b"));
  CHECK(peer.drops(Drop::gre_malformed) == 1);
  peer.say(protocol::kLcp, from_digits("01010063"));
  CHECK(peer.drops(Drop::ppp_control_malformed) == 1);
  check_traffic(peer, 1);
}

// --- taking down ---

TEST_CASE("interop/3.28 a peer that answers nothing does not hold up the end") {
  ManualPeer peer;
  peer.bring_up();
  const TimePoint start = peer.now;
  peer.engine.close(peer.now);
  peer.drain();
  CHECK(peer.take(protocol::kLcp, kTermReq));
  while (!peer.ended) {
    REQUIRE(peer.now - start < seconds(2));
    peer.wait(milliseconds(50));
  }
  CHECK(peer.ended->cause == Cause::closed_locally);
  CHECK(std::holds_alternative<CallClearRequest>(peer.said.back()));
  peer.wait(seconds(2) - (peer.now - start));
  CHECK(peer.engine.control_finished());
}

TEST_CASE("interop/3.28 pptpd closes TCP on Call-Clear-Request, which is the end as well") {
  ManualPeer peer;
  peer.bring_up();
  peer.engine.close(peer.now);
  peer.drain();
  const auto request = peer.take(protocol::kLcp, kTermReq);
  REQUIRE(request);
  peer.say(protocol::kLcp, kTermAck, request->id());
  REQUIRE(std::holds_alternative<CallClearRequest>(peer.said.back()));
  CHECK(std::get<CallClearRequest>(peer.said.back()).call_id == kOwn.value());
  peer.engine.control_closed(peer.now);
  peer.drain();
  REQUIRE(peer.ended);
  CHECK(peer.ended->cause == Cause::closed_locally);
  CHECK(peer.engine.control_finished());
  peer.wait(seconds(1));
  CHECK_FALSE(peer.engine.next_deadline());
}

}  // namespace
}  // namespace pptp::test
