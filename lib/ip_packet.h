#pragma once

#include <cstddef>
#include <optional>

#include "lib/bytes.h"
#include "lib/ipv4.h"

namespace pptp {

/// Octets of the IPv4 packet that `octets` begins with, by its own total length: at most
/// octets.size(), so that padding behind it can be cut. Empty when this cannot be an IPv4 packet
/// (version, header length, total length).
std::optional<std::size_t> ipv4_length(Bytes octets) noexcept;

/// Whether `octets` is one IPv4 packet and nothing else.
inline bool is_whole_ipv4(Bytes octets) noexcept {
  return ipv4_length(octets) == octets.size();
}

/// RFC 8200 3: octets of the header before any extension.
inline constexpr std::size_t kIpv6Header = 40;

/// The same of the IPv6 packet that `octets` begins with. A jumbogram (RFC 2675) is none.
std::optional<std::size_t> ipv6_length(Bytes octets) noexcept;

/// The same of a packet of either version.
std::optional<std::size_t> ip_length(Bytes octets) noexcept;

/// The destination's 16 octets, of a packet for which ipv6_length() has a value.
Bytes ipv6_destination(Bytes packet) noexcept;

/// Source and destination of a packet for which ipv4_length() has a value.
Ipv4Address ipv4_source(Bytes packet) noexcept;
Ipv4Address ipv4_destination(Bytes packet) noexcept;

/// RFC 1624 3: an Internet checksum after 32 bits that it covers have changed.
std::uint16_t adjusted_checksum(std::uint16_t checksum, std::uint32_t before,
                                std::uint32_t after) noexcept;

/// RFC 1071: zero over octets that hold a right Internet checksum; else what to put into its field.
/// `before`: a sum of what stands before them, such as a pseudo-header.
std::uint16_t internet_checksum(Bytes octets, std::uint32_t before = 0) noexcept;

}  // namespace pptp
