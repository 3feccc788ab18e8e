// A call whose sending half is the caller's own (Engine::send_elsewhere()), beside one that does it
// all: every GRE packet must be the same.
#include <chrono>
#include <utility>

#include <doctest/doctest.h>

#include "tests/tunnel/manual_peer.h"

namespace pptp::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

bool operator==(const SentGre& one, const SentGre& other) {
  return one.flags == other.flags && one.key_call == other.key_call &&
         one.sequence == other.sequence && one.acknowledgement == other.acknowledgement &&
         one.payload == other.payload;
}

/// Has both do `what`, and compares all that they have sent.
template <class What>
void check_alike(const CallConfig& config, What what) {
  const auto peer_with = [&] {
    CallConfig own = config;
    return ManualPeer(std::move(own));
  };
  ManualPeer whole = peer_with();
  ManualPeer split = peer_with();
  split.send_elsewhere();
  what(whole);
  what(split);
  CHECK(whole.story == split.story);
  REQUIRE(whole.gre.size() == split.gre.size());
  for (std::size_t i = 0; i < whole.gre.size(); ++i) {
    CAPTURE(i);
    CHECK((whole.gre[i] == split.gre[i]));
  }
  CHECK(whole.delivered == split.delivered);
  const TxReport one = whole.engine.tx().report();
  const TxReport other = split.elsewhere->report();
  CHECK(one.traffic.packets == other.traffic.packets);
  CHECK(one.traffic.octets == other.traffic.octets);
  CHECK(one.drops.total() == other.drops.total());
  CHECK(one.streams_reused == other.streams_reused);
  CHECK(one.round_trip == other.round_trip);
  CHECK(one.was_acknowledged == other.was_acknowledged);
  CHECK(whole.engine.drops().total() == split.engine.drops().total() + other.drops.total());
}

/// Data both ways, with what rides on it.
void traffic(ManualPeer& peer) {
  for (std::uint32_t i = 0; i < 100; ++i) {
    peer.send_ip(ip_from_client(i, 40 + 13 * i));
    if (i % 3 == 0) peer.say_frame(peer.seal_ip(ip_from_server(i)));
    peer.wait(milliseconds(i % 7));
  }
  for (std::uint32_t i = 0; i < 80; ++i)  // a download without an answer
    peer.say_frame(peer.seal_ip(ip_from_server(i)));
  peer.wait(seconds(1));
}

TEST_CASE("elsewhere/a call comes up, carries packets, answers echoes and ends") {
  check_alike(ManualPeer::config_for_client(), [](ManualPeer& peer) {
    peer.bring_up();
    peer.engine.set_mtu(1200);
    peer.drain();
    traffic(peer);
    peer.say(protocol::kLcp, kEchoReq, 9, "00000000");
    peer.wait(seconds(40));  // and our own
    traffic(peer);
    peer.engine.close(peer.now);
    peer.drain();
    peer.send_ip(ip_from_client(1));  // nothing may leave any more
    peer.wait(seconds(10));
  });
}

TEST_CASE("elsewhere/the peer's window is kept to") {
  CallConfig config = ManualPeer::config_for_client();
  config.pace_by_window = true;
  check_alike(config, [](ManualPeer& peer) {
    peer.bring_up();
    traffic(peer);
    peer.wait(seconds(5));
  });
}

TEST_CASE("elsewhere/a peer that needs each packet to acknowledge") {
  CallConfig config = ManualPeer::config_for_client();
  config.quirks.add(Quirk::always_ack);
  check_alike(config, [](ManualPeer& peer) {
    peer.bring_up();
    traffic(peer);
  });
}

TEST_CASE("elsewhere/stateful: what the peer has lost is begun anew") {
  CallConfig config = ManualPeer::config_for_client();
  config.link.encryption.allow_stateful = true;
  config.link.encryption.ask_stateful = true;
  check_alike(config, [](ManualPeer& peer) {
    peer.grant_call();
    peer.authenticate();
    peer.open_ccp("00000040");
    peer.open_ipcp();
    REQUIRE(peer.encryption->send.mode == MppeMode::stateful);
    for (std::uint32_t i = 0; i < 300; ++i)
      peer.send_ip(ip_from_client(i));
    peer.say(protocol::kCcp, kResetReq, 1);
    for (std::uint32_t i = 0; i < 300; ++i)
      peer.send_ip(ip_from_client(i));
  });
}

TEST_CASE("elsewhere/encryption that is negotiated anew takes the keys and the gate with it") {
  check_alike(ManualPeer::config_for_client(), [](ManualPeer& peer) {
    peer.bring_up();
    traffic(peer);
    peer.say(protocol::kCcp, kConfReq, 77, "120601000040");
    CHECK_FALSE(peer.send_ip(ip_from_client(1)));
    peer.wait(seconds(30));
  });
}

}  // namespace
}  // namespace pptp::test
