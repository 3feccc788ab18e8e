#include "tunnel/gre_sender.h"

namespace pptp {
namespace {

/// RFC 2637 4.4.1: alpha is 1/8.
constexpr int kRoundTripDivisor = 8;

}  // namespace

GreSender::DataNumbers GreSender::next_data(TimePoint now) noexcept {
  DataNumbers numbers{next_, std::nullopt};
  if (!sample_ || now - sample_->sent > kMaxSample) sample_ = Sample{next_, now};
  next_ = next_.next();
  if (acknowledge_at_) numbers.acknowledgement = acknowledge_now();
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
  if (!acknowledge_at_) acknowledge_at_ = now + kAckDelay;
  const bool many =
      highest_acknowledged_ && highest.steps_from(*highest_acknowledged_) >= kMaxUnacknowledged;
  if (many) acknowledge_at_ = earliest(acknowledge_at_, now);
}

void GreSender::peer_acknowledged(TimePoint now, AckNo acknowledgement) noexcept {
  const SeqNo sequence = acknowledged(acknowledgement);
  if (sequence.steps_from(unacknowledged_) >= outstanding()) return;
  unacknowledged_ = sequence.next();
  if (!sample_ || sample_->sequence.is_after(sequence)) return;
  const Duration sample = now - sample_->sent;
  sample_.reset();
  if (sample > kMaxSample) return;
  round_trip_ = round_trip_ ? *round_trip_ + (sample - *round_trip_) / kRoundTripDivisor : sample;
}

AckNo GreSender::acknowledge_now() noexcept {
  acknowledge_at_.reset();
  highest_acknowledged_ = highest_received_;
  return acknowledging(highest_received_.value_or(SeqNo{}));
}

}  // namespace pptp
