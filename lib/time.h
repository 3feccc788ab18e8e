#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace pptp {

/// The core's clock. It has no now(): time is an argument, so reading a clock inside the core does
/// not compile. Outside, tunnel/io maps CLOCK_MONOTONIC onto it; tests count up from zero.
struct EngineClock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = std::chrono::duration<rep, period>;
  using time_point = std::chrono::time_point<EngineClock>;
  static constexpr bool is_steady = true;
};

using TimePoint = EngineClock::time_point;
using Duration = EngineClock::duration;

/// When something is due; nullopt: never.
using Deadline = std::optional<TimePoint>;

/// The earlier of two deadlines.
constexpr Deadline earliest(Deadline a, Deadline b) noexcept {
  if (!a) return b;
  if (!b) return a;
  return *a < *b ? a : b;
}

}  // namespace pptp
