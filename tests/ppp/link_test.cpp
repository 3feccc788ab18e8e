#include "ppp/link.h"

#include <algorithm>
#include <chrono>
#include <string>

#include <doctest/doctest.h>

#include "tests/ppp/link_pair.h"

namespace pptp::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint8_t kProtRej = 8;
constexpr std::uint8_t kEchoReq = 9;

TEST_CASE("link on a lossless wire comes up without waiting for any timer") {
  LinkPair pair(client_config(), server_config());
  pair.start();
  pair.run(milliseconds(500));
  CHECK(pair.client.network);
  CHECK(pair.server.network);
}

TEST_CASE("link comes up through loss, repetition and reordering, never in clear") {
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    const Pair::Wire wire{0.01 * (seed % 20), 0.1, milliseconds(20), milliseconds(60)};
    LinkPair pair(without_echo(client_config()), without_echo(server_config()), wire, seed);
    pair.start();
    pair.run(minutes(3));
    REQUIRE(pair.violations() == "");
    // A negotiation may run into a bound of its own at such a loss; then both must know.
    if (pair.client.ended || pair.server.ended) {
      REQUIRE(seed % 20 >= 5);
      pair.run(minutes(5));
      if (pair.client.ended) REQUIRE(!pair.client.network);
      continue;
    }
    REQUIRE(pair.client.network);
    REQUIRE(pair.server.network);
    REQUIRE(keys_match(pair));
  }
}

TEST_CASE("link with a wrong password ends with the code on both sides") {
  LinkPair pair(client_config("wrong"), server_config());
  pair.start();
  pair.run(seconds(5));
  REQUIRE(pair.client.ended);
  CHECK(pair.client.ended->cause == Cause::auth_failed);
  CHECK(pair.client.ended->code == 691);
  REQUIRE(pair.server.ended);
  CHECK(pair.server.ended->cause == Cause::auth_peer_failed);
  CHECK(pair.server.ended->code == 691);
  CHECK(pair.client.story == "establish authenticate terminate dead ended");
  CHECK(pair.violations() == "");
}

TEST_CASE("link of an unknown user ends as with a wrong password") {
  LinkPair pair(client_config(), server_config());
  pair.account = Credentials("bob", SecretText("secret"));
  pair.start();
  pair.run(seconds(5));
  CHECK(pair.client.ended.value().cause == Cause::auth_failed);
  CHECK(pair.client.ended.value().code == 691);
}

TEST_CASE("link names the authentication that it does not answer to") {
  LinkConfig server = server_config();
  server.methods = {AuthMethod::pap};
  LinkPair pair(client_config(), server);
  pair.start();
  pair.run(minutes(1));
  REQUIRE(pair.client.ended);
  CHECK(pair.client.ended->cause == Cause::auth_no_common_method);
  CHECK(pair.client.ended->code == protocol::kPap.value());
  CHECK(pair.server.ended.value().cause == Cause::auth_no_common_method);
}

TEST_CASE("link given up half made fails of what was being agreed on") {
  LinkPair silent(client_config(), server_config());
  silent.filter = [](const LinkEnd&, ControlFrame&) { return false; };
  silent.start();
  silent.run(seconds(4));
  CHECK(silent.client.link.unfinished().cause == Cause::lcp_timeout);

  // The server asks for PAP, and never hears that it will not do.
  LinkConfig pap = server_config();
  pap.methods = {AuthMethod::pap};
  LinkPair deaf(client_config(), pap);
  deaf.filter = [&](const LinkEnd& from, ControlFrame&) { return &from == &deaf.server; };
  deaf.start();
  deaf.run(seconds(4));
  CHECK(deaf.client.link.unfinished().cause == Cause::auth_no_common_method);
  CHECK(deaf.client.link.unfinished().code == protocol::kPap.value());

  for (const auto& [dropped, cause] : {std::pair(protocol::kChap, Cause::auth_timeout),
                                       std::pair(protocol::kCcp, Cause::mppe_timeout),
                                       std::pair(protocol::kIpcp, Cause::ipcp_timeout)}) {
    LinkPair stalled(client_config(), server_config());
    stalled.filter = [dropped](const LinkEnd&, ControlFrame& frame) {
      return frame.protocol != dropped;
    };
    stalled.start();
    stalled.run(seconds(4));
    CHECK(stalled.client.link.unfinished().cause == cause);
  }
}

