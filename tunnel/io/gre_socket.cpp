#include "tunnel/io/gre_socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <utility>

#include "tunnel/io/clock.h"
#include "tunnel/io/gre_filter.h"
#include "tunnel/io/socket_address.h"

namespace pptp::io {
namespace {

// RFC 791 3.1.
constexpr std::size_t kIpHeaderMin = 20;
constexpr std::uint8_t kIpVersion = 4;
constexpr std::uint8_t kIpProtocolGre = 47;

// The kernel's own mark of a local or remote cause is a pending error, which the next system call
// returns instead of doing its work; more than so many in a row are new ones, and can wait.
constexpr int kPendingErrors = 8;

// RFC 792, RFC 1812 5.2.7.1: codes of Destination Unreachable that mean "not allowed".
bool is_prohibited(std::uint8_t code) noexcept {
  return code == ICMP_NET_ANO || code == ICMP_HOST_ANO || code == ICMP_PKT_FILTERED;
}

GreTrouble::Kind kind_of_errno(int error) noexcept {
  switch (error) {
    case EPERM:
    case EACCES:
      return GreTrouble::Kind::firewall;
    case EMSGSIZE:
      return GreTrouble::Kind::too_big;
    case EHOSTUNREACH:
    case EHOSTDOWN:
      return GreTrouble::Kind::host_unreachable;
    case ENETUNREACH:
    case ENETDOWN:
      return GreTrouble::Kind::net_unreachable;
    default:
      return GreTrouble::Kind::other;
  }
}

GreTrouble::Kind kind_of_icmp(const sock_extended_err& error) noexcept {
  if (error.ee_type != ICMP_DEST_UNREACH) return kind_of_errno(static_cast<int>(error.ee_errno));
  // Linux's own GRE modules answer with port unreachable, which for GRE says the same.
  if (error.ee_code == ICMP_PROT_UNREACH || error.ee_code == ICMP_PORT_UNREACH)
    return GreTrouble::Kind::protocol_unreachable;
  if (is_prohibited(error.ee_code)) return GreTrouble::Kind::prohibited;
  return kind_of_errno(static_cast<int>(error.ee_errno));
}

template <class Value>
int set_option(int fd, int level, int option, const Value& value) noexcept {
  return ::setsockopt(fd, level, option, &value, sizeof value) == 0 ? 0 : errno;
}

template <std::size_t N>
int attach(int fd, std::array<sock_filter, N> filter) noexcept {
  const sock_fprog program{static_cast<unsigned short>(N), filter.data()};
  return set_option(fd, SOL_SOCKET, SO_ATTACH_FILTER, program);
}

// The two shapes of an item in a batch.
Packet& packet_of(Packet& item) noexcept {
  return item;
}

Packet& packet_of(GreDatagram& item) noexcept {
  return item.packet;
}

void note_addresses(Packet&, const OuterAddresses&) noexcept {}

void note_addresses(GreDatagram& item, const OuterAddresses& addresses) noexcept {
  item.local = addresses.destination;
  item.peer = addresses.source;
}

Ipv4Address peer_of(const Packet&) noexcept {
  return {};
}

Ipv4Address peer_of(const GreDatagram& item) noexcept {
  return item.peer;
}

}  // namespace

/// What recvmmsg() and sendmmsg() are told, kept between calls.
struct GreSocket::Batch {
  struct alignas(cmsghdr) Control {
    std::array<std::uint8_t, CMSG_SPACE(sizeof(in_pktinfo))> octets;
  };

  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> buffers{};
  std::array<sockaddr_in, kBatch> addresses{};
  std::array<Control, kBatch> controls{};

