#include "ppp/ipcp.h"

#include <doctest/doctest.h>

#include "tests/ppp/policies.h"

namespace pptp::test {
namespace {

constexpr std::uint8_t kAddress = 3;
constexpr std::uint8_t kDns1 = 129;
constexpr std::uint8_t kWins1 = 130;
constexpr std::uint8_t kDns2 = 131;
constexpr std::uint8_t kWins2 = 132;

IpAssignment assignment() {
  IpAssignment result;
  result.local = Ipv4Address(10, 0, 0, 1);
  result.peer = Ipv4Address(10, 0, 0, 9);
  result.dns = {Ipv4Address(10, 0, 0, 53), Ipv4Address(10, 0, 1, 53)};
  result.wins = {Ipv4Address(10, 0, 0, 42), Ipv4Address()};
  return result;
}

bool naked(IpcpPolicy& policy, std::uint8_t type, std::initializer_list<std::uint8_t> data) {
  return policy.naked({type, Bytes(data.begin(), data.size())});
}

bool rejected(IpcpPolicy& policy, std::uint8_t type) {
  return policy.rejected({type, {}});
}

TEST_CASE("ipcp client and server agree on the assignment") {
  IpcpPolicy client = IpcpPolicy::client({{}, true, true});
  IpcpPolicy server = IpcpPolicy::server(assignment());
  Negotiation negotiation(client, server);
  negotiation.run();
  REQUIRE(negotiation.opened());
  CHECK(client.agreed().local == assignment().peer);
  CHECK(client.agreed().peer == assignment().local);
  CHECK(client.agreed().dns == assignment().dns);
  CHECK(client.agreed().wins == assignment().wins);
  CHECK(server.agreed().local == assignment().local);
  CHECK(server.agreed().peer == assignment().peer);
  CHECK(!client.refusal());
  CHECK(!server.refusal());
}

TEST_CASE("ipcp client without a wish for name servers does not ask for them") {
  IpcpPolicy client = IpcpPolicy::client({{}, false, false});
  CHECK(request(client) == Octets{3, 6, 0, 0, 0, 0});
  IpcpPolicy server = IpcpPolicy::server(assignment());
  Negotiation negotiation(client, server);
  negotiation.run();
  REQUIRE(negotiation.opened());
  CHECK(client.agreed().dns[0].is_zero());
}

TEST_CASE("ipcp client with a wish for an address takes another one all the same") {
  IpcpPolicy client = IpcpPolicy::client({Ipv4Address(10, 0, 0, 77), false, false});
  CHECK(request(client) == Octets{3, 6, 10, 0, 0, 77});
  IpcpPolicy server = IpcpPolicy::server(assignment());
  Negotiation negotiation(client, server);
  negotiation.run();
  REQUIRE(negotiation.opened());
  CHECK(client.agreed().local == assignment().peer);
}

TEST_CASE("rfc1332/3.3 client judges the server's address") {
  IpcpPolicy client = IpcpPolicy::client({});
  client.begin_judging();
  CHECK(judge(client, kAddress, {10, 0, 0, 1}).verdict == Verdict::ack);
  CHECK(judge(client, kAddress, {0, 0, 0, 0}).verdict == Verdict::reject);
  CHECK(judge(client, kAddress, {127, 0, 0, 1}).verdict == Verdict::reject);
  CHECK(judge(client, kAddress, {224, 0, 0, 1}).verdict == Verdict::reject);
  CHECK(judge(client, kAddress, {255, 255, 255, 255}).verdict == Verdict::reject);
  CHECK(judge(client, kAddress, {10, 0, 0}).verdict == Verdict::reject);
  CHECK(judge(client, kAddress, {10, 0, 0, 1, 2}).verdict == Verdict::reject);
  CHECK(judge(client, 1, {10, 0, 0, 1, 10, 0, 0, 2}).verdict == Verdict::reject);
  CHECK(judge(client, kDns1, {10, 0, 0, 1}).verdict == Verdict::reject);
  CHECK(missing(client).empty());
}

TEST_CASE("ipcp client does without the server's address") {
  IpcpPolicy client = IpcpPolicy::client({});
  client.begin_judging();
  client.peer_request_acked();
  CHECK(client.agreed().peer.is_zero());
}

TEST_CASE("ipcp server judges with its assignment alone") {
  IpcpPolicy server = IpcpPolicy::server(assignment());
  server.begin_judging();
  CHECK(missing(server) == Octets{3, 6, 10, 0, 0, 9});
  CHECK(judge(server, kAddress, {10, 0, 0, 9}).verdict == Verdict::ack);
  CHECK(missing(server).empty());
  CHECK(judge(server, kAddress, {0, 0, 0, 0}) == Judgement{Verdict::nak, {3, 6, 10, 0, 0, 9}});
  CHECK(judge(server, kAddress, {10, 0, 0, 8}) == Judgement{Verdict::nak, {3, 6, 10, 0, 0, 9}});
  CHECK(judge(server, kAddress, {}) == Judgement{Verdict::nak, {3, 6, 10, 0, 0, 9}});
  CHECK(judge(server, kDns1, {0, 0, 0, 0}) == Judgement{Verdict::nak, {129, 6, 10, 0, 0, 53}});
  CHECK(judge(server, kDns2, {10, 0, 1, 53}).verdict == Verdict::ack);
  CHECK(judge(server, kWins1, {0, 0, 0, 0}) == Judgement{Verdict::nak, {130, 6, 10, 0, 0, 42}});
  CHECK(judge(server, kWins2, {0, 0, 0, 0}).verdict == Verdict::reject);
  CHECK(judge(server, 1, {10, 0, 0, 9, 10, 0, 0, 1}).verdict == Verdict::reject);
}

TEST_CASE("rfc1332/4 header compression is granted, and asked for of a peer that asks for it") {
  constexpr std::uint8_t kCompression = 2;
  const Octets kOption = {2, 6, 0, 0x2d, 15, 1};
  for (IpcpPolicy policy : {IpcpPolicy::client({}), IpcpPolicy::server(assignment())}) {
    const auto asks = [&] {
      const Octets written = request(policy);
      return written.size() >= kOption.size() &&
             std::equal(kOption.begin(), kOption.end(), written.begin());
    };
    CHECK_FALSE(asks());
    policy.begin_judging();
    // Another protocol, RFC 1172's form of the option, and one that is too long.
    CHECK(judge(policy, kCompression, {0, 0x61, 15, 1}).verdict == Verdict::reject);
    CHECK(judge(policy, kCompression, {0, 0x2d}).verdict == Verdict::reject);
    CHECK(judge(policy, kCompression, {0, 0x2d, 15, 1, 0}).verdict == Verdict::reject);
    policy.peer_request_acked();
    CHECK_FALSE(policy.send_vj());
    CHECK_FALSE(asks());
    policy.begin_judging();
    CHECK(judge(policy, kCompression, {0, 0x2d, 3, 0}).verdict == Verdict::ack);
    policy.peer_request_acked();
    CHECK(policy.send_vj() == VjParameters{3, false});
    policy.acked();
    CHECK_FALSE(policy.receive_vj());
    CHECK(asks());
    policy.acked();
    CHECK(policy.receive_vj() == VjParameters{15, true});
    CHECK(naked(policy, kCompression, {0, 0x2d, 7, 0}));
    CHECK(hex(Bytes(request(policy)).first(6)) == "0206002d0700");
    policy.acked();
    CHECK(policy.receive_vj() == VjParameters{7, false});
    CHECK(naked(policy, kCompression, {0, 0x2d, 200, 1}));
    CHECK(asks());
    CHECK(rejected(policy, kCompression));
    CHECK_FALSE(asks());
    CHECK(naked(policy, kCompression, {0, 0x2d, 7, 0}));
    CHECK_FALSE(asks());
    policy.begin_judging();
    CHECK(judge(policy, kCompression, {0, 0x2d, 15, 1}).verdict == Verdict::ack);
    CHECK_FALSE(asks());
    policy.acked();
    CHECK_FALSE(policy.receive_vj());
    // A request without the option takes it back.
    policy.begin_judging();
    policy.peer_request_acked();
    CHECK_FALSE(policy.send_vj());
    policy.restart();
    CHECK_FALSE(asks());
    CHECK(naked(policy, kCompression, {0, 0x2d, 15, 1}));
    CHECK(asks());
  }
}

TEST_CASE("ipcp server gives no address where it has none") {
  IpAssignment none;
  none.local = Ipv4Address(10, 0, 0, 1);
  IpcpPolicy server = IpcpPolicy::server(none);
  server.begin_judging();
  CHECK(judge(server, kAddress, {10, 0, 0, 9}).verdict == Verdict::reject);
  CHECK(missing(server).empty());
}

TEST_CASE("ipcp server keeps its address whatever the peer says of it") {
  IpcpPolicy server = IpcpPolicy::server(assignment());
  CHECK(request(server) == Octets{3, 6, 10, 0, 0, 1});
  CHECK(naked(server, kAddress, {10, 9, 9, 9}));
  CHECK(request(server) == Octets{3, 6, 10, 0, 0, 1});
  CHECK(rejected(server, kAddress));
  CHECK(request(server).empty());
  server.acked();
  CHECK(server.agreed().local == assignment().local);
}

TEST_CASE("ipcp client refuses an address of no use") {
  const Ipv4Address bad[] = {Ipv4Address(127, 0, 0, 1), Ipv4Address(224, 0, 0, 5),
                             Ipv4Address(240, 0, 0, 1), Ipv4Address(255, 255, 255, 255),
                             Ipv4Address(0, 1, 2, 3)};
  for (const Ipv4Address address : bad) {
    CAPTURE(address.text());
    IpAssignment given = assignment();
    given.peer = address;
    IpcpPolicy client = IpcpPolicy::client({});
    IpcpPolicy server = IpcpPolicy::server(given);
    Negotiation negotiation(client, server);
    negotiation.run();
    CHECK(!negotiation.opened());
    const End end = client.failure(negotiation.a().finish_reason());
    CHECK(end.cause == Cause::ipcp_address_refused);
    CHECK(end.code == address.value());
  }
}

TEST_CASE("ipcp client that is left without an address says so") {
  IpcpPolicy client = IpcpPolicy::client({});
  client.acked();
  CHECK(client.refusal().value().cause == Cause::ipcp_no_local_address);

  IpcpPolicy refused = IpcpPolicy::client({});
  CHECK(!rejected(refused, kAddress));
  CHECK(refused.failure(FinishReason::no_agreement).cause == Cause::ipcp_no_local_address);

  IpcpPolicy own = IpcpPolicy::client({Ipv4Address(10, 0, 0, 77), false, false});
  CHECK(rejected(own, kAddress));
  CHECK(request(own).empty());
  own.acked();
  CHECK(!own.refusal());
  CHECK(own.agreed().local == Ipv4Address(10, 0, 0, 77));

  IpcpPolicy endless = IpcpPolicy::client({});
  bool gave_up = false;
  for (int i = 0; i < 1000 && !gave_up; ++i)
    gave_up = !naked(endless, kAddress, {0, 0, 0, 0});
  CHECK(gave_up);
}

TEST_CASE("rfc1877 client drops name servers that it is refused") {
  IpcpPolicy client = IpcpPolicy::client({{}, true, true});
  CHECK(request(client).size() == 5 * 6);
  CHECK(rejected(client, kDns2));
  CHECK(rejected(client, kWins2));
  CHECK(naked(client, kWins1, {0, 0, 0, 0}));
  CHECK(naked(client, kDns1, {10, 0, 0, 53}));
  CHECK(naked(client, kAddress, {10, 0, 0, 9}));
  CHECK(request(client) == Octets{3, 6, 10, 0, 0, 9, 129, 6, 10, 0, 0, 53});
  client.acked();
  CHECK(client.agreed().dns[0] == Ipv4Address(10, 0, 0, 53));
  CHECK(client.agreed().dns[1].is_zero());
  CHECK(client.agreed().wins[0].is_zero());
  client.restart();
  CHECK(request(client).size() == 5 * 6);
}

TEST_CASE("ipcp ignores naks that it cannot read or did not ask for") {
  IpcpPolicy client = IpcpPolicy::client({{}, false, false});
  CHECK(naked(client, kAddress, {10, 0, 0}));
  CHECK(naked(client, kDns1, {10, 0, 0, 53}));
  CHECK(naked(client, 2, {0, 0x2d}));
  CHECK(request(client) == Octets{3, 6, 0, 0, 0, 0});
  client.acked();
  CHECK(client.agreed().dns[0].is_zero());
}

TEST_CASE("ipcp names why it could not open") {
  const IpcpPolicy client = IpcpPolicy::client({});
  CHECK(client.failure(FinishReason::timeout).cause == Cause::ipcp_timeout);
  CHECK(client.failure(FinishReason::rejected).cause == Cause::no_network_protocols);
  CHECK(client.failure(FinishReason::peer_terminated).cause == Cause::no_network_protocols);
  CHECK(client.failure(FinishReason::no_agreement).cause == Cause::ipcp_no_agreement);
}

}  // namespace
}  // namespace pptp::test
