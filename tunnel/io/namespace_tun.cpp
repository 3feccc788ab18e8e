#include "tunnel/io/namespace_tun.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <ranges>
#include <sched.h>
#include <utility>

#include "tunnel/io/host_state.h"
#include "tunnel/io/unique_fd.h"

namespace pptp::io {
namespace {

constexpr const char* kNamedNamespaces = "/run/netns/";

}  // namespace

IoResult<void> enter_netns(const std::string& netns) {
  const UniqueFd place(::open((kNamedNamespaces + netns).c_str(), O_RDONLY | O_CLOEXEC));
  if (!place && errno == ENOENT) {
    return failure(IoFault::bad_name, "there is no network namespace '" + netns + "'",
                   "ip netns list shows those there are; ip netns add " + netns + " makes it");
  }
  if (!place || ::setns(place.fd(), CLONE_NEWNET) != 0) {
    const int error = errno;
    return failure(error, "cannot enter the network namespace '" + netns + "'",
                   error == EPERM ? "CAP_SYS_ADMIN is missing: run it as root" : "");
  }
  return {};
}

IoResult<std::unique_ptr<NamespaceTun>> NamespaceTun::open(const std::string& netns,
                                                           const std::string& pattern) {
  const UniqueFd ours(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!ours) return failure(errno, "cannot find our own network namespace");
  if (auto entered = enter_netns(netns); !entered) return std::unexpected(entered.error());
  IoResult<Tun> tun = Tun::open(pattern);
  IoResult<Netlink> netlink = Netlink::open();
  if (::setns(ours.fd(), CLONE_NEWNET) != 0)
    return failure(errno, "cannot return to our own network namespace");
  if (!tun) return std::unexpected(tun.error());
  if (!netlink) return std::unexpected(netlink.error());
  return std::make_unique<NamespaceTun>(*std::move(tun), *std::move(netlink));
}

IoResult<void> NamespaceTun::configure(const TunnelSettings& settings) {
  unconfigure();
  std::vector<HostChange> wanted = {
      LinkChange{
          .device = index(), .name = name(), .mtu = settings.mtu, .mtu_before = settings.mtu},
      InterfaceAddress{.device = index(), .local = settings.local, .peer = settings.peer}};
  for (const Ipv4Address& former : settings.former) {
    wanted.emplace_back(InterfaceAddress{.device = index(), .local = former, .peer_route = false});
  }
  std::vector<Ipv4Prefix> destinations = settings.routes;
  // The kernel makes the one to the peer with the address.
  if (settings.peer) std::erase(destinations, Ipv4Prefix(*settings.peer));
  if (settings.default_route) destinations.emplace_back();
  for (const Ipv4Prefix& destination : destinations) {
    wanted.emplace_back(
        Route{.destination = destination, .device = index(), .source = settings.local});
  }
  for (const HostChange& one : wanted) {
    if (auto changed = change(one); !changed) {
      unconfigure();
      return changed;
    }
  }
  return {};
}

IoResult<void> NamespaceTun::change(const HostChange& change) {
  IoResult<void> applied = apply(netlink_, change);
  if (applied) {
    changes_.push_back(change);
  } else if (applied.error().error == EEXIST) {
    applied.error().hint = "the namespace has this already: " + describe(change);
  }
  return applied;
}

void NamespaceTun::unconfigure() {
  for (const HostChange& change : changes_ | std::views::reverse)
    (void)undo(netlink_, change);
  changes_.clear();
}

IoResult<void> NamespaceTun::set_mtu(std::uint32_t mtu) {
  return netlink_.set_link_mtu(index(), mtu);
}

}  // namespace pptp::io