TEST_CASE("link ends when nobody answers, and when authentication stalls") {
  LinkPair silent(client_config(), server_config());
  silent.filter = [](const LinkEnd&, ControlFrame&) { return false; };
  silent.start();
  silent.run(minutes(2));
  CHECK(silent.client.ended.value().cause == Cause::lcp_timeout);
  CHECK(silent.client.story == "establish dead ended");

  LinkPair stalled(client_config(), server_config());
  stalled.filter = [](const LinkEnd&, ControlFrame& frame) {
    return frame.protocol != protocol::kChap;
  };
  stalled.start();
  stalled.run(minutes(2));
  CHECK(stalled.client.ended.value().cause != Cause::lcp_timeout);
  CHECK(stalled.server.ended.value().cause == Cause::auth_timeout);
}

TEST_CASE("link closes on both ends when one end is told to") {
  LinkPair pair(client_config(), server_config());
  REQUIRE(pair.up());
  pair.client.link.close(pair.now(), {Cause::closed_locally, 0, {}});
  pair.run(milliseconds(100));
  REQUIRE(pair.client.ended);
  CHECK(pair.client.ended->cause == Cause::closed_locally);
  CHECK(pair.client.story ==
        "establish authenticate network encrypted up down unencrypted terminate dead ended");
  pair.run(seconds(2));
  REQUIRE(pair.server.ended);
  CHECK(pair.server.ended->cause == Cause::peer_terminated);
  CHECK(pair.server.ended->text == "closed-locally");
  CHECK(pair.violations() == "");
}

TEST_CASE("link closes within its limit when the peer does not answer") {
  LinkPair pair(client_config(), server_config());
  REQUIRE(pair.up());
  pair.filter = [](const LinkEnd&, ControlFrame&) { return false; };
  pair.client.link.close(pair.now(), {Cause::idle_timeout, 0, {}});
  pair.run(Link::kTerminateLimit - milliseconds(1));
  CHECK(!pair.client.ended);
  CHECK(!pair.client.network);
  pair.run(milliseconds(2));
  CHECK(pair.client.ended.value().cause == Cause::idle_timeout);
  CHECK(!pair.client.link.next_deadline());
}

TEST_CASE("link ends at once when the call is gone, and can begin anew") {
  LinkPair pair(client_config(), server_config());
  REQUIRE(pair.up());
  pair.client.link.lower_down(pair.now(), {Cause::control_lost, 7, {}});
  pair.server.link.lower_down(pair.now(), {Cause::control_lost, 0, {}});
  pair.client.drain();
  pair.server.drain();
  CHECK(pair.client.ended.value().cause == Cause::control_lost);
  CHECK(pair.client.ended.value().code == 7);
  CHECK(!pair.client.link.next_deadline());
  CHECK(!pair.client.link.poll_frame());
  pair.client.link.lower_down(pair.now(), {Cause::control_lost, 0, {}});
  pair.client.link.close(pair.now(), {});
  CHECK(!pair.client.link.poll_event());

  pair.client.ended.reset();
  pair.server.ended.reset();
  CHECK(pair.up());
  CHECK(pair.client.encryptions == 2);
  CHECK(pair.violations() == "");
}

TEST_CASE("link that had ended by itself keeps its cause when the call goes") {
  LinkPair pair(client_config("wrong"), server_config());
  pair.filter = [](const LinkEnd&, ControlFrame& frame) {
    return frame.protocol != protocol::kLcp || frame.information[0] != kTermReq;
  };
  pair.start();
  pair.run(milliseconds(200));
  CHECK(!pair.client.ended);
  pair.client.link.lower_down(pair.now(), {Cause::control_lost, 0, {}});
  pair.client.drain();
  CHECK(pair.client.ended.value().cause == Cause::auth_failed);
}

TEST_CASE("link notices a peer that no longer answers, and only after silence") {
  LinkPair pair(client_config(), without_echo(server_config()));
  REQUIRE(pair.up());
  pair.run(minutes(5));
  CHECK(pair.client.network);
  CHECK(pair.sent(pair.client, protocol::kLcp, kEchoReq) >= 9);

  const int echoes = pair.sent(pair.client, protocol::kLcp, kEchoReq);
  for (int i = 0; i < 30; ++i) {
    pair.client.link.note_traffic(pair.now());
    pair.run(seconds(10));
  }
  CHECK(pair.sent(pair.client, protocol::kLcp, kEchoReq) == echoes);

  pair.filter = [](const LinkEnd&, ControlFrame&) { return false; };
  pair.run(seconds(30) * 4);
  CHECK(!pair.client.ended);
  pair.run(seconds(35));
  CHECK(pair.client.ended.value().cause == Cause::peer_not_responding);
}

