#include "tunnel/gre_receiver.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace pptp {

static_assert(GreReceiver::kWindow == 64, "the bitmaps have one bit for each number of the window");
static_assert(SeqNo::kModulus % GreReceiver::kWindow == 0, "slots go on across the wrap");
static_assert(sizeof(GreReceiver) <= 4096, "an idle call is to be cheap");

std::optional<Drop> GreReceiver::put(TimePoint now, SeqNo sequence, Packet&& packet) noexcept {
  if (packet.empty()) return Drop::gre_no_payload;
  if (aside_ != Aside::nothing) return Drop::no_slot;
  if (!highest_) {
    next_ = sequence;
    highest_ = sequence;
    started_ = now;
    note_overtaken(sequence, kWindow, now);
  }
  const std::int64_t distance = sequence.distance_from(next_);
  if (distance < 0) return put_behind(now, sequence, packet);
  if (distance > kMaxJump) {
    if (!confirmed(sequence, kConsistentAhead)) {
      ++stats_.implausible;
      return Drop::gre_late;
    }
    set_aside(Aside::new_numbering, now, sequence, packet);
    return std::nullopt;
  }
  row_length_ = 0;
  if (distance >= kWindow) {
    set_aside(Aside::ahead, now, sequence, packet);
    return std::nullopt;
  }
  if (holds(sequence)) {
    // Interop note 3.7d: duplicates must not be queued.
    ++stats_.duplicate;
    return Drop::gre_duplicate;
  }
  if (sequence.is_after(*highest_)) {
    highest_ = sequence;
  } else if (sequence != *highest_) {
    ++stats_.reordered;
    note_disorder(now - overtaken_since(sequence).value_or(now));
  }
  hold(sequence, Held{std::move(packet), now});
  return std::nullopt;
}

std::optional<Packet> GreReceiver::take(TimePoint now) noexcept {
  if (aside_ == Aside::overtaken) {
    aside_ = Aside::nothing;
    delivered_before_ |= std::uint64_t{1} << (next_.steps_from(aside_sequence_) - 1);
    count_delivered();
    return std::move(aside_held_.packet);
  }
  place_aside();
  if (held_ == 0) return std::nullopt;
  if (!holds(next_)) {
    // A packet that waits for room in the window makes the hole be given up at once.
    if (aside_ == Aside::nothing && now < *next_deadline()) return std::nullopt;
    give_up_before(first_held());
  }
  return deliver_next();
}

Deadline GreReceiver::next_deadline() const noexcept {
  Deadline oldest;
  for (std::uint64_t left = held_; left != 0; left &= left - 1) {
    oldest = earliest(oldest, slots_[static_cast<std::size_t>(std::countr_zero(left))].arrived);
  }
  if (oldest) *oldest += reorder_timeout();
  return oldest;
}

Duration GreReceiver::reorder_timeout() const noexcept {
  return std::clamp(2 * std::max(disorder_, disorder_before_), kLeastTimeout, kMostTimeout);
}

std::optional<Drop> GreReceiver::put_behind(TimePoint now, SeqNo sequence,
                                            Packet& packet) noexcept {
  const std::uint32_t behind = next_.steps_from(sequence);
  if (behind <= kWindow) {
    if ((delivered_before_ >> (behind - 1) & 1) != 0) {
      ++stats_.duplicate;
      return Drop::gre_duplicate;
    }
    // Unless its place has been taken by one that is a whole window later.
    const std::uint32_t index = sequence.value() % kWindow;
    if (!holds(sequence)) note_disorder(now - slots_[index].arrived);
    if (now - started_ < kFirstTimeout) {
      ++stats_.reordered;
      set_aside(Aside::overtaken, now, sequence, packet);
      return std::nullopt;
    }
  }
  if (!confirmed(sequence, kConsistentBehind)) {
    ++stats_.late;
    return Drop::gre_late;
  }
  set_aside(Aside::new_numbering, now, sequence, packet);
  return std::nullopt;
}

void GreReceiver::set_aside(Aside why, TimePoint now, SeqNo sequence, Packet& packet) noexcept {
  if (why != Aside::overtaken) highest_ = sequence;
  aside_ = why;
  aside_sequence_ = sequence;
  aside_held_ = Held{std::move(packet), now};
}

