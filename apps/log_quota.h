#pragma once

#include <chrono>
#include <cstdint>
#include <unordered_map>
#include <utility>

#include "lib/ipv4.h"
#include "lib/time.h"

namespace pptp::app {

/// Keeps what strangers can cause from filling the log: so many lines in a minute about one
/// address, and so many about all of them together. What is left out is counted.
class LogQuota {
 public:
  static constexpr unsigned kLinesPerSource = 10;
  static constexpr unsigned kLines = 100;
  static constexpr Duration kWindow = std::chrono::minutes(1);

  /// Whether a line about `source` may be written now.
  bool admit(TimePoint now, Ipv4Address source);

  /// How many lines were left out in a minute that is over; 0 when that has been asked.
  std::uint64_t take_omitted(TimePoint now);

  /// When take_omitted() has something to tell.
  Deadline next_deadline() const noexcept { return omitted_ > 0 ? end_ : Deadline(); }

 private:
  Deadline end_;  ///< of the minute under way
  unsigned lines_ = 0;
  std::unordered_map<Ipv4Address, unsigned> lines_of_;  ///< at most kLines sources
  std::uint64_t omitted_ = 0;
};

}  // namespace pptp::app