TEST_CASE("link that slept asks before it gives the peer up") {
  LinkPair pair(client_config(), without_echo(server_config()));
  REQUIRE(pair.up());
  pair.client.link.on_deadline(pair.now() + std::chrono::hours(8));
  pair.client.drain();
  CHECK(pair.client.network);
  CHECK(pair.client.link.poll_frame().value().information[0] == kEchoReq);
}

TEST_CASE("link renegotiates LCP from the ground up") {
  LinkPair pair(client_config(), server_config());
  REQUIRE(pair.up());
  pair.inject(pair.client, protocol::kLcp,
              control_packet(kConfReq, 99, "0104 0578 0305c22381 0506 55667788"));
  CHECK(!pair.client.network);
  CHECK(!pair.client.encryption);
  pair.run(seconds(20));
  CHECK(pair.client.story ==
        "establish authenticate network encrypted up "
        "down unencrypted establish authenticate network encrypted up");
  CHECK(pair.client.network);
  CHECK(pair.server.network);
  CHECK(keys_match(pair));
  CHECK(pair.violations() == "");
}

TEST_CASE("link does not take part in endless renegotiation of LCP") {
  LinkPair pair(client_config(), server_config());
  REQUIRE(pair.up());
  for (int i = 0; i < 100 && !pair.client.ended; ++i) {
    pair.inject(pair.client, protocol::kLcp,
                control_packet(kConfReq, static_cast<std::uint8_t>(i), "0305c22381 0506 55667788"));
    pair.run(seconds(4));
  }
  CHECK(pair.client.ended);
  CHECK(pair.violations() == "");
}

TEST_CASE("rfc1661/5.7 unknown protocols are rejected, so many and no more") {
  LinkPair pair(client_config(), server_config());
  REQUIRE(pair.up());
  const Octets packet = control_packet(kConfReq, 1);
  for (int i = 0; i < 1000; ++i)
    CHECK(pair.inject(pair.client, PppProtocol(0xc02b), packet) == Drop::ppp_unknown_protocol);
  CHECK(pair.sent(pair.client, protocol::kLcp, kProtRej) == 10);
  CHECK(pair.inject(pair.client, protocol::kIpv6cp, packet) == Drop::ppp_unknown_protocol);
  pair.run(seconds(1));
  CHECK(pair.inject(pair.client, protocol::kIpv6cp, packet) == Drop::ppp_unknown_protocol);
  CHECK(pair.sent(pair.client, protocol::kLcp, kProtRej) == 11);
  // Network layer packets, which a wrong deciphering makes in numbers, are not answered.
  CHECK(pair.inject(pair.client, protocol::kIpv6, packet) == Drop::ppp_unknown_protocol);
  CHECK(pair.inject(pair.client, PppProtocol(0x3fff), packet) == Drop::ppp_unknown_protocol);
  CHECK(pair.sent(pair.client, protocol::kLcp, kProtRej) == 11);
  CHECK(pair.client.network);
}

TEST_CASE("rfc1661/3.4 what does not belong to the phase is dropped silently") {
  const Octets packet = control_packet(kConfReq, 1);
  LinkPair pair(client_config(), server_config());
  CHECK(pair.inject(pair.client, protocol::kLcp, packet) == Drop::ppp_wrong_phase);
  pair.filter = [](const LinkEnd&, ControlFrame& frame) {
    return frame.protocol == protocol::kLcp;
  };
  pair.start();
  for (const PppProtocol early :
       {protocol::kChap, protocol::kCcp, protocol::kIpcp, PppProtocol(0xc02b)})
    CHECK(pair.inject(pair.client, early, packet) == Drop::ppp_wrong_phase);
  pair.run(seconds(1));
  REQUIRE(pair.client.link.phase() == Phase::authenticate);
  for (const PppProtocol early :
       {protocol::kPap, protocol::kEap, protocol::kCcp, protocol::kIpcp, PppProtocol(0xc02b)})
    CHECK(pair.inject(pair.client, early, packet) == Drop::ppp_wrong_phase);
  CHECK(pair.sent(pair.client, protocol::kLcp, kProtRej) == 0);
  CHECK(pair.client.link.phase() == Phase::authenticate);
}

