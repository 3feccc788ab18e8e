#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include "lib/time.h"

namespace pptp {

/// One deadline per enumerator of Timer (which ends with `count_`). next() is their minimum.
template <class Timer>
class Deadlines {
 public:
  constexpr void set(Timer timer, TimePoint when) noexcept {
    table_[std::to_underlying(timer)] = when;
  }

  constexpr void clear(Timer timer) noexcept { table_[std::to_underlying(timer)].reset(); }

  constexpr void clear_all() noexcept { table_ = {}; }

  constexpr bool armed(Timer timer) const noexcept {
    return table_[std::to_underlying(timer)].has_value();
  }

  constexpr Deadline next() const noexcept {
    Deadline least;
    for (const Deadline& deadline : table_)
      least = earliest(least, deadline);
    return least;
  }

  /// The timer that is due longest, disarmed; nullopt when none is due. An early call is harmless.
  constexpr std::optional<Timer> take_expired(TimePoint now) noexcept {
    std::size_t found = table_.size();
    for (std::size_t i = 0; i < table_.size(); ++i) {
      if (table_[i] && *table_[i] <= now &&
          (found == table_.size() || *table_[i] < *table_[found])) {
        found = i;
      }
    }
    if (found == table_.size()) return std::nullopt;
    table_[found].reset();
    return static_cast<Timer>(found);
  }

 private:
  std::array<Deadline, static_cast<std::size_t>(Timer::count_)> table_{};
};

}  // namespace pptp
