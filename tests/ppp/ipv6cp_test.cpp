#include "ppp/ipv6cp.h"

#include <doctest/doctest.h>

#include "lib/narrow.h"
#include "tests/ppp/policies.h"
#include "tests/sim/seeded_entropy.h"

namespace pptp::test {
namespace {

constexpr std::uint8_t kIdentifier = 1;
constexpr InterfaceId kNone{};

bool usable(const InterfaceId& id) {
  return id != kNone && (id[0] & 2) == 0;
}

Octets option(const InterfaceId& id) {
  Octets octets(2 + id.size());
  Writer out{MutableBytes(octets)};
  out.u8(kIdentifier);
  out.u8(narrow<std::uint8_t>(octets.size()));
  out.bytes(id);
  return octets;
}

/// The identifier in an option.
InterfaceId id_in(const Octets& octets) {
  REQUIRE(octets.size() == 10);
  REQUIRE(octets[0] == kIdentifier);
  REQUIRE(octets[1] == 10);
  return Reader(Bytes(octets).subspan(2)).array<8>();
}

bool naked(Ipv6cpPolicy& policy, std::uint8_t type, Bytes data) {
  return policy.naked({type, data});
}

bool naked(Ipv6cpPolicy& policy, std::uint8_t type, std::initializer_list<std::uint8_t> data) {
  return policy.naked({type, Bytes(data.begin(), data.size())});
}

bool rejected(Ipv6cpPolicy& policy, std::uint8_t type) {
  return policy.rejected({type, {}});
}

TEST_CASE("rfc5072/4.1 both ends choose an identifier and tell each other") {
  sim::SeededEntropy entropy(1);
  Ipv6cpPolicy a(kNone, entropy);
  Ipv6cpPolicy b(kNone, entropy);
  Negotiation negotiation(a, b);
  negotiation.run();
  REQUIRE(negotiation.opened());
  CHECK(usable(a.local()));
  CHECK(usable(b.local()));
  CHECK(a.local() != b.local());
  CHECK(a.peer() == b.local());
  CHECK(b.peer() == a.local());
}

TEST_CASE("rfc5072/4.1 two ends that choose the same come to have different ones") {
  sim::SeededEntropy one(5);
  sim::SeededEntropy same(5);
  Ipv6cpPolicy a(kNone, one);
  Ipv6cpPolicy b(kNone, same);
  REQUIRE(a.local() == b.local());
  for (int i = 0; i < 3; ++i)
    (void)one.next();
  Negotiation negotiation(a, b);
  negotiation.run();
  REQUIRE(negotiation.opened());
  CHECK(a.local() != b.local());
  CHECK(a.peer() == b.local());
  CHECK(b.peer() == a.local());
}

TEST_CASE("rfc5072/4.1 zero, none, and our own identifier are answered with a suggestion") {
  sim::SeededEntropy entropy(1);
  Ipv6cpPolicy policy(kNone, entropy);
  for (const InterfaceId& bad : {kNone, policy.local()}) {
    policy.begin_judging();
    const Judgement judgement = judge(policy, kIdentifier, bad);
    CHECK(judgement.verdict == Verdict::nak);
    CHECK(usable(id_in(judgement.nak)));
    CHECK(id_in(judgement.nak) != policy.local());
    CHECK(missing(policy).empty());
  }
  policy.begin_judging();
  CHECK(usable(id_in(missing(policy))));
  policy.begin_judging();
  CHECK(judge(policy, kIdentifier, {1, 2, 3}).verdict == Verdict::nak);
  policy.begin_judging();
  // IPv6-Compression-Protocol, and a second identifier.
  CHECK(judge(policy, 2, {0, 0x57}).verdict == Verdict::reject);
  CHECK(judge(policy, kIdentifier, {2, 0, 0, 0, 0, 0, 0, 1}).verdict == Verdict::ack);
  CHECK(judge(policy, kIdentifier, {2, 0, 0, 0, 0, 0, 0, 2}).verdict == Verdict::reject);
  policy.peer_request_acked();
  CHECK(policy.peer() == InterfaceId{2, 0, 0, 0, 0, 0, 0, 1});
}

TEST_CASE("ipv6cp asks for the identifier that is wanted") {
  sim::SeededEntropy entropy(1);
  const InterfaceId wanted{0, 1, 2, 3, 4, 5, 6, 7};
  Ipv6cpPolicy policy(wanted, entropy);
  CHECK(request(policy) == option(wanted));
}

TEST_CASE("rfc5072/4.1 a suggested identifier is taken, unless it is of no use") {
  sim::SeededEntropy entropy(1);
  Ipv6cpPolicy policy(kNone, entropy);
  const InterfaceId peer{2, 0, 0, 0, 0, 0, 0, 1};
  const InterfaceId suggested{2, 0, 0, 0, 0, 0, 0, 9};
  policy.begin_judging();
  CHECK(judge(policy, kIdentifier, peer).verdict == Verdict::ack);
  policy.peer_request_acked();
  CHECK(naked(policy, kIdentifier, suggested));
  CHECK(request(policy) == option(suggested));
  for (const InterfaceId& bad : {kNone, peer}) {
    CHECK(naked(policy, kIdentifier, bad));
    CHECK(usable(policy.local()));
    CHECK(policy.local() != suggested);
    CHECK(policy.local() != peer);
  }
  CHECK(naked(policy, kIdentifier, {1, 2}));
  CHECK(naked(policy, 2, {0, 0x57}));
  CHECK_FALSE(rejected(policy, kIdentifier));
  CHECK(rejected(policy, 2));
  // A negotiation that begins anew keeps the identifier.
  const InterfaceId before = policy.local();
  policy.restart();
  CHECK(policy.local() == before);
  // And a peer that suggests for ever is left alone.
  bool goes_on = true;
  for (int i = 0; i < 20; ++i)
    goes_on = goes_on && naked(policy, kIdentifier, kNone);
  CHECK_FALSE(goes_on);
}

}  // namespace
}  // namespace pptp::test
