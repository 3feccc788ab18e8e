#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/address_text.h"
#include "tunnel/io/resolve.h"
#include "tunnel/io/tcp_stream.h"

namespace pptp::app {

/// Looks up the server and connects to the first of its addresses that takes a connection.
class Dialer {
 public:
  struct Request {
    HostPort server;
    std::uint32_t mark = 0;                       ///< SO_MARK of the connection; 0: none
    Duration timeout = std::chrono::seconds(10);  ///< for each address
  };

  /// Told of each address before it is tried.
  using Trying = std::function<void(io::TcpEndpoint)>;
  /// Called once: a connection, or why there is none, which for several addresses is what the last
  /// one came to.
  using Done = std::function<void(io::IoResult<io::TcpStream>)>;

  Dialer(io::EventLoop& loop, Request request, Trying trying, Done done);
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;

 private:
  void try_next();

  io::EventLoop& loop_;
  Request request_;
  Trying trying_;
  Done done_;
  std::vector<Ipv4Address> addresses_;
  std::size_t next_ = 0;
  std::optional<io::TcpConnector> connector_;
  io::Lookup lookup_;
};

}  // namespace pptp::app
