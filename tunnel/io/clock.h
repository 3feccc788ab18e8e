#pragma once

#include <chrono>

#include "lib/time.h"

namespace pptp::io {

// The core's time points are CLOCK_MONOTONIC's, which is what std::chrono::steady_clock reads on
// Linux; both count nanoseconds, so nothing is lost either way.

inline TimePoint to_engine_time(std::chrono::steady_clock::time_point time) noexcept {
  return TimePoint(std::chrono::duration_cast<Duration>(time.time_since_epoch()));
}

inline std::chrono::steady_clock::time_point to_steady_time(TimePoint time) noexcept {
  return std::chrono::steady_clock::time_point(
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(time.time_since_epoch()));
}

/// The time that the core is given as `now`.
inline TimePoint engine_now() noexcept {
  return to_engine_time(std::chrono::steady_clock::now());
}

}  // namespace pptp::io
