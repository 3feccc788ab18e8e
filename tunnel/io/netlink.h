#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/ipv4.h"
#include "tunnel/io/io_error.h"
#include "tunnel/io/ipv4_prefix.h"
#include "tunnel/io/unique_fd.h"

struct nl_msg;
struct nl_sock;
struct nlmsghdr;

namespace pptp::io {

/// The table that ordinary routes are in.
inline constexpr std::uint32_t kMainTable = 254;

/// Written into every route and rule of ours (rtm_protocol, FRA_PROTOCOL), so that nobody takes
/// another's for them: a number that no routing daemon has registered.
inline constexpr std::uint8_t kRouteProtocol = 0x70;

using Ipv6Octets = std::array<std::uint8_t, 16>;  ///< an address, network order

struct LinkState {
  unsigned index = 0;
  std::string name;
  bool up = false;
  bool point_to_point = false;  ///< one other end and no more: a tunnel's
  bool ethernet = false;        ///< its packets have an Ethernet header
  std::uint32_t mtu = 0;
};

/// A point-to-point address: one host, no broadcast.
struct InterfaceAddress {
  unsigned device = 0;  ///< interface index
  Ipv4Address local;
  std::optional<Ipv4Address> peer = {};
  bool peer_route = true;  ///< the kernel makes a route to `peer`

  bool operator==(const InterfaceAddress&) const = default;
};

struct Route {
  Ipv4Prefix destination = {};
  std::uint32_t table = kMainTable;
  unsigned device = 0;  ///< interface index
  std::optional<Ipv4Address> gateway = {};
  std::optional<Ipv6Octets> gateway6 = {};  ///< an IPv6 next hop
  std::optional<Ipv4Address> source = {};   ///< preferred source address
  std::uint32_t metric = 0;
  std::uint32_t mtu = 0;  ///< 0: the interface's
  std::uint8_t protocol = kRouteProtocol;

  bool operator==(const Route&) const = default;
};

/// Into an interface, or nowhere: what is sent there is refused (ENETUNREACH).
struct Ipv6Route {
  Ipv6Octets destination = {};
  std::uint8_t length = 0;  ///< of the prefix
  std::uint32_t table = kMainTable;
  unsigned device = 0;  ///< interface index; 0: nowhere

  bool operator==(const Ipv6Route&) const = default;
};

/// A policy rule: packets whose mark in the bits of `mark_mask` is `mark`, or to `to` (nullopt:
/// any), are looked up in `table`; or cannot be sent at all.
struct Rule {
  bool ipv6 = false;  ///< of IPv6, where `to` is never given
  std::uint32_t priority = 0;
  std::uint32_t table = kMainTable;
  std::optional<std::uint32_t> mark = {};
  std::uint32_t mark_mask = 0xffff'ffff;
  std::optional<Ipv4Prefix> to = {};
  /// Routes whose prefix is this long or shorter do not count: 0 leaves out default routes.
  std::optional<std::uint32_t> suppress_prefix_length = {};
  bool unreachable = false;  ///< the lookup ends here, with ENETUNREACH; `table` is 0
  std::uint8_t protocol = kRouteProtocol;

  bool operator==(const Rule&) const = default;
};

/// How the host would send to an address.
struct RouteAnswer {
  bool local = false;         ///< to the host itself
  bool encapsulated = false;  ///< by the route, before the interface gets to see it
  unsigned device = 0;
  std::optional<Ipv4Address> gateway = {};
  std::optional<Ipv6Octets> gateway6 = {};
  Ipv4Address source;
  std::uint32_t mtu = 0;        ///< of the whole path as far as it is known
  std::uint32_t route_mtu = 0;  ///< what the route itself says, not learned from the path; 0: none

  /// Whether packets go the same way as by `other`: interface, gateway and source.
  bool is_same_way(const RouteAnswer& other) const noexcept {
    return device == other.device && gateway == other.gateway && gateway6 == other.gateway6 &&
           source == other.source;
  }
};

using LinkAddress = std::array<std::uint8_t, 6>;  ///< of Ethernet

/// What the kernel holds of the link address of another host on an interface's link.
struct Neighbour {
  LinkAddress address{};
  /// It would be used as it is, with no doubt that is not being looked into already: reachable,
  /// permanent, or asked for just now (RFC 4861 7.3.2: delay and probe; ARP has the same states).
  bool usable = false;
};

/// RFC 5952.
std::string text(const Ipv6Octets& address);
std::string text(const Ipv6Route& route);

/// Whether an errno means that the kernel was built without what was asked for.
bool is_unsupported(int error) noexcept;

/// Requests to the kernel about the interfaces, addresses, routes and rules of the network
/// namespace it was opened in. IPv4 where nothing else is said. Each waits for the kernel's answer;
/// errno is in IoError::error.
class Netlink {
 public:
  static IoResult<Netlink> open();

