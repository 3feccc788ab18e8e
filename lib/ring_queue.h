#pragma once

#include <bit>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace pptp {

/// First in, first out, in memory that it keeps: it allocates only to hold more at once than ever
/// before.
template <class Item>
class RingQueue {
 public:
  bool empty() const noexcept { return size_ == 0; }

  std::size_t size() const noexcept { return size_; }

  /// Room for so many at once.
  void reserve(std::size_t count) {
    if (count > slots_.size()) move_to(std::bit_ceil(count));
  }

  void push(Item item) {
    if (size_ == slots_.size()) move_to(std::bit_ceil(size_ + kLeast));
    slots_[(first_ + size_++) & (slots_.size() - 1)] = std::move(item);
  }

  /// The oldest one; nullopt: there is none.
  std::optional<Item> pop() {
    if (size_ == 0) return std::nullopt;
    Item& oldest = slots_[first_];
    first_ = (first_ + 1) & (slots_.size() - 1);
    --size_;
    return std::move(oldest);
  }

 private:
  static constexpr std::size_t kLeast = 16;

  void move_to(std::size_t count) {
    std::vector<Item> slots(count);
    for (std::size_t i = 0; i < size_; ++i)
      slots[i] = std::move(slots_[(first_ + i) & (slots_.size() - 1)]);
    slots_ = std::move(slots);
    first_ = 0;
  }

  std::vector<Item> slots_;  ///< a power of two, or none
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace pptp
