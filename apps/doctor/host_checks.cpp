#include "apps/doctor/host_checks.h"

#include <algorithm>
#include <arpa/inet.h>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <sstream>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>

#include <fmt/format.h>

#include "apps/doctor/firewall.h"
#include "tunnel/io/file.h"
#include "tunnel/io/netlink.h"
#include "tunnel/io/privileges.h"
#include "tunnel/io/process.h"
#include "tunnel/io/runtime_dir.h"

namespace pptp::app {
namespace {

using diagnosis::Problem;
using diagnosis::SeenFirewall;
using diagnosis::SeenRoute;
using diagnosis::Step;

constexpr std::chrono::seconds kNftLimit{3};

/// TCP_ESTABLISHED in /proc/net/tcp.
constexpr std::string_view kEstablished = "01";

bool is_connected(const std::string& profile) {
  const io::IoResult<std::string> path = io::RuntimeDir::default_path();
  // Opening the directory would make it.
  if (!path || !std::filesystem::exists(*path) || !io::valid_profile_name(profile)) return false;
  const io::IoResult<io::RuntimeDir> directory = io::RuntimeDir::open(*path);
  return directory && directory->is_locked(profile);
}

/// What nft prints; nullopt: it could not be run, or was refused.
std::optional<std::string> ruleset() {
  const io::UniqueFd out(::memfd_create("ruleset", MFD_CLOEXEC));
  if (!out) return std::nullopt;
  const io::Command command{
      .program = "/bin/sh",
      .arguments = {"-c",
                    fmt::format("exec nft -j list ruleset >&{} 2>/dev/null", io::kHandedDown)},
      .handed_down = out.fd()};
  if (!io::run(command, kNftLimit)) return std::nullopt;
  return io::read_file(fmt::format("/proc/self/fd/{}", out.fd()));
}

/// What is known of the helper that lets NAT follow PPTP (nf_conntrack_pptp).
std::string helper_words() {
  const std::string modules = io::read_file("/proc/modules").value_or("");
  std::string text = modules.find("nf_conntrack_pptp ") == std::string::npos
                         ? "the conntrack helper for PPTP is not loaded as a module"
                         : "the conntrack helper for PPTP is loaded";
  if (const auto automatic = io::read_file("/proc/sys/net/netfilter/nf_conntrack_helper"))
    text += automatic->starts_with('1') ? ", helpers are assigned by themselves"
                                        : ", helpers have to be assigned by a rule";
  return text;
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

Problem problem_of(const Ending& ending) {
  return {std::string(ending.id), ending.summary, ending.evidence, ending.remedy};
}

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

SeenFirewall look_at_firewall() {
  SeenFirewall seen;
  if (const std::optional<std::string> rules = ruleset()) {
    seen = read_firewall(*rules);
  } else {
    seen.unreadable = "nft is not there, or may not read the rules";
  }
  seen.helper = helper_words();
  return seen;
}

std::optional<WayToServer> look_at_route(Ipv4Address server) {
  io::IoResult<io::Netlink> netlink = io::Netlink::open();
  if (!netlink) return std::nullopt;
  const io::IoResult<io::RouteAnswer> route = netlink->route_to(server);
  if (!route) return std::nullopt;
  WayToServer way;
  way.source = route->source;
  way.route.device = "?";
  if (const io::IoResult<io::LinkState> link = netlink->link(route->device)) {
    way.route.device = link->name;
    way.route.into_tunnel = link->point_to_point;
  }
  way.route.text = fmt::format("{} by {}", server.text(), way.route.device);
  if (route->gateway) way.route.text += fmt::format(" and {}", route->gateway->text());
  way.route.text += fmt::format(", from {}", route->source.text());
  way.route.is_default = is_default(*netlink, server, route->device);
  if (const auto addresses = netlink->addresses(route->device)) {
    way.route.to_tunnel_peer = std::ranges::any_of(
        *addresses, [&](const io::InterfaceAddress& address) { return address.peer == server; });
  }
  return way;
}

std::vector<std::string> connections_to(io::TcpEndpoint server) {
  return connections_to(server, io::read_file("/proc/net/tcp").value_or(""));
}

std::vector<std::string> connections_to(io::TcpEndpoint server, const std::string& table) {
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
    const auto to = endpoint_of(remote);
    if (!from || !to || to->address != server.address || to->port != server.port) continue;
    found.push_back(fmt::format("{}:{} -> {}:{}", from->address.text(), from->port,
                                to->address.text(), to->port));
  }
  return found;
}

bool is_private(Ipv4Address address) noexcept {
  const std::uint32_t value = address.value();
  return value >> 24 == 10 || value >> 20 == 0xac1 || value >> 16 == 0xc0a8 ||
         value >> 22 == (0x6440 >> 6);  // 100.64.0.0/10
}

}  // namespace pptp::app
