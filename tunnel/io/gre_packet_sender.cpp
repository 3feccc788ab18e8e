#include "tunnel/io/gre_packet_sender.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <utility>

#include "lib/ip_packet.h"
#include "tunnel/io/socket_address.h"
#include "tunnel/tcp_segment.h"

namespace pptp::io {
namespace {

// RFC 791 3.1: what nothing else has to know of the header.
constexpr std::uint8_t kVersionAndLength = 0x45;
constexpr std::size_t kTimeToLive = 8;
constexpr std::size_t kProtocol = 9;
constexpr std::size_t kSource = 12;
constexpr std::size_t kDestination = 16;
constexpr std::uint8_t kDefaultTimeToLive = 64;

std::optional<int> option_of(int fd, int level, int option) noexcept {
  int value = 0;
  socklen_t size = sizeof value;
  if (::getsockopt(fd, level, option, &value, &size) != 0) return std::nullopt;
  return value;
}

bool is_full_queue(int error) noexcept {
  return error == ENOBUFS || error == EAGAIN;
}

}  // namespace

std::string_view name(SentBy way) noexcept {
  switch (way) {
    case SentBy::packet_socket:
      return "packet-socket";
    case SentBy::raw_to_confirm:
      return "raw-to-confirm";
    case SentBy::raw_refused:
      return "raw-refused";
    case SentBy::raw_too_long:
      return "raw-too-long";
    case SentBy::raw_unknown:
      return "raw-unknown";
    case SentBy::raw_ipsec:
      return "raw-ipsec";
    case SentBy::raw_no_route:
      return "raw-no-route";
    case SentBy::raw_not_ethernet:
      return "raw-not-ethernet";
    case SentBy::raw_no_neighbour:
      return "raw-no-neighbour";
    case SentBy::raw_neighbour_stale:
      return "raw-neighbour-stale";
    case SentBy::count_:
      break;
  }
  return "";
}

/// What sendmmsg() is told, and what goes in front of each packet.
struct GrePacketSender::Batch {
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> buffers{};
  sockaddr_ll next_hop{};
  std::array<std::uint8_t, kIpv4Header> header{};
  std::uint16_t identification = 0;
};

GrePacketSender::GrePacketSender(UniqueFd fd, Netlink netlink, IpsecPolicies ipsec, int raw,
                                 Ipv4Address local, Ipv4Address server)
    : fd_(std::move(fd)),
      netlink_(std::move(netlink)),
      ipsec_(std::move(ipsec)),
      raw_(raw),
      local_(local),
      server_(server),
      batch_(std::make_unique<Batch>()) {
  for (std::size_t i = 0; i < kBatch; ++i) {
    msghdr& message = batch_->messages[i].msg_hdr;
    message.msg_name = &batch_->next_hop;
    message.msg_namelen = sizeof batch_->next_hop;
    message.msg_iov = &batch_->buffers[i];
    message.msg_iovlen = 1;
  }
}

GrePacketSender::~GrePacketSender() = default;

IoResult<std::unique_ptr<GrePacketSender>> GrePacketSender::open(int raw, Ipv4Address server) {
  sockaddr_in local{};
  socklen_t size = sizeof local;
  void* const generic_local = &local;
  if (::getsockname(raw, static_cast<sockaddr*>(generic_local), &size) != 0)
    return failure(errno, "cannot tell the GRE socket's address");
  // Of protocol 0 it receives nothing. SOCK_RAW, with an Ethernet header of our own, was no
  // quicker, and PACKET_QDISC_BYPASS, which would lose packets wherever an interface is busy,
  // neither.
  UniqueFd fd(::socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return failure(errno, "cannot open a packet socket");
  const int mark = option_of(raw, SOL_SOCKET, SO_MARK).value_or(0);
  if (mark != 0 && ::setsockopt(fd.fd(), SOL_SOCKET, SO_MARK, &mark, sizeof mark) != 0)
    return failure(errno, "cannot mark the packet socket");
  // The kernel doubles what it is told.
  const int buffer = option_of(raw, SOL_SOCKET, SO_SNDBUF).value_or(0) / 2;
  if (::setsockopt(fd.fd(), SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer) != 0)
    (void)::setsockopt(fd.fd(), SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
  IoResult<Netlink> netlink = Netlink::open();
  if (!netlink) return std::unexpected(std::move(netlink).error());
  IoResult<IpsecPolicies> ipsec = IpsecPolicies::open();
  if (!ipsec) return std::unexpected(std::move(ipsec).error());
  return std::unique_ptr<GrePacketSender>(
      new GrePacketSender(std::move(fd), *std::move(netlink), *std::move(ipsec), raw,
                          from_in_addr(local.sin_addr), server));
}

bool GrePacketSender::follow(TimePoint now) {
  if (way_ends_ && now < *way_ends_) return false;
  way_ends_ = now + kInterval;
  way_ = look_up();
  if (!way_) return false;
  sockaddr_ll& next_hop = batch_->next_hop;
  next_hop.sll_family = AF_PACKET;
  next_hop.sll_protocol = htons(ETH_P_IP);
  next_hop.sll_ifindex = static_cast<int>(way_->device);
  next_hop.sll_halen = static_cast<unsigned char>(way_->next_hop.size());
  std::ranges::copy(way_->next_hop, next_hop.sll_addr);
  set_header();
  return true;
}

std::expected<GrePacketSender::Way, SentBy> GrePacketSender::look_up() {
  const IoResult<bool> ipsec = ipsec_.any();
  if (!ipsec) return std::unexpected(SentBy::raw_unknown);
  if (*ipsec) return std::unexpected(SentBy::raw_ipsec);

  const int mark = option_of(raw_, SOL_SOCKET, SO_MARK).value_or(0);
  const IoResult<RouteAnswer> route =
      netlink_.route_to(server_, static_cast<std::uint32_t>(mark), local_);
  if (!route) return std::unexpected(SentBy::raw_no_route);
  const IoResult<LinkState> link = netlink_.link(route->device);
  if (!link || !link->up) return std::unexpected(SentBy::raw_no_route);
  if (route->local || route->encapsulated || route->gateway6 || !link->ethernet)
    return std::unexpected(SentBy::raw_not_ethernet);

  const IoResult<Neighbour> next_hop =
      netlink_.neighbour(route->device, route->gateway.value_or(server_));
  if (!next_hop)
    return std::unexpected(next_hop.error().error == ENOENT ? SentBy::raw_no_neighbour
                                                            : SentBy::raw_unknown);
  if (!next_hop->usable) return std::unexpected(SentBy::raw_neighbour_stale);
  return Way{route->device, next_hop->address, std::min(route->mtu, link->mtu)};
}

/// What is the same in all packets of an interval.
void GrePacketSender::set_header() {
  const int time_to_live = option_of(raw_, IPPROTO_IP, IP_TTL).value_or(kDefaultTimeToLive);
  MutableBytes header = batch_->header;
  header[0] = kVersionAndLength;
  header[kTimeToLive] = static_cast<std::uint8_t>(time_to_live);
  header[kProtocol] = IPPROTO_GRE;
  put_u32(header, kSource, local_.value());
  put_u32(header, kDestination, server_.value());
}

void GrePacketSender::confirm(bool went) noexcept {
  counts_.count(went ? SentBy::raw_to_confirm : SentBy::raw_refused, 1);
  if (!went) way_ = std::unexpected(SentBy::raw_refused);
}

GrePacketSender::Sent GrePacketSender::send(std::span<Packet> packets) noexcept {
  Sent sent;
  // DF is given up as soon as a path is found to be too narrow for it.
  const bool dont_fragment = option_of(raw_, IPPROTO_IP, IP_MTU_DISCOVER) == IP_PMTUDISC_DO;
  put_u16(batch_->header, kIpv4Fragment, dont_fragment ? kIpv4DontFragment : std::uint16_t{0});
  while (way_ && sent.done < packets.size()) {
    const auto rest = packets.subspan(sent.done);
    const std::size_t ready = make_ready(rest);
    if (ready == 0) {
      counts_.count(SentBy::raw_too_long, rest.size());
      return sent;
    }
    const Sent now = send_ready(ready);
    for (Packet& packet : rest.first(ready))
      packet.pop_front(kIpv4Header);
    sent.done += now.done;
    sent.taken += now.taken;
  }
  if (!way_) counts_.count(way_.error(), packets.size() - sent.done);
  return sent;
}

/// Puts a header in front of the first packets, as many as can go together: how many.
std::size_t GrePacketSender::make_ready(std::span<Packet> packets) noexcept {
  packets = packets.first(std::min(packets.size(), kBatch));
  for (std::size_t i = 0; i < packets.size(); ++i) {
    Packet& packet = packets[i];
    const std::size_t length = packet.size() + kIpv4Header;
    const MutableBytes header =
        length > way_->mtu ? MutableBytes() : packet.push_front(kIpv4Header);
    if (header.empty()) return i;
    std::ranges::copy(batch_->header, header.begin());
    put_u16(header, kIpv4TotalLength, static_cast<std::uint16_t>(length));
    put_u16(header, kIpv4Identification, batch_->identification++);
    put_u16(header, kIpv4HeaderChecksum, internet_checksum(header));
    batch_->buffers[i] = {packet.mutable_bytes().data(), length};
  }
  return packets.size();
}

GrePacketSender::Sent GrePacketSender::send_ready(std::size_t ready) noexcept {
  Sent sent;
  while (way_ && sent.done < ready) {
    const int taken =
        ::sendmmsg(fd_.fd(), &batch_->messages[sent.done], static_cast<unsigned>(ready - sent.done),
                   MSG_DONTWAIT | MSG_NOSIGNAL);
    if (taken > 0) {
      sent.done += static_cast<std::size_t>(taken);
      sent.taken += static_cast<std::size_t>(taken);
    } else if (is_full_queue(errno)) {
      ++sent.done;  // interop note 3.7e: a lost packet and no more
    } else if (errno != EINTR) {
      way_ = std::unexpected(SentBy::raw_refused);
    }
  }
  counts_.count(SentBy::packet_socket, sent.taken);
  return sent;
}

}  // namespace pptp::io
