#include "tunnel/io/taken_address.h"

#include <algorithm>
#include <vector>

namespace pptp::io {

IoResult<bool> is_taken(Netlink& netlink, Ipv4Address address, unsigned tunnel) {
  const auto routes = netlink.routes(kMainTable);
  if (!routes) return std::unexpected(routes.error());
  if (std::ranges::any_of(*routes, [&](const Route& route) { return route.gateway == address; }))
    return true;
  const auto addresses = netlink.addresses();
  if (!addresses) return std::unexpected(addresses.error());
  return std::ranges::any_of(*addresses, [&](const InterfaceAddress& other) {
    return other.local == address && other.device != tunnel;
  });
}

}  // namespace pptp::io