  void set(std::size_t i, MutableBytes octets) noexcept {
    buffers[i] = {octets.data(), octets.size()};
    messages[i] = {};
    messages[i].msg_hdr.msg_iov = &buffers[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }

  void set_destination(std::size_t, const Packet&) noexcept {}

  void set_destination(std::size_t i, const GreDatagram& item) noexcept {
    msghdr& header = messages[i].msg_hdr;
    addresses[i] = to_sockaddr(item.peer);
    header.msg_name = &addresses[i];
    header.msg_namelen = sizeof addresses[i];
    if (item.local.is_zero()) return;
    header.msg_control = controls[i].octets.data();
    header.msg_controllen = controls[i].octets.size();
    cmsghdr* const control = CMSG_FIRSTHDR(&header);
    control->cmsg_level = IPPROTO_IP;
    control->cmsg_type = IP_PKTINFO;
    control->cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
    in_pktinfo info{};
    info.ipi_spec_dst = to_in_addr(item.local);
    std::memcpy(CMSG_DATA(control), &info, sizeof info);
  }
};

GreSocket::GreSocket(UniqueFd fd, std::unique_ptr<Batch> batch) noexcept
    : fd_(std::move(fd)), batch_(std::move(batch)) {}

GreSocket::GreSocket(GreSocket&&) noexcept = default;

GreSocket& GreSocket::operator=(GreSocket&&) noexcept = default;

GreSocket::~GreSocket() = default;

IoResult<UniqueFd> GreSocket::open_raw(const GreOptions& options) {
  UniqueFd fd(::socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_GRE));
  if (!fd)
    return failure(errno, "cannot open a GRE socket",
                   errno == EPERM ? "CAP_NET_RAW is missing: run it as root, or use setcap" : "");
  // Before anything else, so that as little as possible of other calls' gets in.
  if (const int error = attach(fd.fd(), filter_nothing()); error != 0)
    return failure(error, "cannot filter the GRE socket");
  if (options.mark != 0) {
    if (const int error = set_option(fd.fd(), SOL_SOCKET, SO_MARK, options.mark); error != 0)
      return failure(error, "cannot mark the GRE socket");
  }
  // Without ICMP's explanations it works as well.
  (void)set_option(fd.fd(), IPPROTO_IP, IP_RECVERR, 1);
  (void)set_option(fd.fd(), IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
  // Buffers beyond net.core.rmem_max need CAP_NET_ADMIN; else as much as one may have.
  if (set_option(fd.fd(), SOL_SOCKET, SO_RCVBUFFORCE, options.receive_buffer) != 0)
    (void)set_option(fd.fd(), SOL_SOCKET, SO_RCVBUF, options.receive_buffer);
  if (set_option(fd.fd(), SOL_SOCKET, SO_SNDBUFFORCE, options.send_buffer) != 0)
    (void)set_option(fd.fd(), SOL_SOCKET, SO_SNDBUF, options.send_buffer);
  return fd;
}

IoResult<void> GreSocket::set_dont_fragment(bool dont_fragment) {
  const int policy = dont_fragment ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT;
  if (const int error = set_option(fd_.fd(), IPPROTO_IP, IP_MTU_DISCOVER, policy); error != 0)
    return failure(error, "cannot set DF for GRE");
  return {};
}

template <class Item>
std::size_t GreSocket::receive_items(PacketPool& pool, std::span<Item> items) noexcept {
  items = items.first(std::min(items.size(), kBatch));
  // A whole batch is not prepared for the few packets that there mostly are.
  const std::size_t asked = std::min(expected_, items.size());
  Taken taken = take_items(pool, items.first(asked));
  if (taken.prepared == 0) drop_one_unread();
  if (taken.received == asked && asked < items.size()) {
    const Taken more = take_items(pool, items.subspan(taken.good, items.size() - asked));
    taken.received += more.received;
    taken.good += more.good;
  }
  expected_ = std::clamp(2 * taken.received, kFew, kBatch);
  return taken.good;
}

template <class Item>
GreSocket::Taken GreSocket::take_items(PacketPool& pool, std::span<Item> items) noexcept {
  std::size_t ready = 0;
  for (Item& item : items) {
    Packet& packet = packet_of(item);
    if (!packet.has_slot()) packet = pool.acquire();
    if (!packet.has_slot()) break;
    batch_->set(ready++, packet.refill());
  }
  if (ready == 0) return {};
  const auto ready_count = static_cast<unsigned>(ready);
  int count = -1;
  for (int attempt = 0; count < 0 && attempt < kPendingErrors; ++attempt) {
    count = ::recvmmsg(fd_.fd(), batch_->messages.data(), ready_count, MSG_DONTWAIT, nullptr);
    if (count >= 0 || errno == EINTR) continue;
    // What woke us may have been an ICMP error alone; it must be taken, or it wakes us for ever.
    const bool nothing_there = errno == EAGAIN;
    read_error_queue();
    if (nothing_there) break;
  }

  const auto received = static_cast<std::size_t>(std::max(count, 0));
  std::size_t good = 0;
  for (std::size_t i = 0; i < ready; ++i) {
    Packet& packet = packet_of(items[i]);
    if (i >= received) {
      packet.truncate(0);
      continue;
    }
    packet.truncate(batch_->messages[i].msg_len);
    const bool whole = (batch_->messages[i].msg_hdr.msg_flags & MSG_TRUNC) == 0;
    const auto addresses = whole ? take_outer_header(packet) : std::nullopt;
    if (!addresses) {
      drops_.count(Drop::outer_malformed);
      packet.truncate(0);
      continue;
    }
    note_addresses(items[i], *addresses);
    if (good != i) std::swap(items[good], items[i]);
    ++good;
  }
  return {.prepared = ready, .received = received, .good = good};
}

void GreSocket::drop_one_unread() noexcept {
  if (::recv(fd_.fd(), nullptr, 0, MSG_DONTWAIT | MSG_TRUNC) >= 0)
    drops_.count(Drop::no_slot);
  else
    read_error_queue();
}

template <class Item>
std::size_t GreSocket::send_items(std::span<Item> items) noexcept {
  std::size_t sent = 0;
  while (!items.empty()) {
    const std::size_t count = std::min(items.size(), kBatch);
    for (std::size_t i = 0; i < count; ++i) {
      batch_->set(i, packet_of(items[i]).mutable_bytes());
      batch_->set_destination(i, items[i]);
    }
    const int done = ::sendmmsg(fd_.fd(), batch_->messages.data(), static_cast<unsigned>(count),
                                MSG_DONTWAIT | MSG_NOSIGNAL);
    if (done > 0) {
      sent += static_cast<std::size_t>(done);
      items = items.subspan(static_cast<std::size_t>(done));
      continue;
    }
    if (errno == EINTR) continue;
    send_failed(errno, peer_of(items.front()));
    items = items.subspan(1);
  }
  return sent;
}

void GreSocket::count_unsent(std::size_t packets) noexcept {
  drops_.count(Drop::outer_unsent, packets);
}

void GreSocket::send_failed(int error, Ipv4Address peer) noexcept {
  drops_.count(Drop::outer_unsent);
  // Interop note 3.7e: a full queue, the socket's or the interface's, is a lost packet and no more.
  if (error == ENOBUFS || error == EAGAIN) return;
  GreTrouble trouble{kind_of_errno(error), error, 0, peer, std::nullopt};
  if (trouble.kind == GreTrouble::Kind::too_big) {
    // The error queue knows the MTU, for the server too; IP_MTU only that of a connected socket.
    if (read_error_queue()) return;
    int mtu = 0;
    socklen_t size = sizeof mtu;
    if (::getsockopt(fd_.fd(), IPPROTO_IP, IP_MTU, &mtu, &size) == 0 && mtu > 0)
      trouble.mtu = static_cast<std::uint32_t>(mtu);
  }
  report(trouble);
}

/// Reports what waits in the error queue, and clears the pending error. Whether there was any.
bool GreSocket::read_error_queue() noexcept {
  bool any = false;
  for (std::size_t i = 0; i < kBatch; ++i) {
    struct alignas(cmsghdr) {
      std::array<std::uint8_t, 256> octets;
    } control;

    sockaddr_in destination{};
    msghdr header{};
    header.msg_name = &destination;
    header.msg_namelen = sizeof destination;
    header.msg_control = control.octets.data();
    header.msg_controllen = control.octets.size();
    if (::recvmsg(fd_.fd(), &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) break;
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr;
         part = CMSG_NXTHDR(&header, part)) {
      if (part->cmsg_level != IPPROTO_IP || part->cmsg_type != IP_RECVERR) continue;
      if (part->cmsg_len < CMSG_LEN(sizeof(sock_extended_err))) continue;
      sock_extended_err error{};
      std::memcpy(&error, CMSG_DATA(part), sizeof error);
      GreTrouble trouble;
      trouble.error = static_cast<int>(error.ee_errno);
      trouble.kind =
          error.ee_origin == SO_EE_ORIGIN_ICMP ? kind_of_icmp(error) : kind_of_errno(trouble.error);
      if (trouble.kind == GreTrouble::Kind::too_big) trouble.mtu = error.ee_info;
      if (header.msg_namelen == sizeof destination)
        trouble.peer = from_in_addr(destination.sin_addr);
      sockaddr_in offender{};
      if (error.ee_origin == SO_EE_ORIGIN_ICMP &&
          part->cmsg_len >= CMSG_LEN(sizeof error + sizeof offender)) {
        std::memcpy(&offender, CMSG_DATA(part) + sizeof error, sizeof offender);
        if (offender.sin_family == AF_INET) trouble.reporter = from_in_addr(offender.sin_addr);
      }
      any = true;
      report(trouble);
    }
  }
  int pending = 0;
  socklen_t size = sizeof pending;
  (void)::getsockopt(fd_.fd(), SOL_SOCKET, SO_ERROR, &pending, &size);
  return any;
}

/// Empties both queues: what slipped in before the first filter stood, and ICMP errors that are
/// somebody else's. The filter lets nothing follow.
void GreSocket::forget_waiting() noexcept {
  int errors = 0;
  while (errors < kPendingErrors) {
    if (::recv(fd_.fd(), nullptr, 0, MSG_DONTWAIT | MSG_TRUNC) >= 0) continue;
    if (errno == EAGAIN && ::recv(fd_.fd(), nullptr, 0, MSG_DONTWAIT | MSG_ERRQUEUE) < 0) break;
    ++errors;
  }
}

void GreSocket::report(const GreTrouble& trouble) noexcept {
  if (on_trouble_) on_trouble_(trouble);
}

IoResult<GreClientSocket> GreClientSocket::open(const GreOptions& options) {
  auto fd = open_raw(options);
  if (!fd) return std::unexpected(std::move(fd).error());
  return GreClientSocket(std::move(*fd), std::make_unique<Batch>());
}

IoResult<void> GreClientSocket::connect(Ipv4Address local, Ipv4Address server, CallId call) {
  const std::string between = "GRE between " + local.text() + " and " + server.text();
  const sockaddr_in from = to_sockaddr(local);
  const sockaddr_in to = to_sockaddr(server);
  if (::bind(fd(), generic(from), sizeof from) != 0)
    return failure(errno, "cannot bind " + between);
  if (::connect(fd(), generic(to), sizeof to) != 0)
    return failure(errno, "cannot connect " + between);
  forget_waiting();
  if (const int error = attach(fd(), filter_call(call)); error != 0)
    return failure(error, "cannot filter " + between);
  return {};
}

std::size_t GreClientSocket::receive(PacketPool& pool, std::span<Packet> packets) noexcept {
  return receive_items(pool, packets);
}

IoResult<void> GreClientSocket::send_by_packet_socket(Ipv4Address server) {
  auto sender = GrePacketSender::open(fd(), server);
  if (!sender) return std::unexpected(std::move(sender).error());
  by_packet_ = *std::move(sender);
  return {};
}

std::size_t GreClientSocket::send(std::span<Packet> packets) noexcept {
  if (!by_packet_ || packets.empty()) return send_items(packets);
  std::size_t sent = 0;
  if (by_packet_->follow(engine_now())) {
    sent = send_items(packets.first(1));
    by_packet_->confirm(sent == 1);
    packets = packets.subspan(1);
  }
  const auto [done, taken] = by_packet_->send(packets);
  count_unsent(done - taken);
  return sent + taken + send_items(packets.subspan(done));
}

IoResult<GreClientSocket> GreClientSocket::second() const {
  UniqueFd same = duplicate(fd());
  if (!same) return failure(errno, "cannot hold the GRE socket twice");
  GreClientSocket second(std::move(same), std::make_unique<Batch>());
  if (!by_packet_) return second;
  if (auto opened = second.send_by_packet_socket(by_packet_->server()); !opened)
    return std::unexpected(std::move(opened).error());
  return second;
}

IoResult<GreServerSocket> GreServerSocket::open(Ipv4Address local, const GreOptions& options) {
  auto fd = open_raw(options);
  if (!fd) return std::unexpected(std::move(fd).error());
  const sockaddr_in at = to_sockaddr(local);
  if (::bind(fd->fd(), generic(at), sizeof at) != 0)
    return failure(errno, "cannot bind GRE to " + local.text());
  if (const int error = attach(fd->fd(), filter_enhanced_gre()); error != 0)
    return failure(error, "cannot filter the GRE socket");
  return GreServerSocket(std::move(*fd), std::make_unique<Batch>());
}

std::size_t GreServerSocket::receive(PacketPool& pool, std::span<GreDatagram> datagrams) noexcept {
  return receive_items(pool, datagrams);
}

std::size_t GreServerSocket::send(std::span<GreDatagram> datagrams) noexcept {
  return send_items(datagrams);
}

std::optional<OuterAddresses> take_outer_header(Packet& packet) noexcept {
  Reader reader(packet.bytes());
  const std::uint8_t version_and_ihl = reader.u8();
  reader.skip(1);
  const std::size_t total_length = reader.u16();
  reader.skip(5);
  const std::uint8_t protocol = reader.u8();
  reader.skip(2);
  const Ipv4Address source(reader.u32());
  const Ipv4Address destination(reader.u32());
  const std::size_t header_length = std::size_t{4} * (version_and_ihl & 0x0fU);
  if (!reader.ok() || version_and_ihl >> 4 != kIpVersion || protocol != kIpProtocolGre ||
      header_length < kIpHeaderMin || total_length < header_length || total_length > packet.size())
    return std::nullopt;
  packet.truncate(total_length);
  packet.pop_front(header_length);
  return OuterAddresses{source, destination};
}

}  // namespace pptp::io
