#include "lib/packet.h"

#include <algorithm>

namespace pptp {

bool Packet::assign(Bytes octets) noexcept {
  const MutableBytes room = refill();
  truncate(0);
  if (octets.size() > room.size()) return false;
  std::ranges::copy(octets, push_back(octets.size()).data());
  return true;
}

void Packet::give_back() noexcept {
  pool_->give_back(slot_);
  pool_ = nullptr;
  slot_ = {};
  begin_ = 0;
  size_ = 0;
}

PacketPool::PacketPool(std::size_t slots)
    : slots_(slots),
      storage_(std::make_unique_for_overwrite<std::uint8_t[]>(slots * Packet::kSlotSize)) {
  free_.reserve(slots);
  const MutableBytes all(storage_.get(), slots * Packet::kSlotSize);
  // Handed out from the back: the slots in use stay few and warm in the cache.
  for (std::size_t i = slots; i-- > 0;) {
    free_.push_back(all.subspan(i * Packet::kSlotSize, Packet::kSlotSize));
  }
}

Packet PacketPool::acquire() noexcept {
  if (free_.empty()) return {};
  const MutableBytes slot = free_.back();
  free_.pop_back();
  return {this, slot};
}

void PacketPool::give_back(MutableBytes slot) noexcept {
  free_.push_back(slot);  // never grows: reserved for all slots
}

}  // namespace pptp
