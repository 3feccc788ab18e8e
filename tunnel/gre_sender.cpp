#include "tunnel/gre_sender.h"

#include <chrono>

namespace pptp {
namespace {

/// RFC 2637 4.4.1: alpha is 1/8, beta 1/4.
constexpr int kRoundTripDivisor = 8;
constexpr int kDeviationDivisor = 4;

}  // namespace

GreSender::DataNumbers GreSender::next_data(TimePoint now) noexcept {
  DataNumbers numbers{next_, std::nullopt};
  if (window_) window_->sent(now, next_);
  if (!sample_ || now - sample_->sent > kMaxSample) sample_ = Sample{next_, now};
  next_ = next_.next();
  if (acknowledge_at_ || (always_acknowledges_ && highest_received_)) {
    numbers.acknowledgement = acknowledge_now();
  }
  return numbers;
}

std::optional<AckNo> GreSender::poll_acknowledgement(TimePoint now) noexcept {
  if (!acknowledge_at_ || now < *acknowledge_at_) return std::nullopt;
  return acknowledge_now();
}

void GreSender::received(TimePoint now, SeqNo highest) noexcept {
  // Also when it went back, with the numbering of a peer that began anew.
  if (highest == highest_acknowledged_) return;
  highest_received_ = highest;
  if (!acknowledge_at_) acknowledge_at_ = always_acknowledges_ ? now : now + kAckDelay;
  const bool many =
      highest_acknowledged_ && highest.steps_from(*highest_acknowledged_) >= kMaxUnacknowledged;
  if (many) acknowledge_at_ = earliest(acknowledge_at_, now);
}

void GreSender::peer_acknowledged(TimePoint now, AckNo acknowledgement) noexcept {
  const SeqNo sequence = acknowledged(acknowledgement);
  if (sequence.steps_from(unacknowledged_) >= outstanding()) return;
  was_acknowledged_ = true;
  unacknowledged_ = sequence.next();
  if (window_) window_->acknowledged(now, sequence);
  if (!sample_ || sample_->sequence.is_after(sequence)) return;
  const Duration sample = now - sample_->sent;
  sample_.reset();
  if (sample > kMaxSample) return;
  if (round_trip_) {
    const Duration difference = sample - *round_trip_;
    *round_trip_ += difference / kRoundTripDivisor;
    deviation_ += (std::chrono::abs(difference) - deviation_) / kDeviationDivisor;
  } else {
    round_trip_ = sample;
    deviation_ = sample / 2;
  }
  if (window_) window_->measured(*round_trip_, deviation_);
}

AckNo GreSender::acknowledge_now() noexcept {
  acknowledge_at_.reset();
  highest_acknowledged_ = highest_received_;
  return acknowledging(highest_received_.value_or(SeqNo{}));
}

}  // namespace pptp
