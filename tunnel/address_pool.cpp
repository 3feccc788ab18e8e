#include "tunnel/address_pool.h"

#include <utility>

namespace pptp {

AddressPool::AddressPool(std::vector<AddressRange> ranges, Ipv4Address reserved)
    : ranges_(std::move(ranges)), reserved_(reserved) {}

std::optional<Ipv4Address> AddressPool::acquire() {
  for (const AddressRange& range : ranges_) {
    // Walks along the sorted used ones, so a nearly full pool costs one pass and no more.
    auto used = used_.lower_bound(range.first);
    for (std::uint64_t value = range.first.value(); value <= range.last.value(); ++value) {
      const Ipv4Address address(static_cast<std::uint32_t>(value));
      if (used != used_.end() && *used == address) {
        ++used;
      } else if (address != reserved_) {
        used_.insert(used, address);
        return address;
      }
    }
  }
  return std::nullopt;
}

bool AddressPool::acquire(Ipv4Address address) {
  return address != reserved_ && used_.insert(address).second;
}

void AddressPool::give_back(Ipv4Address address) {
  used_.erase(address);
}

}  // namespace pptp