TEST_CASE("link that is joined to itself notices") {
  LinkEnd end(client_config(), 1);
  TimePoint now = kStart;
  end.link.lower_up(now);
  for (int i = 0; i < 100 && !end.ended; ++i) {
    while (auto frame = end.link.poll_frame())
      end.link.receive(now, frame->protocol, frame->information);
    now += seconds(3);
    end.link.on_deadline(now);
    end.drain();
  }
  CHECK(end.ended.value().cause == Cause::looped_back);
}

TEST_CASE("link answers a challenge while it is up, with keys and network as they are") {
  LinkPair pair(client_config(), server_config());
  REQUIRE(pair.up());
  const Octets challenge = control_packet(1, 77, "10 000102030405060708090a0b0c0d0e0f 78");
  CHECK(!pair.inject(pair.client, protocol::kChap, challenge));
  CHECK(pair.sent(pair.client, protocol::kChap, 2) == 2);
  pair.run(seconds(1));
  CHECK(pair.client.network);
  CHECK(pair.client.encryptions == 1);
}

TEST_CASE("link ignores answers that nobody asked for") {
  LinkPair pair(client_config(), server_config());
  pair.start();
  pair.server.link.assign(pair.now(), some_assignment());
  pair.server.link.supply_secret(pair.now(), &pair.account);
  pair.client.link.assign(pair.now(), some_assignment());
  pair.client.link.request_reset(pair.now());
  pair.client.link.note_traffic(pair.now());
  CHECK(pair.client.link.phase() == Phase::establish);
  CHECK(pair.server.link.phase() == Phase::establish);
  pair.run(seconds(1));
  CHECK(pair.client.network);
}

TEST_CASE("link does not believe a server that does not know the password") {
  LinkPair pair(client_config(), server_config());
  pair.filter = [](const LinkEnd&, ControlFrame& frame) {
    constexpr std::uint8_t kSuccess = 3;
    if (frame.protocol == protocol::kChap && frame.information[0] == kSuccess) {
      frame.information[6] ^= 1;  // the first digit behind S=
    }
    return true;
  };
  pair.start();
  pair.run(seconds(5));
  CHECK(pair.client.ended.value().cause == Cause::server_not_authentic);
  CHECK(!pair.client.network);
}

TEST_CASE("link that hears data does without echo replies") {
  LinkPair pair(client_config(), without_echo(server_config()));
  REQUIRE(pair.up());
  pair.filter = [](const LinkEnd&, ControlFrame&) { return false; };
  for (int i = 0; i < 20; ++i) {
    pair.run(seconds(35));
    pair.client.link.note_traffic(pair.now());
  }
  CHECK(pair.sent(pair.client, protocol::kLcp, kEchoReq) >= 10);
  CHECK(pair.client.network);
}

TEST_CASE("link that goes back to the Establish phase leaves the timers of the later ones") {
  LinkPair pair(client_config(), server_config());
  pair.filter = [](const LinkEnd&, ControlFrame& frame) {
    return frame.protocol == protocol::kLcp;
  };
  pair.start();
  pair.run(seconds(20));
  REQUIRE(pair.client.link.phase() == Phase::authenticate);
  pair.filter = [](const LinkEnd&, ControlFrame&) { return false; };
  pair.inject(pair.client, protocol::kLcp, control_packet(kConfReq, 9, "0305c22381 0506 55667788"));
  REQUIRE(pair.client.link.phase() == Phase::establish);
  pair.run(minutes(2));
  CHECK(pair.client.ended.value().cause == Cause::lcp_timeout);
}

TEST_CASE("rfc1661/6.1 no frame is longer than the peer's mru") {
  LinkConfig server = server_config();
  server.mru = 128;
  LinkPair pair(client_config(), server);
  REQUIRE(pair.up());
  REQUIRE(pair.client.framing->peer_mru == 128);
  std::size_t longest = 0;
  pair.filter = [&](const LinkEnd& from, ControlFrame& frame) {
    if (&from == &pair.client) longest = std::max(longest, frame.information.size());
    return true;
  };
  const Octets unknown_code = control_packet(200, 1, Octets(300));
  for (const PppProtocol each :
       {protocol::kLcp, protocol::kCcp, protocol::kIpcp, PppProtocol(0xc02b)}) {
    longest = 0;
    pair.inject(pair.client, each, unknown_code);
    CAPTURE(each.value());
    CHECK(longest == 128);
  }
}

}  // namespace
}  // namespace pptp::test