  /// The same on a socket that open() has made, perhaps in another process.
  static IoResult<Netlink> adopt(UniqueFd socket);

  Netlink(Netlink&&) noexcept;
  Netlink& operator=(Netlink&&) noexcept;
  ~Netlink();

  int fd() const noexcept;

  IoResult<LinkState> link(unsigned index);
  IoResult<LinkState> link(const std::string& name);
  IoResult<void> set_link_up(unsigned index, bool up);
  /// The kernel gives the interface no IPv6 address of its own making, and so sends nothing by
  /// itself. EAFNOSUPPORT where it has no IPv6.
  IoResult<void> set_no_ipv6_autoconfiguration(unsigned index);
  IoResult<void> set_link_mtu(unsigned index, std::uint32_t mtu);

  /// EEXIST when the interface has it.
  IoResult<void> add_address(const InterfaceAddress& address);
  /// An address of the interface's link (RFC 4291 2.5.6), which nobody else on it can have. EEXIST
  /// when the interface has it; EACCES where it has no IPv6.
  IoResult<void> add_link_local(unsigned index, const Ipv6Octets& address);
  IoResult<void> delete_link_local(unsigned index, const Ipv6Octets& address);
  /// EADDRNOTAVAIL, ENODEV when it is not there.
  IoResult<void> delete_address(const InterfaceAddress& address);
  IoResult<std::vector<InterfaceAddress>> addresses(unsigned device);
  /// Of all interfaces.
  IoResult<std::vector<InterfaceAddress>> addresses();

  /// EEXIST when there is any route to the same destination with the same table and metric.
  IoResult<void> add_route(const Route& route);
  /// The same in the place of the route with that destination, table and metric, where there is
  /// one: at no time is there none.
  IoResult<void> replace_route(const Route& route);
  /// Deletes a route that agrees in all that is given here; ESRCH, ENODEV when there is none.
  IoResult<void> delete_route(const Route& route);
  /// All unicast routes of a table.
  IoResult<std::vector<Route>> routes(std::uint32_t table);

  /// As for IPv4. EAFNOSUPPORT, EOPNOTSUPP where the kernel has no IPv6.
  IoResult<void> add_route(const Ipv6Route& route);
  IoResult<void> delete_route(const Ipv6Route& route);
  IoResult<std::vector<Ipv6Route>> ipv6_routes(std::uint32_t table);

  /// EEXIST for a rule that there is; EOPNOTSUPP, EAFNOSUPPORT where the kernel has no rules.
  IoResult<void> add_rule(const Rule& rule);
  /// Deletes a rule that agrees in all; ENOENT when there is none.
  IoResult<void> delete_rule(const Rule& rule);
  /// Of IPv4 and IPv6.
  IoResult<std::vector<Rule>> rules();

  /// `source`: the host's own address that it is sent from; zero: as the routes say. Faults:
  /// net_unreachable, no_route, permission (a prohibiting route), system.
  IoResult<RouteAnswer> route_to(Ipv4Address destination, std::uint32_t mark = 0,
                                 Ipv4Address source = {});

  /// ENOENT where the kernel has heard nothing of it; EOPNOTSUPP before Linux 5.0.
  IoResult<Neighbour> neighbour(unsigned device, Ipv4Address address);

 private:
  using Visitor = std::function<void(nlmsghdr*)>;

  explicit Netlink(nl_sock* socket) noexcept;

  IoResult<LinkState> link(nl_msg* message, const std::string& what);
  IoResult<void> request(nl_msg* message, const std::string& what, const Visitor& visit = {});

  struct SocketDeleter {
    void operator()(nl_sock* socket) const noexcept;
  };

  std::unique_ptr<nl_sock, SocketDeleter> socket_;
};

}  // namespace pptp::io
