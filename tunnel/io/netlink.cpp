#include "tunnel/io/netlink.h"

#include <arpa/inet.h>
#include <bit>
#include <cerrno>
#include <cstring>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <span>
#include <sys/socket.h>
#include <utility>

#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/handlers.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "tunnel/io/netlink_message.h"

namespace pptp::io {
namespace {

struct CallbackDeleter {
  void operator()(nl_cb* callbacks) const noexcept { nl_cb_put(callbacks); }
};

/// A message's fixed header; nullopt when it is not of that type or too short.
template <class Header>
std::optional<Header> header_of(nlmsghdr* message, int type) noexcept {
  if (message->nlmsg_type != type || nlmsg_datalen(message) < static_cast<int>(sizeof(Header)))
    return std::nullopt;
  Header header;
  std::memcpy(&header, nlmsg_data(message), sizeof header);
  return header;
}

/// RTA_VIA: an address family in host order, and the address.
struct Via6 {
  std::uint16_t family;
  Ipv6Octets address;
};

std::optional<Ipv6Octets> gateway6(const NetlinkAttributes& attributes) {
  const auto via = attributes.value<Via6>(RTA_VIA);
  if (!via || via->family != AF_INET6) return std::nullopt;
  return via->address;
}

std::optional<LinkState> parse_link(nlmsghdr* message) {
  const auto header = header_of<ifinfomsg>(message, RTM_NEWLINK);
  if (!header) return std::nullopt;
  const auto attributes = NetlinkAttributes::of(message, *header);
  LinkState link;
  link.index = static_cast<unsigned>(header->ifi_index);
  link.up = (header->ifi_flags & IFF_UP) != 0;
  link.point_to_point = (header->ifi_flags & IFF_POINTOPOINT) != 0;
  link.ethernet = header->ifi_type == ARPHRD_ETHER;
  link.mtu = attributes.number(IFLA_MTU).value_or(0);
  if (nlattr* const name = attributes.raw(IFLA_IFNAME)) link.name = nla_get_string(name);
  return link;
}

std::optional<InterfaceAddress> parse_address(nlmsghdr* message) {
  const auto header = header_of<ifaddrmsg>(message, RTM_NEWADDR);
  if (!header || header->ifa_family != AF_INET) return std::nullopt;
  const auto attributes = NetlinkAttributes::of(message, *header);
  const auto local = attributes.address(IFA_LOCAL);
  if (!local) return std::nullopt;
  InterfaceAddress address;
  address.device = header->ifa_index;
  address.local = *local;
  if (const auto peer = attributes.address(IFA_ADDRESS); peer != local) address.peer = peer;
  address.peer_route = (attributes.number(IFA_FLAGS).value_or(0) & IFA_F_NOPREFIXROUTE) == 0;
  return address;
}

std::optional<Route> parse_route(nlmsghdr* message) {
  const auto header = header_of<rtmsg>(message, RTM_NEWROUTE);
  if (!header || header->rtm_family != AF_INET || header->rtm_type != RTN_UNICAST ||
      (header->rtm_flags & RTM_F_CLONED) != 0)
    return std::nullopt;
  const auto attributes = NetlinkAttributes::of(message, *header);
  Route route;
  route.destination =
      Ipv4Prefix::holding(attributes.address(RTA_DST).value_or(Ipv4Address()), header->rtm_dst_len);
  route.table = attributes.number(RTA_TABLE).value_or(header->rtm_table);
  route.device = attributes.number(RTA_OIF).value_or(0);
  route.gateway = attributes.address(RTA_GATEWAY);
  route.gateway6 = gateway6(attributes);
  route.source = attributes.address(RTA_PREFSRC);
  route.metric = attributes.number(RTA_PRIORITY).value_or(0);
  route.mtu = NetlinkAttributes::in(attributes.raw(RTA_METRICS)).number(RTAX_MTU).value_or(0);
  route.protocol = header->rtm_protocol;
  return route;
}

std::optional<Ipv6Route> parse_ipv6_route(nlmsghdr* message) {
  const auto header = header_of<rtmsg>(message, RTM_NEWROUTE);
  const bool known = header && header->rtm_family == AF_INET6 &&
                     (header->rtm_type == RTN_UNICAST || header->rtm_type == RTN_UNREACHABLE) &&
                     (header->rtm_flags & RTM_F_CLONED) == 0;
  if (!known) return std::nullopt;
  const auto attributes = NetlinkAttributes::of(message, *header);
  Ipv6Route route;
  route.destination = attributes.value<Ipv6Octets>(RTA_DST).value_or(Ipv6Octets{});
  route.length = header->rtm_dst_len;
  route.table = attributes.number(RTA_TABLE).value_or(header->rtm_table);
  // The kernel names the loopback interface for what it does not send.
  if (header->rtm_type == RTN_UNICAST) route.device = attributes.number(RTA_OIF).value_or(0);
  return route;
}

std::optional<Rule> parse_rule(nlmsghdr* message) {
  const auto header = header_of<fib_rule_hdr>(message, RTM_NEWRULE);
  if (!header || (header->family != AF_INET && header->family != AF_INET6)) return std::nullopt;
  const auto attributes = NetlinkAttributes::of(message, *header);
  Rule rule;
  rule.ipv6 = header->family == AF_INET6;
  rule.priority = attributes.number(FRA_PRIORITY).value_or(0);
  rule.table = attributes.number(FRA_TABLE).value_or(header->table);
  rule.mark = attributes.number(FRA_FWMARK);
  if (rule.mark) rule.mark_mask = attributes.number(FRA_FWMASK).value_or(rule.mark_mask);
  if (const auto to = attributes.address(FRA_DST); to && !rule.ipv6)
    rule.to = Ipv4Prefix::holding(*to, header->dst_len);
  // The kernel writes "none" as all ones.
  if (const auto length = attributes.number(FRA_SUPPRESS_PREFIXLEN); length != 0xffff'ffffU)
    rule.suppress_prefix_length = length;
  rule.unreachable = header->action == FR_ACT_UNREACHABLE;
  rule.protocol = attributes.value<std::uint8_t>(FRA_PROTOCOL).value_or(0);
  return rule;
}

RouteAnswer parse_route_answer(nlmsghdr* message, const rtmsg& header) {
  const auto attributes = NetlinkAttributes::of(message, header);
  RouteAnswer answer;
  answer.local = header.rtm_type == RTN_LOCAL;
  answer.encapsulated = attributes.raw(RTA_ENCAP) != nullptr;
  answer.device = attributes.number(RTA_OIF).value_or(0);
  answer.gateway = attributes.address(RTA_GATEWAY);
  answer.gateway6 = gateway6(attributes);
  answer.source = attributes.address(RTA_PREFSRC).value_or(Ipv4Address());
  answer.mtu = NetlinkAttributes::in(attributes.raw(RTA_METRICS)).number(RTAX_MTU).value_or(0);
  // An MTU learned from the path expires, so it must not be copied into a route.
  const auto cache = attributes.value<rta_cacheinfo>(RTA_CACHEINFO);
  if (!cache || cache->rta_expires == 0) answer.route_mtu = answer.mtu;
  return answer;
}

// What the kernel sends with at once, but for NUD_STALE, where a packet of its own is what makes it
// ask, and NUD_NOARP, which is no other host's address.
constexpr std::uint16_t kUsable = NUD_REACHABLE | NUD_PERMANENT | NUD_DELAY | NUD_PROBE;

std::optional<Neighbour> parse_neighbour(nlmsghdr* message) {
  const auto header = header_of<ndmsg>(message, RTM_NEWNEIGH);
  if (!header) return std::nullopt;
  const auto address = NetlinkAttributes::of(message, *header).value<LinkAddress>(NDA_LLADDR);
  return Neighbour{address.value_or(LinkAddress{}), address && (header->ndm_state & kUsable) != 0};
}

NetlinkMessage address_message(std::uint16_t type, int flags, const InterfaceAddress& address) {
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  header.ifa_prefixlen = 32;
  header.ifa_index = address.device;
  NetlinkMessage message(type, flags, header);
  message.add(IFA_LOCAL, address.local).add(IFA_ADDRESS, address.peer.value_or(address.local));
  if (!address.peer_route) message.add(IFA_FLAGS, std::uint32_t{IFA_F_NOPREFIXROUTE});
  return message;
}

NetlinkMessage link_local_message(std::uint16_t type, int flags, unsigned index,
                                  const Ipv6Octets& address) {
  ifaddrmsg header{};
  header.ifa_family = AF_INET6;
  header.ifa_prefixlen = 64;
  header.ifa_index = index;
  NetlinkMessage message(type, flags, header);
  message.add(IFA_LOCAL, std::span(address));
  return message;
}

NetlinkMessage route_message(std::uint16_t type, int flags, const Route& route) {
  const bool via = route.gateway || route.gateway6;
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_dst_len = route.destination.length();
  header.rtm_table = RT_TABLE_UNSPEC;
  header.rtm_protocol = route.protocol;
  header.rtm_scope = via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
  header.rtm_type = RTN_UNICAST;
  // The gateway is on that link whatever other routes say: ours may cover it.
  if (via) header.rtm_flags = RTNH_F_ONLINK;
  NetlinkMessage message(type, flags, header);
  message.add(RTA_TABLE, route.table).add(RTA_OIF, std::uint32_t{route.device});
  if (route.destination.length() > 0) message.add(RTA_DST, route.destination.address());
  if (route.gateway) message.add(RTA_GATEWAY, *route.gateway);
  if (route.gateway6) {
    const auto octets =
        std::bit_cast<std::array<std::uint8_t, sizeof(Via6)>>(Via6{AF_INET6, *route.gateway6});
    message.add(RTA_VIA, octets);
  }
  if (route.source) message.add(RTA_PREFSRC, *route.source);
  if (route.metric != 0) message.add(RTA_PRIORITY, route.metric);
  if (route.mtu != 0)
    message.nest(RTA_METRICS, [&](NetlinkMessage& metrics) { metrics.add(RTAX_MTU, route.mtu); });
  return message;
}

NetlinkMessage route_message(std::uint16_t type, int flags, const Ipv6Route& route) {
  rtmsg header{};
  header.rtm_family = AF_INET6;
  header.rtm_dst_len = route.length;
  header.rtm_table = RT_TABLE_UNSPEC;
  header.rtm_protocol = kRouteProtocol;
  header.rtm_type = route.device == 0 ? RTN_UNREACHABLE : RTN_UNICAST;
  NetlinkMessage message(type, flags, header);
  message.add(RTA_TABLE, route.table);
  if (route.device != 0) message.add(RTA_OIF, std::uint32_t{route.device});
  if (route.length > 0) message.add(RTA_DST, std::span(route.destination));
  return message;
}

NetlinkMessage rule_message(std::uint16_t type, int flags, const Rule& rule) {
  fib_rule_hdr header{};
  header.family = rule.ipv6 ? AF_INET6 : AF_INET;
  header.dst_len = rule.to ? rule.to->length() : std::uint8_t{0};
  header.table = RT_TABLE_UNSPEC;
  header.action = rule.unreachable ? FR_ACT_UNREACHABLE : FR_ACT_TO_TBL;
  NetlinkMessage message(type, flags, header);
  message.add(FRA_TABLE, rule.table).add(FRA_PRIORITY, rule.priority);
  message.add(FRA_PROTOCOL, rule.protocol);
  if (rule.to) message.add(FRA_DST, rule.to->address());
  if (rule.mark) message.add(FRA_FWMARK, *rule.mark).add(FRA_FWMASK, rule.mark_mask);
  if (rule.suppress_prefix_length)
    message.add(FRA_SUPPRESS_PREFIXLEN, *rule.suppress_prefix_length);
  return message;
}

std::string text(const InterfaceAddress& address) {
  std::string out = "address " + address.local.text();
  if (address.peer) out += " peer " + address.peer->text();
  return out;
}

std::string text(const Rule& rule) {
  std::string out = rule.ipv6 ? "IPv6 rule" : "rule";
  if (rule.mark) out += " for mark " + std::to_string(*rule.mark);
  if (rule.to) out += " to " + rule.to->text();
  if (rule.unreachable) return out + " unreachable";
  return out + " lookup table " + std::to_string(rule.table);
}

// Without EXCL the kernel would replace, or add a second one.
constexpr int kCreate = NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK;

}  // namespace

std::string text(const Ipv6Octets& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  (void)::inet_ntop(AF_INET6, address.data(), text.data(), text.size());
  return text.data();
}

std::string text(const Ipv6Route& route) {
  return text(route.destination) + "/" + std::to_string(route.length);
}

bool is_unsupported(int error) noexcept {
  return error == EOPNOTSUPP || error == EAFNOSUPPORT;
}

void Netlink::SocketDeleter::operator()(nl_sock* socket) const noexcept {
  nl_socket_free(socket);
}

Netlink::Netlink(nl_sock* socket) noexcept : socket_(socket) {}

Netlink::Netlink(Netlink&&) noexcept = default;

Netlink& Netlink::operator=(Netlink&&) noexcept = default;

Netlink::~Netlink() = default;

IoResult<Netlink> Netlink::open() {
  Netlink netlink(nl_socket_alloc());
  if (!netlink.socket_) return failure(ENOMEM, "cannot open a netlink socket");
  if (nl_connect(netlink.socket_.get(), NETLINK_ROUTE) < 0)
    return failure(errno, "cannot open a netlink socket");
  // Lets the kernel send one table's routes instead of all; older ones do not know it.
  const int on = 1;
  (void)::setsockopt(nl_socket_get_fd(netlink.socket_.get()), SOL_NETLINK, NETLINK_GET_STRICT_CHK,
                     &on, sizeof on);
  return netlink;
}

IoResult<Netlink> Netlink::adopt(UniqueFd socket) {
  Netlink netlink(nl_socket_alloc());
  if (!netlink.socket_) return failure(ENOMEM, "cannot open a netlink socket");
  if (nl_socket_set_fd(netlink.socket_.get(), NETLINK_ROUTE, socket.fd()) < 0)
    return failure(EBADF, "this is no netlink socket");
  (void)socket.release();
  return netlink;
}

int Netlink::fd() const noexcept {
  return nl_socket_get_fd(socket_.get());
}

IoResult<void> Netlink::request(nl_msg* message, const std::string& what, const Visitor& visit) {
  struct Exchange {
    const Visitor* visit;
    int error = 0;
    bool done = false;
  } exchange{&visit};

  const std::unique_ptr<nl_cb, CallbackDeleter> callbacks(nl_cb_alloc(NL_CB_DEFAULT));
  if (!callbacks) return failure(ENOMEM, what);
  const auto finish = [](nl_msg*, void* context) -> int {
    static_cast<Exchange*>(context)->done = true;
    return NL_STOP;
  };
  nl_cb_set(callbacks.get(), NL_CB_ACK, NL_CB_CUSTOM, finish, &exchange);
  nl_cb_set(callbacks.get(), NL_CB_FINISH, NL_CB_CUSTOM, finish, &exchange);
  nl_cb_set(
      callbacks.get(), NL_CB_VALID, NL_CB_CUSTOM,
      [](nl_msg* reply, void* context) -> int {
        const Exchange& self = *static_cast<Exchange*>(context);
        if (*self.visit) (*self.visit)(nlmsg_hdr(reply));
        return NL_OK;
      },
      &exchange);
  nl_cb_err(
      callbacks.get(), NL_CB_CUSTOM,
      [](sockaddr_nl*, nlmsgerr* error, void* context) -> int {
        Exchange& self = *static_cast<Exchange*>(context);
        self.error = -error->error;
        self.done = true;
        return NL_STOP;
      },
      &exchange);

  if (const int status = nl_send_auto(socket_.get(), message); status < 0)
    return failure(EIO, what + ": " + nl_geterror(status));
  while (!exchange.done) {
    const int status = nl_recvmsgs(socket_.get(), callbacks.get());
    // The kernel's own error comes back as a code of libnl's as well. A dump that changed under the
    // kernel's hands is as good as one taken a moment earlier.
    if (exchange.done || status == -NLE_DUMP_INTR) break;
    if (status < 0) return failure(EIO, what + ": " + nl_geterror(status));
  }
  if (exchange.error != 0)
    return failure(
        exchange.error, what,
        exchange.error == EPERM ? "CAP_NET_ADMIN is missing: run it as root, or use setcap" : "");
  return {};
}

IoResult<LinkState> Netlink::link(unsigned index) {
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(index);
  const NetlinkMessage message(RTM_GETLINK, 0, header);
  return link(message.message(), "interface " + std::to_string(index));
}

IoResult<LinkState> Netlink::link(const std::string& name) {
  NetlinkMessage message(RTM_GETLINK, 0, ifinfomsg{});
  message.add(IFLA_IFNAME, name);
  return link(message.message(), "interface " + name);
}

IoResult<LinkState> Netlink::link(nl_msg* message, const std::string& what) {
  std::optional<LinkState> found;
  const auto done = request(message, what, [&](nlmsghdr* reply) { found = parse_link(reply); });
  if (!done) return std::unexpected(done.error());
  if (!found) return failure(ENODEV, what);
  return *std::move(found);
}

IoResult<void> Netlink::set_link_up(unsigned index, bool up) {
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(index);
  header.ifi_change = IFF_UP;
  if (up) header.ifi_flags = IFF_UP;
  const NetlinkMessage message(RTM_NEWLINK, NLM_F_ACK, header);
  return request(message.message(), up ? "cannot set the interface up" : "cannot set it down");
}

IoResult<void> Netlink::set_no_ipv6_autoconfiguration(unsigned index) {
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(index);
  NetlinkMessage message(RTM_NEWLINK, NLM_F_ACK, header);
  message.nest(IFLA_AF_SPEC, [](NetlinkMessage& families) {
    families.nest(AF_INET6, [](NetlinkMessage& inet6) {
      inet6.add(IFLA_INET6_ADDR_GEN_MODE, std::uint8_t{IN6_ADDR_GEN_MODE_NONE});
    });
  });
  return request(message.message(), "cannot keep IPv6 addresses off the interface");
}

IoResult<void> Netlink::set_link_mtu(unsigned index, std::uint32_t mtu) {
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(index);
  NetlinkMessage message(RTM_NEWLINK, NLM_F_ACK, header);
  message.add(IFLA_MTU, mtu);
  return request(message.message(), "cannot set MTU " + std::to_string(mtu));
}

IoResult<void> Netlink::add_address(const InterfaceAddress& address) {
  const NetlinkMessage message = address_message(RTM_NEWADDR, kCreate, address);
  return request(message.message(), "cannot add " + text(address));
}

IoResult<void> Netlink::add_link_local(unsigned index, const Ipv6Octets& address) {
  NetlinkMessage message = link_local_message(RTM_NEWADDR, kCreate, index, address);
  message.add(IFA_FLAGS, std::uint32_t{IFA_F_NODAD});
  return request(message.message(), "cannot add " + io::text(address));
}

IoResult<void> Netlink::delete_link_local(unsigned index, const Ipv6Octets& address) {
  const NetlinkMessage message = link_local_message(RTM_DELADDR, NLM_F_ACK, index, address);
  return request(message.message(), "cannot delete " + io::text(address));
}

IoResult<void> Netlink::delete_address(const InterfaceAddress& address) {
  const NetlinkMessage message = address_message(RTM_DELADDR, NLM_F_ACK, address);
  return request(message.message(), "cannot delete " + text(address));
}

IoResult<std::vector<InterfaceAddress>> Netlink::addresses(unsigned device) {
  auto all = addresses();
  if (all) std::erase_if(*all, [device](const auto& address) { return address.device != device; });
  return all;
}

IoResult<std::vector<InterfaceAddress>> Netlink::addresses() {
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  const NetlinkMessage message(RTM_GETADDR, NLM_F_DUMP, header);
  std::vector<InterfaceAddress> found;
  const auto done = request(message.message(), "cannot list addresses", [&](nlmsghdr* reply) {
    if (const auto address = parse_address(reply)) found.push_back(*address);
  });
  if (!done) return std::unexpected(done.error());
  return found;
}

IoResult<void> Netlink::add_route(const Route& route) {
  const NetlinkMessage message = route_message(RTM_NEWROUTE, kCreate, route);
  return request(message.message(), "cannot add route " + route.destination.text());
}

IoResult<void> Netlink::delete_route(const Route& route) {
  const NetlinkMessage message = route_message(RTM_DELROUTE, NLM_F_ACK, route);
  return request(message.message(), "cannot delete route " + route.destination.text());
}

IoResult<std::vector<Route>> Netlink::routes(std::uint32_t table) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  NetlinkMessage message(RTM_GETROUTE, NLM_F_DUMP, header);
  message.add(RTA_TABLE, table);
  std::vector<Route> found;
  const auto done = request(message.message(), "cannot list routes", [&](nlmsghdr* reply) {
    if (const auto route = parse_route(reply); route && route->table == table)
      found.push_back(*route);
  });
  // A table that never held a route does not exist.
  if (!done && done.error().error != ENOENT) return std::unexpected(done.error());
  return found;
}

IoResult<void> Netlink::replace_route(const Route& route) {
  const NetlinkMessage message =
      route_message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK, route);
  return request(message.message(), "cannot change route " + route.destination.text());
}

