#include "apps/link_local.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>

#include "tunnel/io/file.h"
#include "tunnel/io/io_error.h"
#include "tunnel/io/netlink.h"
#include "tunnel/io/unique_fd.h"

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

void accept_default_router(const std::string& interface, bool accept, const Log& log) {
  const std::string path = "/proc/sys/net/ipv6/conf/" + interface + "/accept_ra_defrtr";
  const io::UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  const int error = file ? io::write_all(file.fd(), accept ? "1" : "0") : errno;
  // Without IPv6 there is no such file, and nothing to be kept from it.
  if (error == 0 || error == ENOENT || accept) return;
  log.line(LogLevel::notice, io::io_error(error, "cannot write " + path).text());
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
