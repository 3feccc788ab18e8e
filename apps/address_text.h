#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "lib/ipv4.h"
#include "tunnel/io/ipv4_prefix.h"

namespace pptp::app {

// How hosts and addresses are written in configuration files. A text that is not one is answered
// with what is wrong with it and what to write instead.

struct TextError {
  std::string message;
  std::string hint;
};

template <class T>
using TextResult = std::expected<T, TextError>;

/// RFC 2637 1: the port of the control connection.
inline constexpr std::uint16_t kPptpPort = 1723;

struct HostPort {
  std::string host;  ///< a name or an IPv4 address
  std::uint16_t port = kPptpPort;
};

/// host or host:port.
TextResult<HostPort> parse_host_port(std::string_view text);

/// 10.0.0.0/8.
TextResult<io::Ipv4Prefix> parse_prefix(std::string_view text);

TextResult<Ipv4Address> parse_address(std::string_view text);

/// Whether a host can have it as its own: not in 0.0.0.0/8, not loopback, not multicast or beyond.
bool is_usable(Ipv4Address address) noexcept;

}  // namespace pptp::app
