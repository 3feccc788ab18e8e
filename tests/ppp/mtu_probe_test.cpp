#include "ppp/mtu_probe.h"

#include <chrono>
#include <cstdint>
#include <optional>

#include <doctest/doctest.h>

namespace pptp {
namespace {

using std::chrono::milliseconds;

/// A path that lets through what is at most `limit` long and answers at once; `deaf` to the first
/// so many requests whatever their length.
struct Path {
  std::uint16_t limit = 0;
  unsigned deaf = 0;
  unsigned requests = 0;
  TimePoint now{};
  std::uint8_t id = 250;  // identifiers go round

  std::optional<std::uint16_t> find(std::uint16_t least, std::uint16_t most) {
    MtuProbe probe(least, most);
    for (int steps = 0; !probe.over() && steps < 1000; ++steps) {
      if (const auto length = probe.poll(now)) {
        CHECK(*length >= least);
        CHECK(*length <= most);
        const Identifier identifier(id++);
        probe.sent(now, identifier);
        ++requests;
        if (requests > deaf && *length <= limit) probe.replied(identifier);
      } else if (!probe.over()) {
        REQUIRE(probe.next_deadline().has_value());
        now = *probe.next_deadline();
      }
    }
    CHECK(probe.over());
    CHECK_FALSE(probe.next_deadline().has_value());
    CHECK_FALSE(probe.poll(now).has_value());
    return probe.arrived();
  }
};

TEST_CASE("mtu_probe/the length hoped for arrives: one request, no time lost") {
  Path path{.limit = 1460};
  CHECK(path.find(576, 1460) == 1460);
  CHECK(path.requests == 1);
  CHECK(path.now == TimePoint{});
}

TEST_CASE("mtu_probe/a path that takes less: the longest that arrives, to within the grain") {
  for (const unsigned limit : {576U, 577U, 600U, 1000U, 1280U, 1400U, 1452U, 1459U}) {
    CAPTURE(limit);
    Path path{.limit = static_cast<std::uint16_t>(limit)};
    const auto found = path.find(576, 1460);
    REQUIRE(found.has_value());
    CHECK(*found <= limit);
    CHECK(limit - *found < MtuProbe::kGrain);
    CHECK(path.now - TimePoint{} <= std::chrono::seconds(40));
  }
}

TEST_CASE("mtu_probe/requests that get lost now and then are repeated") {
  Path path{.limit = 1460, .deaf = MtuProbe::kTries - 1};
  CHECK(path.find(576, 1460) == 1460);
  CHECK(path.requests == MtuProbe::kTries);
}

TEST_CASE("mtu_probe/a peer that never answers tells nothing about lengths") {
  Path path{.limit = 0};
  CHECK_FALSE(path.find(576, 1460).has_value());
  CHECK(path.requests == 2 * MtuProbe::kTries);
}

TEST_CASE("mtu_probe/a reply to an earlier try of the same length counts, any other does not") {
  MtuProbe probe(576, 1460);
  TimePoint now{};
  REQUIRE(probe.poll(now) == 1460);
  probe.sent(now, Identifier(1));
  CHECK_FALSE(probe.poll(now + milliseconds(10)).has_value());
  probe.replied(Identifier(9));
  CHECK_FALSE(probe.over());
  now += MtuProbe::kTimeout;
  REQUIRE(probe.poll(now) == 1460);
  probe.sent(now, Identifier(2));
  probe.replied(Identifier(1));
  CHECK(probe.over());
  CHECK(probe.arrived() == 1460);
}

}  // namespace
}  // namespace pptp
