#include "apps/demo/net_namespace.h"

#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <sched.h>
#include <utility>

#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <netlink/socket.h>

#include "tunnel/io/netlink.h"

namespace pptp::app::demo {
namespace {

struct SocketDeleter {
  void operator()(nl_sock* socket) const noexcept { nl_socket_free(socket); }
};

struct LinkDeleter {
  void operator()(rtnl_link* link) const noexcept { rtnl_link_put(link); }
};

using LinkPointer = std::unique_ptr<rtnl_link, LinkDeleter>;

io::IoResult<void> set_up(const std::string& device) {
  auto netlink = io::Netlink::open();
  if (!netlink) return std::unexpected(netlink.error());
  const auto link = netlink->link(device);
  if (!link) return std::unexpected(link.error());
  return netlink->set_link_up(link->index, true);
}

/// In the calling thread's namespace, the peer in another one.
io::IoResult<void> make_veth_pair(const std::string& device, const std::string& peer_device,
                                  int peer_namespace) {
  const std::string what = "cannot make a veth pair";
  const std::unique_ptr<nl_sock, SocketDeleter> socket(nl_socket_alloc());
  const LinkPointer link(rtnl_link_veth_alloc());
  if (!socket || !link) return io::failure(ENOMEM, what);
  if (nl_connect(socket.get(), NETLINK_ROUTE) < 0) return io::failure(errno, what);

  const LinkPointer peer(rtnl_link_veth_get_peer(link.get()));
  rtnl_link_set_name(link.get(), device.c_str());
  rtnl_link_set_name(peer.get(), peer_device.c_str());
  rtnl_link_set_ns_fd(peer.get(), peer_namespace);
  const int status = rtnl_link_add(socket.get(), link.get(), NLM_F_CREATE | NLM_F_EXCL);
  if (status == -NLE_OPNOTSUPP)
    return io::failure(EOPNOTSUPP, what, "this kernel has no veth: load it with modprobe veth");
  if (status < 0) return io::failure(EIO, what + ": " + nl_geterror(status));
  return {};
}

io::IoResult<void> configure(const CableEnd& end, Ipv4Address peer) {
  if (auto entered = end.place.enter(); !entered) return entered;
  auto netlink = io::Netlink::open();
  if (!netlink) return std::unexpected(netlink.error());
  const auto link = netlink->link(end.device);
  if (!link) return std::unexpected(link.error());
  if (auto up = netlink->set_link_up(link->index, true); !up) return up;
  io::InterfaceAddress address;
  address.device = link->index;
  address.local = end.address;
  address.peer = peer;
  return netlink->add_address(address);
}

}  // namespace

NetNamespace::NetNamespace(io::UniqueFd fd) noexcept : fd_(std::move(fd)) {}

io::IoResult<NetNamespace> NetNamespace::create() {
  const std::string what = "cannot make a network namespace";
  if (::unshare(CLONE_NEWNET) != 0) return io::failure(errno, what);
  io::UniqueFd fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!fd) return io::failure(errno, what);
  if (const auto up = set_up("lo"); !up) return std::unexpected(up.error());
  return NetNamespace(std::move(fd));
}

io::IoResult<void> NetNamespace::enter() const {
  if (::setns(fd_.fd(), CLONE_NEWNET) != 0)
    return io::failure(errno, "cannot enter a network namespace");
  return {};
}

io::IoResult<void> connect_by_cable(const CableEnd& left, const CableEnd& right) {
  if (auto entered = left.place.enter(); !entered) return entered;
  if (auto made = make_veth_pair(left.device, right.device, right.place.fd()); !made) return made;
  if (auto done = configure(left, right.address); !done) return done;
  return configure(right, left.address);
}

}  // namespace pptp::app::demo
