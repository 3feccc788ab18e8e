#pragma once

#include <cstdint>

#include "lib/ipv4.h"
#include "lib/time.h"
#include "tunnel/io/io_error.h"
#include "tunnel/io/unique_fd.h"

namespace pptp::app::demo {

class NetNamespace;

/// The two ends of one TCP connection.
struct TcpPair {
  io::UniqueFd client;
  io::UniqueFd server;
};

/// Connects from one namespace to an address of the other. Leaves the calling thread in one of
/// them.
io::IoResult<TcpPair> connect_tcp(const NetNamespace& client, const NetNamespace& server,
                                  Ipv4Address server_address);

struct TransferResult {
  std::uint64_t octets = 0;  ///< that arrived
  Duration took{};           ///< from the first octet sent to the last one received

  double megabits_per_second() const noexcept;
};

/// Sends kMarker over and over for `length`, as fast as it goes, and reads it at the other end. An
/// error when the connection breaks or nothing arrives for some seconds. Ends the sending direction
/// of the connection.
io::IoResult<TransferResult> transfer(int from, int to, Duration length);

}  // namespace pptp::app::demo
