#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "lib/serial.h"
#include "lib/time.h"
#include "tunnel/send_window.h"

namespace pptp {

/// The packet receive window that our control messages announce: what the peer may have under way
/// unacknowledged (RFC 2637 4.2).
inline constexpr std::uint16_t kGreReceiveWindow = 64;

/// The numbers of one call's GRE headers: sequence numbers for what is sent, acknowledgements of
/// what was received.
///
/// An acknowledgement rides on the next data packet; one without data is due when kAckDelay has
/// passed since the first packet that it is for, or at once when half the window is unacknowledged.
///
/// Sending waits for the peer's window only if asked to pace() itself: a peer may never acknowledge
/// a pure download (interop note 3.7c). DEVIATION: RFC 2637 4.2 would have us stop always.
class GreSender {
 public:
  /// RFC 2637 4.1: the first packet of a call has sequence number zero.
  static constexpr SeqNo kFirst{0};
  /// Below the least time-out that a peer takes for a loss (half a second where it is fixed), and
  /// long enough for the replies inside the tunnel to carry it.
  static constexpr Duration kAckDelay = std::chrono::milliseconds(100);
  static constexpr std::uint32_t kMaxUnacknowledged = kGreReceiveWindow / 2;
  /// An acknowledgement that took longer says that others were lost, not how long the path is.
  static constexpr Duration kMaxSample = std::chrono::seconds(10);

  struct DataNumbers {
    SeqNo sequence;
    std::optional<AckNo> acknowledgement;  ///< when there is something new to acknowledge
  };

  /// `first`: the number of the first packet.
  explicit GreSender(SeqNo first = kFirst) noexcept : next_(first), unacknowledged_(first) {}

  /// From now on may_send() keeps to the receive window, in packets, that the peer announced.
  void pace(std::uint16_t peer_window) noexcept { window_.emplace(peer_window, next_); }

  /// From now on each packet with a payload carries an acknowledgement, new or not, and one without
  /// is due at once.
  void always_acknowledge() noexcept { always_acknowledges_ = true; }

  /// Whether one more packet of data may go now. Control packets do not ask.
  bool may_send(TimePoint now) noexcept { return !window_ || window_->is_open(now); }

  /// When may_send() will say yes without any acknowledgement; nullopt: it does already.
  Deadline may_send_at() const noexcept { return window_ ? window_->next_deadline() : Deadline(); }

  /// The numbers of the next packet with a payload.
  DataNumbers next_data(TimePoint now) noexcept;

  /// The acknowledgement to send without data, when one is due.
  std::optional<AckNo> poll_acknowledgement(TimePoint now) noexcept;

  /// When poll_acknowledgement() will have one; nullopt: not before more is received().
  Deadline next_deadline() const noexcept { return acknowledge_at_; }

  /// `highest`: GreReceiver::highest_received(), after one packet or after a batch.
  void received(TimePoint now, SeqNo highest) noexcept;

  /// The peer acknowledged. Of what was never sent, or acknowledged before: ignored.
  void peer_acknowledged(TimePoint now, AckNo acknowledgement) noexcept;

  /// Whether the peer has ever acknowledged a packet: proof that GRE reaches it.
  bool was_acknowledged() const noexcept { return was_acknowledged_; }

  /// Packets sent and not acknowledged: for statistics; grows for ever with a peer that never
  /// acknowledges.
  std::uint32_t outstanding() const noexcept { return next_.steps_from(unacknowledged_); }

  /// Smoothed time from a packet to its acknowledgement (RFC 2637 4.4.1), the peer's delay of it
  /// included; nullopt before the first sample.
  std::optional<Duration> round_trip() const noexcept { return round_trip_; }

 private:
  AckNo acknowledge_now() noexcept;

  struct Sample {
    SeqNo sequence;
    TimePoint sent;
  };

  SeqNo next_;
  bool was_acknowledged_ = false;
  SeqNo unacknowledged_;          ///< the first that the peer has not acknowledged
  std::optional<Sample> sample_;  ///< one packet at a time is timed
  std::optional<Duration> round_trip_;
  Duration deviation_{};  ///< RFC 2637 4.4.1: DEV, of the samples from round_trip_
  std::optional<SendWindow> window_;
  bool always_acknowledges_ = false;

  std::optional<SeqNo> highest_received_;
  std::optional<SeqNo> highest_acknowledged_;
  Deadline acknowledge_at_;  ///< set exactly if there is something to acknowledge
};

}  // namespace pptp
