#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "lib/drops.h"
#include "lib/ids.h"
#include "lib/ipv4.h"
#include "lib/packet.h"
#include "tunnel/gre.h"
#include "tunnel/io/gre_packet_sender.h"
#include "tunnel/io/io_error.h"
#include "tunnel/io/unique_fd.h"

namespace pptp::io {

struct GreOptions {
  std::uint32_t mark = 0;                ///< SO_MARK; 0: none
  int receive_buffer = 4 * 1024 * 1024;  ///< octets; beyond the host's limit where we may
  int send_buffer = 1024 * 1024;         ///< octets
};

/// What became of GRE packets on their way, as our kernel or an ICMP message says. Nothing of it
/// ends the socket: it tells why no answer may come.
struct GreTrouble {
  enum class Kind : std::uint8_t {
    firewall,              ///< our own host refuses to send (EPERM, EACCES)
    too_big,               ///< longer than `mtu`, the path's or the interface's
    protocol_unreachable,  ///< ICMP: the peer's host does not take GRE
    prohibited,            ///< ICMP: a router or firewall on the way refuses it
    host_unreachable,
    net_unreachable,
    other,  ///< `error` says what
  };

  Kind kind = Kind::other;
  int error = 0;                        ///< errno
  std::uint32_t mtu = 0;                ///< too_big: whole IP packets of at most so many octets
  Ipv4Address peer;                     ///< where the packet was to go; zero: not known
  std::optional<Ipv4Address> reporter;  ///< who sent the ICMP message; nullopt: our own host
};

/// What both ends' sockets share: a raw IPv4 socket for protocol 47 whose kernel filter lets
/// nothing through but enhanced GRE (RFC 2637 4.1). Packets come out without their IP header,
/// trimmed to its total length, and go in without one.
class GreSocket {
 public:
  /// Called from inside send() and receive(); must not destroy the socket.
  using TroubleHandler = std::function<void(const GreTrouble&)>;

  /// Packets moved by one system call.
  static constexpr std::size_t kBatch = 64;

  int fd() const noexcept { return fd_.fd(); }

  void on_trouble(TroubleHandler handler) { on_trouble_ = std::move(handler); }

  /// Whether outer packets carry DF, and are refused (too_big) when longer than the path's MTU;
  /// otherwise they are fragmented. At first they are not.
  IoResult<void> set_dont_fragment(bool dont_fragment);

  /// outer_malformed, no_slot and outer_unsent.
  const Drops& drops() const noexcept { return drops_; }

 protected:
  struct Batch;

  GreSocket(UniqueFd fd, std::unique_ptr<Batch> batch) noexcept;
  GreSocket(GreSocket&&) noexcept;
  GreSocket& operator=(GreSocket&&) noexcept;
  ~GreSocket();

  static IoResult<UniqueFd> open_raw(const GreOptions& options);

  template <class Item>
  std::size_t receive_items(PacketPool& pool, std::span<Item> items) noexcept;
  template <class Item>
  std::size_t send_items(std::span<Item> items) noexcept;

  void forget_waiting() noexcept;
  void count_unsent(std::size_t packets) noexcept;

 private:
  /// Packets that are prepared for at least.
  static constexpr std::size_t kFew = 8;

  /// Packets that there were slots for, that one system call has put there, and that are as they
  /// must be.
  struct Taken {
    std::size_t prepared = 0;
    std::size_t received = 0;
    std::size_t good = 0;
  };

  template <class Item>
  Taken take_items(PacketPool& pool, std::span<Item> items) noexcept;
  void drop_one_unread() noexcept;
  bool read_error_queue() noexcept;
  void send_failed(int error, Ipv4Address peer) noexcept;
  void report(const GreTrouble& trouble) noexcept;

  UniqueFd fd_;
  std::unique_ptr<Batch> batch_;
  std::size_t expected_ = kBatch;  ///< to be received at once
  TroubleHandler on_trouble_;
  Drops drops_;
};

/// A client's end of one call. Opened before the first control message is sent: a host without any
/// GRE socket answers the server's first packets with ICMP protocol unreachable. Until connect()
/// it takes nothing.
class GreClientSocket : public GreSocket {
 public:
  static IoResult<GreClientSocket> open(const GreOptions& options);

  /// Takes and sends only between the control connection's two addresses (interop note 3.24: NAT
  /// and servers match on them), and only what carries `call` in its key. Nothing that came before
  /// is left.
  IoResult<void> connect(Ipv4Address local, Ipv4Address server, CallId call);

  /// From now on send() uses a packet socket wherever it can; see GrePacketSender. Once, after
  /// connect() to `server`.
  IoResult<void> send_by_packet_socket(Ipv4Address server);

  /// Which way packets went, once there is a choice.
  std::optional<SentCounts> sent_by() const noexcept {
    return by_packet_ ? std::optional(by_packet_->counts()) : std::nullopt;
  }

  /// Takes at most packets.size() packets without waiting and returns how many; the first that many
  /// of `packets` hold them, GRE header first. Slots that are missing are taken from `pool`;
  /// without any, packets are lost and counted as no_slot.
  std::size_t receive(PacketPool& pool, std::span<Packet> packets) noexcept;

  /// Sends all packets, GRE header first, and returns how many the kernel took; the others are lost
  /// and counted. The packets' slots stay the caller's.
  std::size_t send(std::span<Packet> packets) noexcept;

  /// Another hold on the same socket, with drops, counts and a trouble handler of its own: one
  /// thread may send by it while another receives by this one.
  IoResult<GreClientSocket> second() const;

 private:
  using GreSocket::GreSocket;

  std::unique_ptr<GrePacketSender> by_packet_;
};

/// A server's socket for all calls on one listening address, or on all addresses of the host.
class GreServerSocket : public GreSocket {
 public:
  /// `local`: zero for all.
  static IoResult<GreServerSocket> open(Ipv4Address local, const GreOptions& options);

  /// As the client's.
  std::size_t receive(PacketPool& pool, std::span<GreDatagram> datagrams) noexcept;
  std::size_t send(std::span<GreDatagram> datagrams) noexcept;

 private:
  using GreSocket::GreSocket;
};

struct OuterAddresses {
  Ipv4Address source;
  Ipv4Address destination;
};

/// Takes the IPv4 header off a packet as a raw socket delivers it, and what lies beyond its total
/// length off the end. nullopt, and the packet is as it was: no IPv4 header, or it lies.
std::optional<OuterAddresses> take_outer_header(Packet& packet) noexcept;

}  // namespace pptp::io
