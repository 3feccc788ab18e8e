#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>

namespace pptp {

/// Batches of packets that are read before others get their turn.
inline constexpr int kBatchesAtATime = 4;

/// Hands on all that `poll` yields, as many at a time as `batch` holds. What `hand_on` has not
/// taken is gone then.
template <class Item, std::size_t N, class Poll, class HandOn>
void in_batches(std::array<Item, N>& batch, Poll poll, HandOn hand_on) {
  std::size_t count = 0;
  const auto flush = [&] {
    const auto items = std::span<Item>(batch).first(std::exchange(count, 0));
    if (items.empty()) return;
    hand_on(items);
    for (Item& item : items)
      item = Item();
  };
  while (std::optional<Item> item = poll()) {
    batch[count++] = *std::move(item);
    if (count == batch.size()) flush();
  }
  flush();
}

}  // namespace pptp
