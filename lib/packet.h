#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "lib/bytes.h"

namespace pptp {

class PacketPool;

/// One packet in a slot of a PacketPool: octets with room before and after them, so that each layer
/// puts its header in front, or takes it off, in place.
///
/// Moves by handing over the slot, never by copying octets; gives the slot back to its pool when it
/// goes. A default-constructed or moved-from Packet has no slot: it is empty() and without room.
/// Must not outlive its pool, and stays on the pool's thread.
class Packet {
 public:
  /// Octets of one slot, headroom included: an inner packet of 1500, its headers, and what a raw
  /// socket puts before it.
  static constexpr std::size_t kSlotSize = 2048;
  /// Before a fresh packet's first octet: GRE 16, PPP 4, MPPE 2, protocol 2, rounded up, and enough
  /// for an IPv4 header with options on the receiving side.
  static constexpr std::size_t kHeadroom = 128;
  static constexpr std::size_t kCapacity = kSlotSize - kHeadroom;

  Packet() noexcept = default;
  Packet(const Packet&) = delete;
  Packet& operator=(const Packet&) = delete;

  Packet(Packet&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)),
        slot_(std::exchange(other.slot_, {})),
        begin_(std::exchange(other.begin_, 0)),
        size_(std::exchange(other.size_, 0)) {}

  Packet& operator=(Packet&& other) noexcept {
    if (this != &other) {
      release();
      pool_ = std::exchange(other.pool_, nullptr);
      slot_ = std::exchange(other.slot_, {});
      begin_ = std::exchange(other.begin_, 0);
      size_ = std::exchange(other.size_, 0);
    }
    return *this;
  }

  ~Packet() { release(); }

  bool has_slot() const noexcept { return pool_ != nullptr; }

  bool empty() const noexcept { return size_ == 0; }

  std::size_t size() const noexcept { return size_; }

  Bytes bytes() const noexcept { return slot_.subspan(begin_, size_); }

  MutableBytes mutable_bytes() noexcept { return slot_.subspan(begin_, size_); }

  std::size_t headroom() const noexcept { return begin_; }

  std::size_t tailroom() const noexcept { return slot_.size() - begin_ - size_; }

  /// Lengthens the packet by `count` octets in front and returns them; empty, and nothing changed,
  /// when there is no such headroom.
  MutableBytes push_front(std::size_t count) noexcept {
    if (count > begin_) return {};
    begin_ -= count;
    size_ += count;
    return slot_.subspan(begin_, count);
  }

  /// Lengthens the packet by `count` octets at its end and returns them; empty when there is no
  /// room.
  MutableBytes push_back(std::size_t count) noexcept {
    if (count > tailroom()) return {};
    size_ += count;
    return slot_.subspan(begin_ + size_ - count, count);
  }

  /// Takes `count` octets, at most all, off the front.
  void pop_front(std::size_t count) noexcept {
    count = count < size_ ? count : size_;
    begin_ += count;
    size_ -= count;
  }

  /// Keeps the first `size` octets.
  void truncate(std::size_t size) noexcept { size_ = size < size_ ? size : size_; }

  /// Forgets the octets; the whole capacity behind kHeadroom can be filled, then truncate()d.
  MutableBytes refill() noexcept {
    begin_ = has_slot() ? kHeadroom : 0;
    size_ = slot_.size() - begin_;
    return mutable_bytes();
  }

  /// Replaces the octets by a copy of `octets`; false, and empty, when they do not fit.
  bool assign(Bytes octets) noexcept;

  /// Gives the slot back now.
  void release() noexcept {
    if (has_slot()) give_back();
  }

 private:
  friend class PacketPool;

  void give_back() noexcept;

  Packet(PacketPool* pool, MutableBytes slot) noexcept
      : pool_(pool), slot_(slot), begin_(kHeadroom) {}

  PacketPool* pool_ = nullptr;
  MutableBytes slot_;
  std::size_t begin_ = 0;
  std::size_t size_ = 0;
};

/// A fixed number of slots, allocated once; not for more than one thread.
class PacketPool {
 public:
  explicit PacketPool(std::size_t slots);
  PacketPool(const PacketPool&) = delete;
  PacketPool& operator=(const PacketPool&) = delete;

  /// An empty packet with kHeadroom before it, or one without a slot when all are in use.
  Packet acquire() noexcept;

  std::size_t available() const noexcept { return free_.size(); }

  std::size_t capacity() const noexcept { return slots_; }

 private:
  friend class Packet;
  void give_back(MutableBytes slot) noexcept;

  std::size_t slots_;
  std::unique_ptr<std::uint8_t[]> storage_;
  std::vector<MutableBytes> free_;
};

}  // namespace pptp
