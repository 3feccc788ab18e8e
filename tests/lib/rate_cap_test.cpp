#include "lib/rate_cap.h"

#include <chrono>

#include <doctest/doctest.h>

namespace pptp {
namespace {

using std::chrono::seconds;

constexpr TimePoint kStart{};

TEST_CASE("rate_cap/a burst, then one an interval, and the burst again after rest") {
  RateCap cap(3, seconds(1));
  const auto admitted = [&cap](TimePoint now) {
    int count = 0;
    while (cap.admits(now))
      ++count;
    return count;
  };
  CHECK(admitted(kStart) == 3);
  CHECK(admitted(kStart + std::chrono::milliseconds(999)) == 0);
  CHECK(admitted(kStart + seconds(1)) == 1);
  CHECK(admitted(kStart + seconds(3)) == 2);
  CHECK(admitted(kStart + seconds(100)) == 3);
}

}  // namespace
}  // namespace pptp
