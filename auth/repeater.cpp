#include "auth/repeater.h"

#include <utility>

namespace pptp {

void Repeater::send(TimePoint now, std::vector<std::uint8_t> packet) {
  send_final(std::move(packet));
  repeats_left_ = max_repeats_;
  deadline_ = now + every_;
}

void Repeater::send_final(std::vector<std::uint8_t> packet) {
  packet_ = std::move(packet);
  due_ = true;
  deadline_.reset();
}

void Repeater::wait(TimePoint now) noexcept {
  forget();
  repeats_left_ = 0;
  deadline_ = now + every_ * (std::int64_t{max_repeats_} + 1);
}

void Repeater::answered() noexcept {
  due_ = false;
  deadline_.reset();
}

void Repeater::forget() noexcept {
  answered();
  packet_.clear();
}

Repeater::Tick Repeater::on_deadline(TimePoint now) noexcept {
  if (!deadline_ || now < *deadline_) return Tick::early;
  if (repeats_left_ == 0) {
    deadline_.reset();
    return Tick::exhausted;
  }
  --repeats_left_;
  due_ = true;
  deadline_ = now + every_;
  return Tick::repeated;
}

std::optional<std::vector<std::uint8_t>> Repeater::poll() {
  if (!std::exchange(due_, false)) return std::nullopt;
  return packet_;
}

}  // namespace pptp
