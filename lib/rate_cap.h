#pragma once

#include <algorithm>

#include "lib/time.h"

namespace pptp {

/// Lets through `burst` events at once and then one every `interval`, without counting or storing
/// them: it remembers until when what has been let through is paid for.
class RateCap {
 public:
  constexpr RateCap(unsigned burst, Duration interval) noexcept
      : credit_(interval * (burst - 1)), interval_(interval) {}

  /// Whether an event at `now` may happen; if so it counts.
  constexpr bool admits(TimePoint now) noexcept {
    const TimePoint due = paid_until_ ? std::max(*paid_until_, now) : now;
    if (due - now > credit_) return false;
    paid_until_ = due + interval_;
    return true;
  }

 private:
  Duration credit_;
  Duration interval_;
  Deadline paid_until_;
};

}  // namespace pptp
