#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/address_text.h"
#include "apps/ending.h"
#include "tunnel/io/resolve.h"
#include "tunnel/io/tcp_stream.h"

namespace pptp::app {

/// Looks up the server and connects to the first of its addresses that takes a connection.
class Dialer {
 public:
  struct Request {
    HostPort server;
    /// Addresses that the server had before: tried after those that its name stands for now, and at
    /// once where nobody can say within kPatience what it stands for, or is not to be asked.
    std::vector<Ipv4Address> known = {};
    bool by_name = true;                          ///< without known ones it is asked in any case
    std::uint32_t mark = 0;                       ///< SO_MARK of the connection; 0: none
    Duration timeout = std::chrono::seconds(10);  ///< for each address
  };

  /// How long name servers are waited for where an address is known.
  static constexpr Duration kPatience = std::chrono::seconds(4);

  /// Told of each address before it is tried; an error: it cannot be.
  using Trying = std::function<io::IoResult<void>(io::TcpEndpoint)>;
  /// Called once: a connection, or why there is none, which for several addresses is what the last
  /// one came to.
  using Done = std::function<void(io::IoResult<io::TcpStream>)>;

  Dialer(io::EventLoop& loop, Request request, Trying trying, Done done);
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;

  /// What the server's name stands for; empty: nobody has said.
  const std::vector<Ipv4Address>& found() const noexcept { return found_; }

 private:
  void looked_up(io::IoResult<std::vector<Ipv4Address>> found);
  void begin();
  void try_next();
  void tried(io::IoResult<io::TcpStream> stream);

  io::EventLoop& loop_;
  Request request_;
  Trying trying_;
  Done done_;
  std::vector<Ipv4Address> found_;
  std::vector<Ipv4Address> addresses_;
  std::size_t next_ = 0;
  std::optional<io::TcpConnector> connector_;
  std::optional<io::Lookup> lookup_;
  io::Timer patience_;
};

/// What a connection that could not be made comes to. Once there is an address, whatever our own
/// kernel has against it (a prohibiting or blackhole route) is a server that cannot be reached.
Ending ending_of_dial(const io::IoError& error, bool looked_up, const EndingContext& context);

}  // namespace pptp::app
