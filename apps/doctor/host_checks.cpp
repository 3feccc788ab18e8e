#include "apps/doctor/host_checks.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cstdio>
#include <filesystem>
#include <sstream>
#include <string_view>

#include <fmt/format.h>

#include "tunnel/io/file.h"
#include "tunnel/io/netlink.h"
#include "tunnel/io/privileges.h"
#include "tunnel/io/runtime_dir.h"

namespace pptp::app {
namespace {

using diagnosis::Problem;
using diagnosis::SeenRoute;
using diagnosis::Step;

/// TCP_ESTABLISHED in /proc/net/tcp.
constexpr std::string_view kEstablished = "01";

bool is_connected(const std::string& profile) {
  const io::IoResult<std::string> path = io::RuntimeDir::default_path();
  // Opening the directory would make it.
  if (!path || !std::filesystem::exists(*path) || !io::valid_profile_name(profile)) return false;
  const io::IoResult<io::RuntimeDir> directory = io::RuntimeDir::open(*path);
  return directory && directory->is_locked(profile);
}

/// The route of the main table that a packet to `destination` takes over this device.
bool is_default(io::Netlink& netlink, Ipv4Address destination, unsigned device) {
  const io::IoResult<std::vector<io::Route>> routes = netlink.routes(io::kMainTable);
  if (!routes) return false;
  unsigned longest = 0;
  bool found = false;
  for (const io::Route& route : *routes) {
    if (route.device != device || !route.destination.contains(destination)) continue;
    found = true;
    longest = std::max<unsigned>(longest, route.destination.length());
  }
  // 0.0.0.0/1 and 128.0.0.0/1 are a default route too.
  return found && longest <= 1;
}

std::optional<io::TcpEndpoint> endpoint_of(const std::string& text) {
  unsigned address = 0;
  unsigned port = 0;
  if (std::sscanf(text.c_str(), "%8X:%4X", &address, &port) != 2) return std::nullopt;
  // The kernel prints the address as it lies in its memory.
  return io::TcpEndpoint{Ipv4Address(ntohl(address)), static_cast<std::uint16_t>(port)};
}

}  // namespace

std::vector<std::pair<Step, Problem>> missing_here(const Profile& profile) {
  std::vector<std::pair<Step, Problem>> found;
  const bool has_device = profile.network.tun_program.empty();
  const auto able = io::check_privileges({.raw_socket = true, .network_admin = has_device});
  if (!able) found.emplace_back(Step::permissions, problem_of(ending_of(able.error())));
  if (has_device) {
    if (const auto tun = io::check_privileges({.tun = true}); !tun)
      found.emplace_back(Step::tun, problem_of(ending_of(tun.error())));
  }
  if (is_connected(profile.name)) {
    found.emplace_back(Step::other_tunnel, problem_of(ending_of(Trouble::already_connected)));
  }
  return found;
}

void look_at_way(const Destination& to, diagnosis::Checkup& seen) {
  seen.other_tunnels = connections_to(to, io::read_file("/proc/net/tcp").value_or(""));
  const Ipv4Address server = to.server.address;
  io::IoResult<io::Netlink> netlink = io::Netlink::open();
  if (!netlink) return;
  const io::IoResult<io::RouteAnswer> route = netlink->route_to(server, to.mark);
  if (!route) return;
  SeenRoute& way = seen.route.emplace();
  const io::IoResult<io::LinkState> link = netlink->link(route->device);
  way.device = link ? link->name : std::string(1, '?');
  way.into_tunnel = link && link->point_to_point;
  way.text = fmt::format("{} by {}", server.text(), way.device);
  if (route->gateway) way.text += fmt::format(" and {}", route->gateway->text());
  way.text += fmt::format(", from {}", route->source.text());
  way.is_default = is_default(*netlink, server, route->device);
  if (const auto addresses = netlink->addresses(route->device)) {
    way.to_tunnel_peer = std::ranges::any_of(
        *addresses, [&](const io::InterfaceAddress& address) { return address.peer == server; });
  }
  seen.nat = guess_nat(route->source, server);
}

std::vector<std::string> connections_to(const Destination& to, const std::string& table) {
  std::vector<std::string> found;
  std::istringstream lines(table);
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string slot;
    std::string local;
    std::string remote;
    std::string state;
    if (!(fields >> slot >> local >> remote >> state) || state != kEstablished) continue;
    const auto from = endpoint_of(local);
    const auto there = endpoint_of(remote);
    if (!from || !there || from->port == to.our_port || there->address != to.server.address ||
        there->port != to.server.port)
      continue;
    found.push_back(fmt::format("{}:{} -> {}:{}", from->address.text(), from->port,
                                there->address.text(), there->port));
  }
  return found;
}

diagnosis::SeenNat guess_nat(Ipv4Address ours, Ipv4Address server) {
  if (!is_private(ours)) {
    return {false, fmt::format("none, as far as can be guessed: our address {} is a public one",
                               ours.text())};
  }
  if (is_private(server)) {
    return {false, fmt::format("none, as far as can be guessed: our address {} and the server's "
                               "{} are both private ones",
                               ours.text(), server.text())};
  }
  return {true, fmt::format("a guess: our address {} is a private one and the server's {} is not, "
                            "so that somebody on the way must translate it",
                            ours.text(), server.text())};
}

bool is_private(Ipv4Address address) noexcept {
  const std::uint32_t value = address.value();
  return value >> 24 == 10 || value >> 24 == 127 || value >> 16 == 0xa9fe || value >> 20 == 0xac1 ||
         value >> 16 == 0xc0a8 || value >> 22 == (0x6440 >> 6);  // 100.64.0.0/10
}

}  // namespace pptp::app
