#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "lib/bytes.h"
#include "lib/ipv4.h"
#include "lib/time.h"
#include "tunnel/io/event_loop.h"
#include "tunnel/io/io_error.h"

namespace pptp::io {

/// An IPv4 TCP address.
struct TcpEndpoint {
  Ipv4Address address;
  std::uint16_t port = 0;
};

/// An established TCP connection. Its handlers are called from the loop; when it goes, the
/// connection ends and no handler is called any more.
class TcpStream {
 public:
  /// The next octets, by reference, valid during the call.
  using Received = std::function<void(Bytes)>;
  /// Once, and nothing comes after it: the peer closed (fault peer_closed, error 0), or the
  /// connection broke, or more piled up than the peer reads.
  using Ended = std::function<void(const IoError&)>;

  /// Octets waiting to be sent, beyond which the connection is given up: PPTP's control messages
  /// are small, and a peer that does not read them is not there.
  static constexpr std::size_t kSendLimit = 64 * 1024;

  /// After finish_sending(): how long to wait for the peer to close. Closing while something that
  /// it has sent is unread takes our last word away from it.
  static constexpr Duration kLinger = std::chrono::seconds(1);

  TcpStream(TcpStream&&) noexcept;
  TcpStream& operator=(TcpStream&&) noexcept;
  ~TcpStream();

  TcpEndpoint local() const noexcept;
  TcpEndpoint peer() const noexcept;

  /// Starts reading. Before that nothing is received and no end is noticed.
  void start(Received received, Ended ended);

  /// Queues a copy of `octets`. After the end it does nothing.
  void send(Bytes octets);

  /// What is queued is still sent, then the sending side is closed; reading goes on.
  void finish_sending();

  /// Octets queued and not yet handed to the kernel.
  std::size_t unsent() const noexcept;

 private:
  friend class TcpConnector;
  friend class TcpListener;
  struct Impl;

  explicit TcpStream(std::shared_ptr<Impl> impl) noexcept;

  std::shared_ptr<Impl> impl_;
};

struct TcpTarget {
  TcpEndpoint to;
  std::uint32_t mark = 0;  ///< SO_MARK, set before connecting; 0: none
  Duration timeout = std::chrono::seconds(10);
};

/// Connects to a server; goes away early to give up.
class TcpConnector {
 public:
  /// Called once. Faults: refused, timed_out, net_unreachable, no_route, permission (the mark, or a
  /// firewall's answer), system.
  using Done = std::function<void(IoResult<TcpStream>)>;

  TcpConnector(EventLoop& loop, const TcpTarget& target, Done done);
  TcpConnector(TcpConnector&&) noexcept;
  TcpConnector& operator=(TcpConnector&&) noexcept;
  ~TcpConnector();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

/// Accepts connections for as long as it lives.
class TcpListener {
 public:
  using Accepted = std::function<void(TcpStream)>;

  /// Port 0: any free one, see local(). Faults: address_in_use, permission, system.
  static IoResult<TcpListener> open(EventLoop& loop, TcpEndpoint at, Accepted accepted);

  TcpListener(TcpListener&&) noexcept;
  TcpListener& operator=(TcpListener&&) noexcept;
  ~TcpListener();

  TcpEndpoint local() const noexcept;

 private:
  struct Impl;

  explicit TcpListener(std::shared_ptr<Impl> impl) noexcept;

  std::shared_ptr<Impl> impl_;
};

}  // namespace pptp::io
