#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "lib/ipv4.h"

namespace pptp {

/// First and last address of a run, both included.
struct AddressRange {
  Ipv4Address first;
  Ipv4Address last;
};

/// The addresses that a server hands out, lowest free first.
class AddressPool {
 public:
  /// Ranges may overlap. `reserved` (the server's own) is never given.
  AddressPool(std::vector<AddressRange> ranges, Ipv4Address reserved);

  /// nullopt: all are in use.
  std::optional<Ipv4Address> acquire();
  /// A particular one, inside the ranges or not. False: in use, or reserved.
  bool acquire(Ipv4Address address);
  void give_back(Ipv4Address address);

  bool is_free(Ipv4Address address) const {
    return address != reserved_ && !used_.contains(address);
  }

  std::size_t in_use() const noexcept { return used_.size(); }

 private:
  std::vector<AddressRange> ranges_;
  Ipv4Address reserved_;
  std::set<Ipv4Address> used_;
};

}  // namespace pptp
