#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lib/time.h"

namespace pptp {

/// The one packet that an authentication has to send at a time, and the timer that repeats it until
/// it is answered. However often it is asked to send, at most one packet waits for poll().
class Repeater {
 public:
  /// A packet goes out once and at most `max_repeats` times more, `every` so long.
  Repeater(Duration every, unsigned max_repeats) noexcept
      : every_(every), max_repeats_(max_repeats) {}

  /// Sends `packet` instead of the one before, and repeats it until answered().
  void send(TimePoint now, std::vector<std::uint8_t> packet);

  /// Sends `packet` instead of the one before; nothing will answer it.
  void send_final(std::vector<std::uint8_t> packet);

  /// Sends nothing and waits as long as a peer that starts now would go on repeating.
  void wait(TimePoint now) noexcept;

  /// Sends the last packet once more; its timer stays as it is.
  void again() noexcept { due_ = !packet_.empty(); }

  /// Stops the timer. again() still knows the packet.
  void answered() noexcept;

  /// Forgets the packet and stops the timer.
  void forget() noexcept;

  enum class Tick : std::uint8_t { early, repeated, exhausted };

  /// exhausted: all repeats are spent and unanswered; the timer is stopped. An early call is
  /// harmless.
  Tick on_deadline(TimePoint now) noexcept;

  Deadline next_deadline() const noexcept { return deadline_; }

  /// A copy of the packet, if it is to be sent now.
  std::optional<std::vector<std::uint8_t>> poll();

 private:
  Duration every_;
  unsigned max_repeats_;
  unsigned repeats_left_ = 0;
  std::vector<std::uint8_t> packet_;
  bool due_ = false;
  Deadline deadline_;
};

}  // namespace pptp
