#include "apps/log_quota.h"

#include <chrono>

#include <doctest/doctest.h>

using namespace pptp;
using namespace pptp::app;
using std::chrono::seconds;

namespace {

constexpr Ipv4Address kLoud(198, 51, 100, 1);
constexpr Ipv4Address kQuiet(198, 51, 100, 2);
constexpr TimePoint kStart{std::chrono::hours(1)};

}  // namespace

TEST_CASE("log_quota/one that is loud does not hide the others") {
  LogQuota quota;
  unsigned lines = 0;
  for (int i = 0; i < 1'000; ++i)
    if (quota.admit(kStart, kLoud)) ++lines;
  CHECK(lines == LogQuota::kLinesPerSource);
  CHECK(quota.admit(kStart, kQuiet));
}

TEST_CASE("log_quota/many that say a little each fill the log no more than one") {
  LogQuota quota;
  unsigned lines = 0;
  for (std::uint32_t i = 0; i < 100'000; ++i)
    if (quota.admit(kStart, Ipv4Address(kLoud.value() + i))) ++lines;
  CHECK(lines == LogQuota::kLines);
}

TEST_CASE("log_quota/what was left out is told once, when the minute is over") {
  LogQuota quota;
  CHECK_FALSE(quota.next_deadline());
  for (unsigned i = 0; i < LogQuota::kLinesPerSource + 7; ++i)
    (void)quota.admit(kStart + seconds(i), kLoud);
  CHECK(quota.next_deadline() == kStart + LogQuota::kWindow);
  CHECK(quota.take_omitted(kStart + LogQuota::kWindow - seconds(1)) == 0);
  CHECK(quota.take_omitted(kStart + LogQuota::kWindow) == 7);
  CHECK(quota.take_omitted(kStart + LogQuota::kWindow) == 0);
  CHECK_FALSE(quota.next_deadline());
  CHECK(quota.admit(kStart + LogQuota::kWindow, kLoud));
}
