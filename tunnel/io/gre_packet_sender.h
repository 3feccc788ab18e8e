#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string_view>

#include "lib/counts.h"
#include "lib/ipv4.h"
#include "lib/packet.h"
#include "lib/time.h"
#include "tunnel/io/io_error.h"
#include "tunnel/io/ipsec_policies.h"
#include "tunnel/io/netlink.h"
#include "tunnel/io/unique_fd.h"

namespace pptp::io {

/// Which socket took a GRE packet, and why it was not the packet socket.
enum class SentBy : std::uint8_t {
  packet_socket,
  raw_to_confirm,    ///< one in each interval: the kernel sends it, and looks after the neighbour
  raw_refused,       ///< the kernel would not have a packet, of the one socket or the other
  raw_too_long,      ///< for the interface or the path
  raw_unknown,       ///< the kernel did not say what was asked of it
  raw_ipsec,         ///< the host has IPsec policies
  raw_no_route,      ///< or the interface is down
  raw_not_ethernet,  ///< loopback, a tunnel, an encapsulating route, an IPv6 next hop
  raw_no_neighbour,  ///< the link address of the next hop is not known
  raw_neighbour_stale,  ///< nothing says that it is still right
  count_
};

std::string_view name(SentBy way) noexcept;

using SentCounts = Counts<SentBy>;  ///< of packets

/// Sends by AF_PACKET what a connected raw socket would send as GRE, and is quicker: the way is
/// looked up once in kInterval, not for each packet, and netfilter, connection tracking and IPsec
/// do not get to see what is sent.
///
/// Only over an Ethernet, and only to a next hop that the kernel would send to at once as well; the
/// rest is the raw socket's to send. That also has the kernel ask for the next hop, and notice what
/// has become of it.
class GrePacketSender {
 public:
  /// What has changed in the host's tables is followed after so long at the latest.
  static constexpr Duration kInterval = std::chrono::seconds(1);

  /// Packets moved by one system call.
  static constexpr std::size_t kBatch = 64;

  /// `raw`: bound, connected to `server`, and open for longer than this. Its mark, DF and TTL are
  /// these packets' as well.
  static IoResult<std::unique_ptr<GrePacketSender>> open(int raw, Ipv4Address server);

  GrePacketSender(const GrePacketSender&) = delete;
  GrePacketSender& operator=(const GrePacketSender&) = delete;
  ~GrePacketSender();

  /// Before each send(). True, once in each interval: the way has been looked up anew, and the next
  /// packet has to go by the raw socket; confirm() is told whether it went.
  bool follow(TimePoint now);
  void confirm(bool went) noexcept;

  struct Sent {
    std::size_t done = 0;   ///< the first so many are sent or lost; the others are the raw socket's
    std::size_t taken = 0;  ///< so many of these the kernel had room for
  };

  /// Leaves the packets as they are.
  Sent send(std::span<Packet> packets) noexcept;

  const SentCounts& counts() const noexcept { return counts_; }

  Ipv4Address server() const noexcept { return server_; }

 private:
  struct Way {
    unsigned device = 0;
    LinkAddress next_hop{};
    std::uint32_t mtu = 0;
  };

  struct Batch;

  GrePacketSender(UniqueFd fd, Netlink netlink, IpsecPolicies ipsec, int raw, Ipv4Address local,
                  Ipv4Address server);

  std::expected<Way, SentBy> look_up();
  void set_header();
  std::size_t make_ready(std::span<Packet> packets) noexcept;
  Sent send_ready(std::size_t ready) noexcept;

  UniqueFd fd_;
  Netlink netlink_;
  IpsecPolicies ipsec_;
  int raw_;
  Ipv4Address local_;
  Ipv4Address server_;
  std::expected<Way, SentBy> way_ = std::unexpected(SentBy::raw_unknown);
  Deadline way_ends_;
  std::unique_ptr<Batch> batch_;
  SentCounts counts_{};
};

}  // namespace pptp::io
