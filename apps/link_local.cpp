#include "apps/link_local.h"

#include <algorithm>
#include <cerrno>

#include "tunnel/io/netlink.h"

namespace pptp::app {
namespace {

io::Ipv6Octets link_local(const InterfaceId& id) noexcept {
  io::Ipv6Octets address = {0xfe, 0x80};
  std::ranges::copy(id, address.begin() + 8);
  return address;
}

}  // namespace

std::string link_local_text(const InterfaceId& id) {
  return io::text(link_local(id));
}

void set_link_local(unsigned device, InterfaceId& current, const InterfaceId& id, const Log& log) {
  io::IoResult<io::Netlink> netlink = io::Netlink::open();
  if (netlink && current != InterfaceId{} && current != id) {
    (void)netlink->delete_link_local(device, link_local(current));
    current = {};
  }
  const io::IoResult<void> added =
      netlink ? netlink->add_link_local(device, link_local(id)) : std::unexpected(netlink.error());
  // It goes when the interface is set down for a while.
  if (!added && added.error().error != EEXIST) {
    log.line(LogLevel::notice, "no IPv6: " + added.error().text());
    return;
  }
  current = id;
}

}  // namespace pptp::app
