#pragma once

#include <optional>
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

diagnosis::Problem problem_of(const Ending& ending);

/// What keeps this process from using the profile here.
std::vector<std::pair<diagnosis::Step, diagnosis::Problem>> missing_here(const Profile& profile);

/// The packet filter, where nft is there and lets us read it, and the conntrack helper for PPTP.
diagnosis::SeenFirewall look_at_firewall();

struct WayToServer {
  diagnosis::SeenRoute route;
  Ipv4Address source;  ///< our address on it
};

/// nullopt: there is none.
std::optional<WayToServer> look_at_route(Ipv4Address server);

/// The TCP connections of this host to the server's PPTP port: "10.0.0.2:4711 -> 192.0.2.1:1723".
std::vector<std::string> connections_to(io::TcpEndpoint server);

/// The same from the text of /proc/net/tcp.
std::vector<std::string> connections_to(io::TcpEndpoint server, const std::string& table);

/// Addresses that nobody on the Internet sends to (RFC 1918, RFC 6598).
bool is_private(Ipv4Address address) noexcept;

}  // namespace pptp::app