IoResult<void> Netlink::add_route(const Ipv6Route& route) {
  const NetlinkMessage message = route_message(RTM_NEWROUTE, kCreate, route);
  return request(message.message(), "cannot add route " + text(route));
}

IoResult<void> Netlink::delete_route(const Ipv6Route& route) {
  const NetlinkMessage message = route_message(RTM_DELROUTE, NLM_F_ACK, route);
  return request(message.message(), "cannot delete route " + text(route));
}

IoResult<std::vector<Ipv6Route>> Netlink::ipv6_routes(std::uint32_t table) {
  rtmsg header{};
  header.rtm_family = AF_INET6;
  NetlinkMessage message(RTM_GETROUTE, NLM_F_DUMP, header);
  message.add(RTA_TABLE, table);
  std::vector<Ipv6Route> found;
  const auto done = request(message.message(), "cannot list IPv6 routes", [&](nlmsghdr* reply) {
    if (const auto route = parse_ipv6_route(reply); route && route->table == table)
      found.push_back(*route);
  });
  if (!done && done.error().error != ENOENT) return std::unexpected(done.error());
  return found;
}

IoResult<void> Netlink::add_rule(const Rule& rule) {
  const NetlinkMessage message = rule_message(RTM_NEWRULE, kCreate, rule);
  return request(message.message(), "cannot add " + text(rule));
}

