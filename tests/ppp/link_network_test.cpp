#include <chrono>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "ppp/link.h"
#include "tests/ppp/link_pair.h"

namespace pptp::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint8_t kProtRej = 8;

LinkConfig with(LinkConfig config, EncryptionPolicy policy) {
  config.encryption.policy = policy;
  return config;
}

LinkConfig with_keys(LinkConfig config, bool k40, bool k56, bool k128) {
  config.encryption.allow_40 = k40;
  config.encryption.allow_56 = k56;
  config.encryption.allow_128 = k128;
  return config;
}

TEST_CASE("link comes up, encrypted, with the keys of each direction on both ends") {
  LinkPair pair(client_config(), server_config());
  REQUIRE(pair.up());
  CHECK(pair.client.story == "establish authenticate network encrypted up");
  CHECK(pair.server.story == "establish authenticate network encrypted up");
  CHECK(keys_match(pair));
  CHECK(pair.client.encryption->send == MppeParameters{KeyBits::k128, MppeMode::stateless});
  CHECK(pair.client.network->local == some_assignment().peer);
  CHECK(pair.client.network->peer == some_assignment().local);
  CHECK(pair.client.network->dns == some_assignment().dns);
  CHECK(pair.server.network->peer == some_assignment().peer);
  CHECK(pair.client.framing->peer_mru == 1400);
  CHECK(pair.client.framing->send_acfc);
  CHECK(pair.client.framing->send_pfc);
  CHECK(pair.client.authenticated->method == AuthMethod::mschapv2);
  CHECK(pair.authenticated_name == "alice");
  CHECK(pair.violations() == "");
}

TEST_CASE("link whose server does not speak CCP ends where encryption is required") {
  LinkPair pair(client_config(), with(server_config(), EncryptionPolicy::off));
  pair.start();
  pair.run(seconds(5));
  CHECK(pair.sent(pair.server, protocol::kLcp, kProtRej) > 0);
  REQUIRE(pair.client.ended);
  CHECK(pair.client.ended->cause == Cause::mppe_peer_refused);
  CHECK(pair.client.encryptions == 0);
  CHECK(pair.client.story == "establish authenticate network terminate dead ended");
  REQUIRE(pair.server.ended);
  CHECK(pair.server.ended->cause == Cause::mppe_peer_requires);
  CHECK(pair.server.ended->text == "mppe-peer-refused");
}

TEST_CASE("link whose server rejects the mppe option ends where encryption is required") {
  LinkPair pair(client_config(),
                with_keys(with(server_config(), EncryptionPolicy::prefer), false, false, false));
  pair.start();
  pair.run(seconds(5));
  CHECK(pair.client.ended.value().cause == Cause::mppe_peer_refused);
  CHECK(pair.violations() == "");
}

TEST_CASE("link whose client will not encrypt ends where the server requires it") {
  LinkPair pair(with(client_config(), EncryptionPolicy::off), server_config());
  pair.start();
  pair.run(seconds(5));
  CHECK(pair.server.ended.value().cause == Cause::mppe_peer_refused);
  CHECK(pair.client.ended.value().cause == Cause::mppe_peer_requires);
  CHECK(!pair.server.network);
}

TEST_CASE("link whose peer goes before encryption blames encryption only where there is evidence") {
  struct Case {
    std::string_view text;
    Cause cause;
  };

  // The second is pppd's.
  for (const Case& one :
       {Case{"Time limit exceeded", Cause::peer_terminated},
        Case{"MPPE required but peer negotiation failed", Cause::mppe_peer_refused},
        Case{"", Cause::peer_terminated}}) {
    CAPTURE(one.text);
    LinkPair pair(client_config(), server_config());
    pair.filter = [](const LinkEnd&, const ControlFrame& frame) {
      return frame.protocol != protocol::kCcp;
    };
    pair.start();
    pair.run(seconds(1));
    REQUIRE(pair.client.link.phase() == Phase::network);
    pair.inject(pair.client, protocol::kLcp, control_packet(kTermReq, 77, as_bytes(one.text)));
    pair.run(seconds(5));
    REQUIRE(pair.client.ended);
    CHECK(pair.client.ended->cause == one.cause);
    CHECK(pair.client.ended->text == one.text);
  }
}

