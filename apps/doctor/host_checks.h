#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "apps/ending.h"
#include "apps/profile.h"
#include "diagnosis/checkup.h"
#include "lib/ipv4.h"
#include "tunnel/io/tcp_stream.h"

namespace pptp::app {

// Looks at this host. Nothing is changed.

/// What keeps this process from using the profile here.
std::vector<std::pair<diagnosis::Step, diagnosis::Problem>> missing_here(const Profile& profile);

/// Where a call goes.
struct Destination {
  io::TcpEndpoint server;
  std::uint32_t mark = 0;  ///< SO_MARK of what is sent there; 0: none
  /// Our port of the call's own control connection; 0: there is none yet.
  std::uint16_t our_port = 0;
};

/// The route, other tunnels and NAT.
void look_at_way(const Destination& to, diagnosis::Checkup& seen);

/// The TCP connections of this host to the server's PPTP port, but for the call's own, from the
/// text of /proc/net/tcp: "10.0.0.2:4711 -> 192.0.2.1:1723".
std::vector<std::string> connections_to(const Destination& to, const std::string& table);

/// What two addresses tell of NAT between them, which can only be guessed.
diagnosis::SeenNat guess_nat(Ipv4Address ours, Ipv4Address server);

/// Addresses that nobody on the Internet sends to (RFC 1918, RFC 6598).
bool is_private(Ipv4Address address) noexcept;

}  // namespace pptp::app
