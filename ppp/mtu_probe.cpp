#include "ppp/mtu_probe.h"

#include <algorithm>

namespace pptp {

MtuProbe::MtuProbe(std::uint16_t least, std::uint16_t most) noexcept
    : least_(least), lost_(static_cast<std::uint16_t>(most + 1)), current_(most) {}

std::optional<std::uint16_t> MtuProbe::poll(TimePoint now) {
  if (over_) return std::nullopt;
  if (deadline_ && now < *deadline_) return std::nullopt;
  if (ids_.size() >= kTries) judge(false);
  if (over_) return std::nullopt;
  return current_;
}

void MtuProbe::sent(TimePoint now, Identifier id) {
  if (over_) return;
  ids_.push_back(id);
  deadline_ = now + kTimeout;
}

void MtuProbe::replied(Identifier id) {
  if (!over_ && std::ranges::find(ids_, id) != ids_.end()) judge(true);
}

void MtuProbe::judge(bool arrives) {
  ids_.clear();
  deadline_.reset();
  if (arrives) {
    arrived_ = current_;
  } else {
    lost_ = current_;
    // Nothing arrives that is known to be short enough: whoever it is does not answer echoes.
    over_ = current_ == least_;
  }
  if (!arrived_) {
    current_ = least_;
  } else if (lost_ - *arrived_ <= kGrain || *arrived_ + 1 == lost_) {
    over_ = true;
  } else {
    current_ = static_cast<std::uint16_t>(*arrived_ + (lost_ - *arrived_) / 2);
  }
}

}  // namespace pptp