/// Moves the packet that stands aside into the window as soon as its place is there: for one ahead,
/// when enough in front of it has been delivered or nothing is left there; for a new numbering,
/// when all of the old one has been delivered.
void GreReceiver::place_aside() noexcept {
  if (aside_ == Aside::nothing) return;
  if (aside_ == Aside::new_numbering) {
    if (held_ != 0) return;
    next_ = aside_sequence_;
    delivered_before_ = 0;
    note_overtaken(next_, kWindow, aside_held_.arrived);
    ++stats_.resynchronised;
  } else if (held_ == 0) {
    give_up_before(aside_sequence_);
  } else if (aside_sequence_.steps_from(next_) >= kWindow) {
    return;
  }
  aside_ = Aside::nothing;
  hold(aside_sequence_, std::move(aside_held_));
}

/// Whether `sequence`, which does not fit the numbering, is the last of so many in a row that fit
/// each other.
bool GreReceiver::confirmed(SeqNo sequence, unsigned in_a_row) noexcept {
  const std::uint32_t step = sequence.steps_from(row_last_);
  const bool fits = row_length_ > 0 && step > 0 && step < kWindow;
  row_length_ = fits ? row_length_ + 1 : 1;
  row_last_ = sequence;
  if (row_length_ < in_a_row) return false;
  row_length_ = 0;
  return true;
}

bool GreReceiver::holds(SeqNo sequence) const noexcept {
  return (held_ >> (sequence.value() % kWindow) & 1) != 0;
}

void GreReceiver::hold(SeqNo sequence, Held&& held) noexcept {
  const std::uint32_t index = sequence.value() % kWindow;
  slots_[index] = std::move(held);
  held_ |= std::uint64_t{1} << index;
}

/// The first packet held, there being one.
SeqNo GreReceiver::first_held() const noexcept {
  const auto shift = static_cast<int>(next_.value() % kWindow);
  return next_.plus(static_cast<std::uint32_t>(std::countr_zero(std::rotr(held_, shift))));
}

/// When the first packet came that overtook `sequence`; nullopt if none of them is held.
Deadline GreReceiver::overtaken_since(SeqNo sequence) const noexcept {
  Deadline since;
  for (std::uint64_t left = held_; left != 0; left &= left - 1) {
    const auto index = static_cast<std::uint32_t>(std::countr_zero(left));
    const std::uint32_t ahead = (index - next_.value()) % kWindow;
    if (ahead > sequence.steps_from(next_)) since = earliest(since, slots_[index].arrived);
  }
  return since;
}

/// A packet came `behind` one that had overtaken it.
void GreReceiver::note_disorder(Duration behind) noexcept {
  if (behind <= kMostTimeout) disorder_ = std::max(disorder_, behind);
}

/// The `count` numbers, at most kWindow, before `before` are not here and were overtaken at `when`.
void GreReceiver::note_overtaken(SeqNo before, std::uint32_t count, TimePoint when) noexcept {
  for (std::uint32_t back = 1; back <= count; ++back)
    slots_[before.minus(back).value() % kWindow].arrived = when;
}

/// Moves the window up to `sequence`, with nothing held before it.
void GreReceiver::give_up_before(SeqNo sequence) noexcept {
  const std::uint32_t steps = sequence.steps_from(next_);
  note_overtaken(sequence, std::min(steps, kWindow),
                 overtaken_since(next_).value_or(aside_held_.arrived));
  stats_.lost += steps;
  delivered_before_ = steps < kWindow ? delivered_before_ << steps : 0;
  next_ = sequence;
}

Packet GreReceiver::deliver_next() noexcept {
  const std::uint32_t index = next_.value() % kWindow;
  held_ &= ~(std::uint64_t{1} << index);
  delivered_before_ = delivered_before_ << 1 | 1;
  next_ = next_.next();
  count_delivered();
  return std::move(slots_[index].packet);
}

void GreReceiver::count_delivered() noexcept {
  if (++stats_.delivered % kEpoch == 0) disorder_before_ = std::exchange(disorder_, Duration());
}

}  // namespace pptp
