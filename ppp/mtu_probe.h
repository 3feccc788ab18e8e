#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lib/deadlines.h"
#include "lib/ids.h"
#include "lib/time.h"

namespace pptp {

/// Finds out how long a PPP information field may be to arrive, by LCP Echo-Requests of that length
/// (RFC 1661 5.8): first the longest that is hoped for, then by halves down from there. What no
/// reply comes to, several times, is taken for too long.
///
/// Told of replies and of the time; asked what to send.
class MtuProbe {
 public:
  /// Octets, `least` < `most`; what is longer than `least` is worth the search.
  MtuProbe(std::uint16_t least, std::uint16_t most) noexcept;

  /// The length of an Echo-Request to be sent now, header included; sent() has to follow.
  std::optional<std::uint16_t> poll(TimePoint now);

  /// The request that poll() asked for went out with this identifier.
  void sent(TimePoint now, Identifier id);

  /// An Echo-Reply with this identifier came in, of whatever length: who cuts its replies to its
  /// own limit has had the request.
  void replied(Identifier id);

  /// nullopt: nothing to wait for.
  Deadline next_deadline() const noexcept { return deadline_; }

  bool over() const noexcept { return over_; }

  /// The longest that arrived, once it is over; nullopt: none did, which says nothing about length.
  std::optional<std::uint16_t> arrived() const noexcept { return arrived_; }

  static constexpr unsigned kTries = 3;
  static constexpr Duration kTimeout = std::chrono::seconds(1);
  /// What is not searched for any closer.
  static constexpr std::uint16_t kGrain = 8;

 private:
  void judge(bool arrives);

  std::uint16_t least_;
  std::uint16_t lost_;           ///< this long, and longer, does not arrive
  std::uint16_t current_;        ///< the length that is being tried
  std::vector<Identifier> ids_;  ///< of its requests
  Deadline deadline_;
  std::optional<std::uint16_t> arrived_;
  bool over_ = false;
};

}  // namespace pptp
