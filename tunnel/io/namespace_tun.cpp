#include "tunnel/io/namespace_tun.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <ranges>
#include <sched.h>
#include <utility>
#include <variant>

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
  auto configured = change_to(wanted(settings));
  if (!configured) undo_all_but({});
  return configured;
}

std::vector<HostChange> NamespaceTun::wanted(const TunnelSettings& settings) const {
  // Addresses of one host each, with a route of our own to the peer: two that share a peer would be
  // a primary and a secondary one, which goes with it.
  std::vector<HostChange> changes = {
      LinkChange{
          .device = index(), .name = name(), .mtu = settings.mtu, .mtu_before = settings.mtu},
      InterfaceAddress{.device = index(), .local = settings.local}};
  for (const Ipv4Address& former : settings.former) {
    changes.emplace_back(InterfaceAddress{.device = index(), .local = former});
  }
  std::vector<Ipv4Prefix> destinations = settings.routes;
  if (settings.peer) destinations.emplace_back(*settings.peer);
  if (settings.default_route) destinations.emplace_back();
  for (const Ipv4Prefix& destination : destinations) {
    const HostChange route =
        Route{.destination = destination, .device = index(), .source = settings.local};
    if (std::ranges::find(changes, route) == changes.end()) changes.push_back(route);
  }
  return changes;
}

/// What is new comes first, and what is left over goes then: there may be another way out of the
/// namespace, which nothing is to take meanwhile.
IoResult<void> NamespaceTun::change_to(const std::vector<HostChange>& wanted) {
  for (const HostChange& one : wanted) {
    if (auto changed = change(one); !changed) return changed;
  }
  undo_all_but(wanted);
  return {};
}

IoResult<void> NamespaceTun::change(const HostChange& change) {
  const bool stands = std::ranges::find(changes_, change) != changes_.end();
  // The interface may have got another MTU since.
  if (stands && !std::holds_alternative<LinkChange>(change)) return {};
  const auto former = std::ranges::find_if(changes_, [&](const HostChange& other) {
    const Route* const its = std::get_if<Route>(&other);
    const Route* const route = std::get_if<Route>(&change);
    return its != nullptr && route != nullptr && its->destination == route->destination;
  });
  const bool in_its_place = former != changes_.end();
  IoResult<void> applied =
      in_its_place ? netlink_.replace_route(std::get<Route>(change)) : apply(netlink_, change);
  if (!applied) {
    if (applied.error().error == EEXIST)
      applied.error().hint = "the namespace has this already: " + describe(change);
    return applied;
  }
  if (in_its_place)
    *former = change;
  else if (!stands)
    changes_.push_back(change);
  return {};
}

void NamespaceTun::undo_all_but(const std::vector<HostChange>& wanted) {
  const auto is_wanted = [&](const HostChange& change) {
    // Undone, it would set the interface down.
    const bool link = std::holds_alternative<LinkChange>(change) && !wanted.empty();
    return link || std::ranges::find(wanted, change) != wanted.end();
  };
  for (const HostChange& change : changes_ | std::views::reverse) {
    if (!is_wanted(change)) (void)undo(netlink_, change);
  }
  std::erase_if(changes_, [&](const HostChange& change) { return !is_wanted(change); });
}

IoResult<void> NamespaceTun::set_mtu(std::uint32_t mtu) {
  return netlink_.set_link_mtu(index(), mtu);
}

}  // namespace pptp::io
