#include "tunnel/send_window.h"

#include <algorithm>

namespace pptp {
namespace {

/// RFC 2637 4.4.1: chi. 4.4.2: delta.
constexpr int kDeviations = 4;
constexpr int kBackoff = 2;

constexpr std::uint32_t half_of(std::uint32_t size) noexcept {
  return (size + 1) / 2;
}

}  // namespace

SendWindow::SendWindow(std::uint16_t announced, SeqNo next) noexcept
    : most_(std::max<std::uint32_t>(announced, 1)),
      size_(half_of(most_)),
      next_(next),
      first_(next) {}

bool SendWindow::is_open(TimePoint now) noexcept {
  if (!is_full()) return true;
  if (now < *expires_) return false;
  first_ = next_;
  expires_.reset();
  size_ = half_of(size_);
  digested_ = 0;
  timeout_ = std::min(kBackoff * timeout_, kMostTimeout);
  return true;
}

void SendWindow::sent(TimePoint now, SeqNo sequence) noexcept {
  if (!expires_) expires_ = now + timeout_;
  next_ = sequence.next();
}

void SendWindow::acknowledged(TimePoint now, SeqNo sequence) noexcept {
  const std::uint32_t steps = sequence.next().steps_from(first_);
  if (steps == 0 || steps > awaiting()) return;  // of those given up
  first_ = sequence.next();
  expires_.reset();
  if (awaiting() > 0) expires_ = now + timeout_;
  digested_ += steps;
  if (digested_ < size_) return;
  size_ = std::min(size_ + 1, most_);
  digested_ = 0;
}

void SendWindow::measured(Duration round_trip, Duration deviation) noexcept {
  timeout_ = std::clamp(round_trip + kDeviations * deviation, kLeastTimeout, kMostTimeout);
}

}  // namespace pptp