TEST_CASE("link whose peer takes CCP down before it was open, and goes, blames encryption") {
  for (const bool asked_again : {false, true}) {
    CAPTURE(asked_again);
    LinkPair pair(client_config(), server_config());
    pair.filter = [](const LinkEnd&, const ControlFrame& frame) {
      return frame.protocol != protocol::kCcp;
    };
    pair.start();
    pair.run(seconds(1));
    REQUIRE(pair.client.link.phase() == Phase::network);
    pair.inject(pair.client, protocol::kCcp, control_packet(kTermReq, 9));
    CHECK_FALSE(pair.client.ended);
    // Who asks again has not said no.
    if (asked_again) {
      pair.inject(pair.client, protocol::kCcp, control_packet(kConfReq, 10, "1206 01000040"));
    }
    pair.inject(pair.client, protocol::kLcp, control_packet(kTermReq, 77, as_bytes("bye")));
    pair.run(seconds(5));
    REQUIRE(pair.client.ended);
    CHECK(pair.client.ended->cause ==
          (asked_again ? Cause::peer_terminated : Cause::mppe_peer_refused));
    CHECK(pair.client.ended->text == "bye");
  }
}

TEST_CASE("link with other key lengths than the peer's ends and names them") {
  LinkPair pair(client_config(), with_keys(server_config(), true, false, false));
  pair.start();
  pair.run(seconds(5));
  REQUIRE(pair.client.ended);
  CHECK(pair.client.ended->cause == Cause::mppe_bits_refused);
  CHECK(pair.client.ended->code == 0x0100'0020);
  CHECK(pair.server.ended.value().cause == Cause::mppe_bits_refused);
}

TEST_CASE("link agrees on 40 bits where that is all that one end has") {
  LinkPair pair(with_keys(client_config(), true, false, true),
                with_keys(server_config(), true, false, false));
  REQUIRE(pair.up());
  CHECK(keys_match(pair));
  CHECK(pair.client.encryption->send.bits == KeyBits::k40);
}

TEST_CASE("link that prefers encryption falls back, and says so") {
  for (const bool rejects : {false, true}) {
    CAPTURE(rejects);
    LinkConfig server = with(server_config(), EncryptionPolicy::off);
    if (rejects) {
      server = with_keys(with(server, EncryptionPolicy::prefer), false, false, false);
    }
    LinkPair pair(with(client_config(), EncryptionPolicy::prefer), server);
    REQUIRE(pair.up());
    CHECK(pair.client.encryptions == 0);
    CHECK(pair.server.encryptions == 0);
    REQUIRE(pair.client.log.warnings.size() == 1);
    CHECK(pair.client.log.warnings[0] == "no encryption: mppe-peer-refused");
    CHECK(pair.violations() == "");
  }
}

TEST_CASE("link that prefers encryption falls back when CCP goes unanswered") {
  LinkPair pair(without_echo(with(client_config(), EncryptionPolicy::prefer)),
                without_echo(with(server_config(), EncryptionPolicy::prefer)));
  pair.filter = [](const LinkEnd&, ControlFrame& frame) {
    return frame.protocol != protocol::kCcp;
  };
  pair.start();
  pair.run(seconds(10));
  CHECK(!pair.client.network);
  pair.run(minutes(1));
  CHECK(pair.client.network);
  CHECK(pair.server.network);
  CHECK(pair.client.encryptions == 0);
}

TEST_CASE("link that requires encryption ends when CCP goes unanswered") {
  LinkPair pair(client_config(), with(server_config(), EncryptionPolicy::prefer));
  pair.filter = [](const LinkEnd&, ControlFrame& frame) {
    return frame.protocol != protocol::kCcp;
  };
  pair.start();
  pair.run(minutes(1));
  CHECK(pair.client.ended.value().cause == Cause::mppe_timeout);
  CHECK(pair.client.story == "establish authenticate network terminate dead ended");
  CHECK(pair.violations() == "");
}

TEST_CASE("link without encryption comes up where nobody wants any") {
  LinkPair pair(with(client_config(), EncryptionPolicy::off),
                with(server_config(), EncryptionPolicy::off));
  REQUIRE(pair.up());
  CHECK(pair.client.story == "establish authenticate network up");
  CHECK(pair.sent(pair.client, protocol::kCcp, kConfReq) == 0);
}

TEST_CASE("link does not authenticate by a method without keys where encryption is required") {
  LinkConfig client = client_config();
  client.methods = {AuthMethod::pap};
  LinkConfig server = with(server_config(), EncryptionPolicy::off);
  server.methods = {AuthMethod::pap};
  LinkPair pair(client, server);
  pair.start();
  pair.run(seconds(5));
  CHECK(pair.client.ended.value().cause == Cause::mppe_no_keys);
  CHECK(pair.sent(pair.client, protocol::kPap, 1) == 0);
}

TEST_CASE("rfc1661/3.5 a peer that asks for no authentication") {
  const auto open_lcp = [](LinkEnd& end, TimePoint now) {
    end.link.lower_up(now);
    const auto request = end.link.poll_frame();
    Octets ack = request->information;
    ack[0] = kConfAck;
    end.link.receive(now, protocol::kLcp, ack);
    end.link.receive(now, protocol::kLcp, control_packet(kConfReq, 1, "0506 11223344"));
    end.drain();
  };
  LinkEnd require(client_config(), 1);
  open_lcp(require, kStart);
  CHECK(require.story == "establish network terminate");
  require.link.on_deadline(kStart + Link::kTerminateLimit);
  require.drain();
  CHECK(require.ended.value().cause == Cause::mppe_no_keys);

  LinkEnd off(with(client_config(), EncryptionPolicy::off), 1);
  open_lcp(off, kStart);
  CHECK(off.story == "establish network");
}

TEST_CASE("link lets its client in although IPCP began before CCP") {
  // CCP is held up until IPCP has come through both ways.
  LinkPair pair(client_config(), server_config());
  bool hold = true;
  pair.filter = [&](const LinkEnd&, ControlFrame& frame) {
    return !(hold && frame.protocol == protocol::kCcp);
  };
  pair.start();
  pair.run(seconds(1));
  CHECK(!pair.client.network);
  CHECK(pair.sent(pair.client, protocol::kIpcp, kConfReq) == 0);
  // The server's IPCP comes before CCP is through.
  pair.inject(pair.client, protocol::kIpcp, control_packet(kConfReq, 1, "0306 0a000001"));
  CHECK(pair.sent(pair.client, protocol::kIpcp, kConfAck) == 1);
  CHECK(pair.sent(pair.client, protocol::kIpcp, kConfReq) == 1);
  pair.run(seconds(1));
  CHECK(!pair.client.network);
  hold = false;
  pair.run(seconds(20));
  CHECK(pair.client.network);
  CHECK(pair.server.network);
  CHECK(pair.violations() == "");
}

TEST_CASE("link ends when the peer takes CCP down, whatever the policy") {
  for (const EncryptionPolicy policy : {EncryptionPolicy::require, EncryptionPolicy::prefer}) {
    LinkPair pair(with(client_config(), policy), with(server_config(), policy));
    REQUIRE(pair.up());
    pair.inject(pair.client, protocol::kCcp, control_packet(kTermReq, 9));
    CHECK(!pair.client.network);
    pair.run(seconds(5));
    CHECK(pair.client.ended.value().cause == Cause::mppe_lost);
    CHECK(pair.violations() == "");
  }
}

TEST_CASE("link ends when the peer rejects CCP after encryption was up") {
  LinkPair pair(with(client_config(), EncryptionPolicy::prefer), server_config());
  REQUIRE(pair.up());
  pair.inject(pair.client, protocol::kLcp, control_packet(kProtRej, 9, "80fd 0101000a"));
  pair.run(seconds(5));
  CHECK(pair.client.ended.value().cause == Cause::mppe_lost);
}

TEST_CASE("link ends when the peer rejects or closes IPCP") {
  LinkPair rejects(client_config(), server_config());
  REQUIRE(rejects.up());
  rejects.inject(rejects.client, protocol::kLcp, control_packet(kProtRej, 9, "8021 0101000a"));
  rejects.run(seconds(5));
  CHECK(rejects.client.ended.value().cause == Cause::no_network_protocols);

  LinkPair closes(client_config(), server_config());
  REQUIRE(closes.up());
  closes.inject(closes.client, protocol::kIpcp, control_packet(kTermReq, 9));
  closes.run(seconds(5));
  CHECK(closes.client.ended.value().cause == Cause::no_network_protocols);
  CHECK(closes.violations() == "");
}

TEST_CASE("link takes a peer that leaves before CCP is agreed to leave because of it") {
  LinkPair pair(client_config(), server_config());
  pair.filter = [](const LinkEnd&, ControlFrame& frame) {
    return frame.protocol != protocol::kCcp;
  };
  pair.start();
  pair.run(seconds(2));
  REQUIRE(pair.client.link.phase() == Phase::network);
  pair.inject(pair.client, protocol::kCcp, control_packet(kConfReq, 1, "1206 01000020"));
  pair.inject(pair.client, protocol::kLcp, control_packet(kTermReq, 9, "4d505045"));
  pair.run(seconds(2));
  REQUIRE(pair.client.ended);
  CHECK(pair.client.ended->cause == Cause::mppe_bits_refused);
  CHECK(pair.client.ended->code == 0x0100'0020);
  CHECK(pair.client.ended->text == "MPPE");
}

TEST_CASE("link renegotiates CCP with the network held, and not for ever") {
  LinkPair pair(client_config(), server_config());
  REQUIRE(pair.up());
  unsigned rounds = 0;
  while (!pair.client.ended && rounds < 50) {
    pair.inject(pair.client, protocol::kCcp,
                control_packet(kConfReq, static_cast<std::uint8_t>(100 + rounds), "1206 01000040"));
    pair.run(seconds(10));
    ++rounds;
    if (rounds == 1) {
      CHECK(pair.client.story ==
            "establish authenticate network encrypted up down unencrypted encrypted up");
      CHECK(pair.server.encryptions == 2);
      CHECK(keys_match(pair));
      CHECK(pair.client.log.warnings.size() == 1);
    }
  }
  CHECK(pair.client.ended.value().cause == Cause::mppe_lost);
  CHECK(rounds == Link::kMaxRekeys + 1);
  CHECK(pair.violations() == "");
}

/// A server that authenticates the client of `pair` anew, by a Challenge of its own; what keys that
/// makes for the server.
StartKeys authenticate_anew(LinkPair& pair) {
  RandomEntropy entropy(77);
  MethodConfig config;
  config.role = Role::server;
  const auto server = make_method(AuthMethod::mschapv2, config, entropy);
  Octets response;
  pair.filter = [&](const LinkEnd& from, const ControlFrame& frame) {
    if (&from != &pair.client || frame.protocol != protocol::kChap) return true;
    response = frame.information;
    return false;
  };
  server->begin(pair.now());
  pair.inject(pair.client, protocol::kChap, server->poll().value());
  server->receive(pair.now(), response);
  server->supply(pair.now(), &pair.account);
  pair.inject(pair.client, protocol::kChap, server->poll().value());
  pair.filter = nullptr;
  const auto& success = std::get<AuthSuccess>(server->outcome());
  return start_keys(success.seed, KeyBits::k128, Role::server).value();
}

TEST_CASE("link takes the keys for CCP negotiated anew from the latest authentication (3.34)") {
  LinkPair pair(client_config(), server_config());
  REQUIRE(pair.up());
  const StartKeys keys = authenticate_anew(pair);
  // What is in use goes on.
  CHECK(pair.client.story == "establish authenticate network encrypted up");
  CHECK(keys_match(pair));
  CHECK_FALSE(same(pair.client.encryption->keys.send, keys.receive));

  pair.inject(pair.client, protocol::kCcp, control_packet(kConfReq, 100, "1206 01000040"));
  pair.run(seconds(10));
  CHECK(pair.client.story ==
        "establish authenticate network encrypted up down unencrypted encrypted up");
  REQUIRE(pair.client.encryption);
  CHECK(same(pair.client.encryption->keys.send, keys.receive));
  CHECK(same(pair.client.encryption->keys.receive, keys.send));
  CHECK(pair.client.log.warnings.empty());  // no key stream is used twice
  CHECK(pair.violations() == "");
}

TEST_CASE("link whose LCP is negotiated anew has new keys (3.34)") {
  LinkPair pair(client_config(), server_config());
  REQUIRE(pair.up());
  const MppeKey before = pair.client.encryption->keys.send.clone();
  pair.inject(pair.client, protocol::kLcp, control_packet(kConfReq, 100, "0305c22381"));
  pair.run(seconds(20));
  REQUIRE(pair.client.network);
  CHECK(pair.client.encryptions == 2);
  CHECK(keys_match(pair));
  CHECK_FALSE(same(pair.client.encryption->keys.send, before));
  CHECK(pair.client.log.warnings.empty());
  CHECK(pair.violations() == "");
}

TEST_CASE("link counts malformed control packets as drops") {
  LinkPair pair(client_config(), server_config());
  REQUIRE(pair.up());
  for (const PppProtocol protocol :
       {protocol::kLcp, protocol::kChap, protocol::kCcp, protocol::kIpcp}) {
    CHECK(pair.inject(pair.client, protocol, {1, 1, 0, 99}) == Drop::ppp_control_malformed);
  }
  CHECK(pair.client.network);
}

TEST_CASE("link tells of a reset-request in stateful mode and sends its own") {
  LinkConfig client = client_config();
  client.encryption.allow_stateful = true;
  client.encryption.ask_stateful = true;
  LinkConfig server = server_config();
  server.encryption.allow_stateful = true;
  server.encryption.ask_stateful = true;
  LinkPair pair(client, server);
  REQUIRE(pair.up());
  REQUIRE(pair.client.encryption->send.mode == MppeMode::stateful);
  for (int i = 0; i < 5; ++i)
    pair.client.link.request_reset(pair.now());
  pair.run(seconds(1));
  CHECK(pair.sent(pair.client, protocol::kCcp, 14) == 1);
  CHECK(pair.sent(pair.server, protocol::kCcp, 15) == 1);
  CHECK(pair.server.resets == 1);
  CHECK(pair.client.resets == 0);
}

TEST_CASE("link refuses an address of no use") {
  for (const Ipv4Address address : {Ipv4Address(127, 0, 0, 1), Ipv4Address(255, 255, 255, 255)}) {
    LinkPair pair(client_config(), server_config());
    pair.assignment.peer = address;
    pair.start();
    pair.run(seconds(10));
    REQUIRE(pair.client.ended);
    CHECK(pair.client.ended->cause == Cause::ipcp_address_refused);
    CHECK(pair.client.ended->code == address.value());
    CHECK(!pair.client.network);
  }
  LinkPair none(client_config(), server_config());
  none.assignment.peer = {};
  none.start();
  none.run(seconds(10));
  CHECK(none.client.ended.value().cause == Cause::ipcp_no_local_address);
}

TEST_CASE("link that would be encrypted in one direction alone is not encrypted") {
  for (const EncryptionPolicy policy : {EncryptionPolicy::prefer, EncryptionPolicy::require}) {
    LinkPair pair(with(client_config(), policy), with(server_config(), EncryptionPolicy::off));
    Octets request;
    pair.filter = [&](const LinkEnd&, ControlFrame& frame) {
      if (frame.protocol == protocol::kCcp && frame.information[0] == kConfReq) {
        request = frame.information;
      }
      return frame.protocol != protocol::kCcp;
    };
    pair.start();
    pair.run(seconds(1));
    REQUIRE(!request.empty());
    request[0] = kConfAck;
    pair.inject(pair.client, protocol::kCcp, request);
    // Naked for want of the option, until Max-Failure.
    for (std::uint8_t id = 1; id < 20 && pair.sent(pair.client, protocol::kCcp, kConfAck) == 0;
         ++id)
      pair.inject(pair.client, protocol::kCcp, control_packet(kConfReq, id));
    pair.run(seconds(1));
    CHECK(pair.client.encryptions == 0);
    CHECK(pair.client.network.has_value() == (policy == EncryptionPolicy::prefer));
    if (policy == EncryptionPolicy::prefer) {
      CHECK(pair.sent(pair.client, protocol::kCcp, kTermReq) == 1);
    } else {
      CHECK(pair.client.ended.value().cause == Cause::mppe_peer_refused);
    }
  }
}

TEST_CASE("link that was encrypted does not come back in clear") {
  LinkPair pair(with(client_config(), EncryptionPolicy::prefer), server_config());
  REQUIRE(pair.up());
  Octets request;
  pair.filter = [&](const LinkEnd&, ControlFrame& frame) {
    request = frame.information;
    return false;
  };
  // LCP anew, and this time the peer asks for no authentication.
  pair.inject(pair.client, protocol::kLcp, control_packet(kConfReq, 99, "0506 55667788"));
  request.clear();
  pair.run(seconds(4));
  REQUIRE(!request.empty());
  REQUIRE(request[0] == kConfReq);
  request[0] = kConfAck;
  pair.inject(pair.client, protocol::kLcp, request);
  pair.run(seconds(2));
  CHECK(pair.client.ended.value().cause == Cause::mppe_no_keys);
  CHECK(!pair.client.network);
}

TEST_CASE("link that begins anew has no past") {
  LinkPair pair(without_echo(with(client_config(), EncryptionPolicy::prefer)),
                without_echo(with(server_config(), EncryptionPolicy::prefer)));
  std::uint8_t id = 100;
  for (int call = 0; call < 3; ++call) {
    REQUIRE(pair.up());
    for (unsigned i = 0; i < Link::kMaxRekeys; ++i) {
      pair.inject(pair.client, protocol::kCcp, control_packet(kConfReq, ++id, "1206 01000040"));
      pair.run(minutes(3));
    }
    REQUIRE(pair.client.encryption);
    pair.client.link.lower_down(pair.now(), {});
    pair.server.link.lower_down(pair.now(), {});
    pair.run(seconds(1));
    pair.client.ended.reset();
    pair.server.ended.reset();
  }
  pair.filter = [](const LinkEnd&, ControlFrame& frame) {
    return frame.protocol != protocol::kCcp;
  };
  pair.start();
  pair.run(minutes(2));
  CHECK(pair.client.network);
  CHECK(!pair.client.encryption);
  CHECK(pair.violations() == "");
}

TEST_CASE("link takes a cleared call before CCP is agreed to be cleared because of it") {
  LinkPair pair(client_config(), server_config());
  pair.filter = [](const LinkEnd&, ControlFrame& frame) {
    return frame.protocol != protocol::kCcp;
  };
  pair.start();
  pair.run(seconds(2));
  pair.inject(pair.client, protocol::kCcp, control_packet(kConfReq, 1, "1206 01000020"));
  pair.client.link.lower_down(pair.now(), {Cause::peer_cleared_call, 3, {}});
  pair.client.drain();
  CHECK(pair.client.ended.value().cause == Cause::mppe_bits_refused);
}

LinkConfig with_ipv6(LinkConfig config) {
  config.ipv6 = true;
  return config;
}

TEST_CASE("rfc5072/3 ipv6 comes up beside ipv4, behind encryption, and goes with it") {
  LinkPair pair(with_ipv6(client_config()), with_ipv6(server_config()));
  REQUIRE(pair.up());
  CHECK(pair.client.story == "establish authenticate network encrypted up ipv6");
  REQUIRE(pair.client.ipv6);
  REQUIRE(pair.server.ipv6);
  CHECK(pair.client.ipv6->local == pair.server.ipv6->peer);
  CHECK(pair.client.ipv6->peer == pair.server.ipv6->local);
  CHECK(pair.client.ipv6->local != pair.client.ipv6->peer);
  const InterfaceId before = pair.client.ipv6->local;
  // CCP is negotiated anew: nothing flows until it is through.
  pair.inject(pair.client, protocol::kCcp, {1, 9, 0, 10, 18, 6, 1, 0, 0, 0x40});
  pair.run(seconds(10));
  CHECK(pair.client.story.find("no-ipv6 down unencrypted encrypted up ipv6") != std::string::npos);
  REQUIRE(pair.client.ipv6);
  CHECK(pair.client.ipv6->local == before);
  pair.client.link.close(pair.now(), {});
  pair.run(seconds(5));
  CHECK(pair.violations() == "");
  CHECK_FALSE(pair.client.ipv6);
}

TEST_CASE("rfc5072/3 a peer without ipv6 rejects it, and the link goes on") {
  LinkPair pair(with_ipv6(client_config()), server_config());
  REQUIRE(pair.up());
  CHECK(pair.sent(pair.server, protocol::kLcp, kProtRej) == 1);
  CHECK_FALSE(pair.client.ipv6);
  CHECK(pair.client.network);
  CHECK(pair.violations() == "");
}

TEST_CASE("rfc5072/3 a peer that takes ipv6 down leaves the rest alone") {
  LinkPair pair(with_ipv6(client_config()), with_ipv6(server_config()));
  REQUIRE(pair.up());
  pair.inject(pair.client, protocol::kIpv6cp, {5, 1, 0, 4});
  pair.run(seconds(10));
  CHECK_FALSE(pair.client.ipv6);
  CHECK(pair.client.network);
  CHECK(pair.server.network);
  // It has been given up, and is a protocol like any that is not spoken.
  const int rejected = pair.sent(pair.client, protocol::kLcp, kProtRej);
  pair.inject(pair.client, protocol::kIpv6cp, {1, 1, 0, 4});
  CHECK(pair.sent(pair.client, protocol::kLcp, kProtRej) == rejected + 1);
  CHECK(pair.violations() == "");
}

}  // namespace
}  // namespace pptp::test
