#pragma once

#include <chrono>
#include <cstdint>

#include "lib/serial.h"
#include "lib/time.h"

namespace pptp {

/// How many packets may be on their way to the peer unacknowledged (RFC 2637 4.2).
///
/// Half of what the peer announced to begin with, one more for each window that was acknowledged
/// whole, up to what it announced. A full window whose acknowledgements do not come within the
/// adaptive time-out (RFC 2637 4.4) counts as acknowledged and is halved: lost acknowledgements, or
/// a peer that sends none without data (interop note 3.7c), cost time and never stop the sending.
///
/// DEVIATION: a time-out counts only where it holds something up. To RFC 2637 4.2.2 each is a sign
/// of congestion; but after the last packet of a burst some peers have nothing to answer.
class SendWindow {
 public:
  /// Before the first measurement.
  static constexpr Duration kFirstTimeout = std::chrono::seconds(1);
  /// Above the delay that we, and others, give an acknowledgement without data.
  static constexpr Duration kLeastTimeout = std::chrono::milliseconds(200);
  /// RFC 2637 4.4: MaxTimeOut.
  static constexpr Duration kMostTimeout = std::chrono::seconds(2);

  /// `announced`: the peer's packet receive window; 0 occurs, and counts as 1. `next`: the sequence
  /// number of the next packet.
  SendWindow(std::uint16_t announced, SeqNo next) noexcept;

  /// Whether one more may go now; a full window whose time is over is given up for that.
  bool is_open(TimePoint now) noexcept;

  /// When a full window opens by itself; nullopt: it is open.
  Deadline next_deadline() const noexcept { return is_full() ? expires_ : Deadline(); }

  /// Control packets go even when it is not open.
  void sent(TimePoint now, SeqNo sequence) noexcept;

  /// The peer has everything up to `sequence`, one of those sent.
  void acknowledged(TimePoint now, SeqNo sequence) noexcept;

  /// RFC 2637 4.4.1: the smoothed round trip and its mean deviation, after each measurement. Takes
  /// back what time-outs have added.
  void measured(Duration round_trip, Duration deviation) noexcept;

  /// Packets.
  std::uint32_t size() const noexcept { return size_; }

 private:
  std::uint32_t awaiting() const noexcept { return next_.steps_from(first_); }

  bool is_full() const noexcept { return awaiting() >= size_; }

  std::uint32_t most_;
  std::uint32_t size_;
  std::uint32_t digested_ = 0;  ///< acknowledged since the size was last changed
  SeqNo next_;
  SeqNo first_;  ///< that counts: neither acknowledged nor given up
  Duration timeout_ = kFirstTimeout;
  Deadline expires_;  ///< set exactly if something is awaited
};

}  // namespace pptp