IoResult<void> Netlink::delete_rule(const Rule& rule) {
  const NetlinkMessage message = rule_message(RTM_DELRULE, NLM_F_ACK, rule);
  return request(message.message(), "cannot delete " + text(rule));
}

IoResult<std::vector<Rule>> Netlink::rules() {
  fib_rule_hdr header{};
  header.family = AF_UNSPEC;
  const NetlinkMessage message(RTM_GETRULE, NLM_F_DUMP, header);
  std::vector<Rule> found;
  const auto done = request(message.message(), "cannot list rules", [&](nlmsghdr* reply) {
    if (const auto rule = parse_rule(reply)) found.push_back(*rule);
  });
  if (!done) return std::unexpected(done.error());
  return found;
}

IoResult<RouteAnswer> Netlink::route_to(Ipv4Address destination, std::uint32_t mark,
                                        Ipv4Address source) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_dst_len = 32;
  header.rtm_src_len = source.is_zero() ? 0 : 32;
  NetlinkMessage message(RTM_GETROUTE, 0, header);
  message.add(RTA_DST, destination);
  if (!source.is_zero()) message.add(RTA_SRC, source);
  if (mark != 0) message.add(RTA_MARK, mark);
  std::optional<RouteAnswer> answer;
  const std::string what = "no route to " + destination.text();
  const auto done = request(message.message(), what, [&](nlmsghdr* reply) {
    if (const auto found = header_of<rtmsg>(reply, RTM_NEWROUTE))
      answer = parse_route_answer(reply, *found);
  });
  if (!done) return std::unexpected(done.error());
  if (!answer) return failure(ENETUNREACH, what);
  if (answer->mtu == 0) {
    const auto device = link(answer->device);
    if (!device) return std::unexpected(device.error());
    answer->mtu = device->mtu;
  }
  return *answer;
}

IoResult<Neighbour> Netlink::neighbour(unsigned device, Ipv4Address address) {
  ndmsg header{};
  header.ndm_family = AF_INET;
  header.ndm_ifindex = static_cast<int>(device);
  NetlinkMessage message(RTM_GETNEIGH, 0, header);
  message.add(NDA_DST, address);
  std::optional<Neighbour> found;
  const std::string what = "no neighbour " + address.text();
  const auto done =
      request(message.message(), what, [&](nlmsghdr* reply) { found = parse_neighbour(reply); });
  if (!done) return std::unexpected(done.error());
  if (!found) return failure(ENOENT, what);
  return *found;
}

}  // namespace pptp::io
