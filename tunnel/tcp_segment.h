#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "lib/bytes.h"

namespace pptp {

// RFC 9293 3.1: where the fields of a segment are, and its flags.
inline constexpr std::size_t kTcpHeader = 20;  ///< without options
inline constexpr std::size_t kTcpSequence = 4;
inline constexpr std::size_t kTcpAcknowledgement = 8;
inline constexpr std::size_t kTcpDataOffset = 12;
inline constexpr std::size_t kTcpFlags = 13;
inline constexpr std::size_t kTcpWindow = 14;
inline constexpr std::size_t kTcpChecksum = 16;
inline constexpr std::size_t kTcpUrgentPointer = 18;
inline constexpr std::uint8_t kTcpFin = 0x01;
inline constexpr std::uint8_t kTcpSyn = 0x02;
inline constexpr std::uint8_t kTcpPsh = 0x08;
inline constexpr std::uint8_t kTcpAck = 0x10;
inline constexpr std::uint8_t kTcpCwr = 0x80;

// RFC 791 3.1 and RFC 8200 3: fields of the packet's own header.
inline constexpr std::size_t kIpv4Header = 20;  ///< without options
inline constexpr std::size_t kIpv4TotalLength = 2;
inline constexpr std::size_t kIpv4Identification = 4;
inline constexpr std::size_t kIpv4Fragment = 6;
inline constexpr std::size_t kIpv4HeaderChecksum = 10;
inline constexpr std::size_t kIpv6PayloadLength = 4;
inline constexpr std::uint16_t kIpv4DontFragment = 0x4000;

inline constexpr std::uint8_t kTcpProtocol = 6;

/// Octets before the TCP segment in an IPv4 packet or, behind extension headers, in an IPv6 one.
/// Empty when that is not what it begins with, and for a fragment. The segment, which may be cut
/// short, ends where the packet's own length says.
std::optional<std::size_t> tcp_offset(Bytes packet) noexcept;

/// Octets of the segment's header, which is all there; empty: it says less or more.
std::optional<std::size_t> tcp_header_size(Bytes segment) noexcept;

/// Source and destination, one behind the other, of a packet for which tcp_offset() has a value.
Bytes ip_addresses(Bytes packet) noexcept;

/// The sum of the pseudo-header of `length` octets of TCP (RFC 9293 3.1) between such addresses.
/// Not with an IPv6 routing header, which names another destination.
std::uint32_t tcp_pseudo_header_sum(Bytes addresses, std::size_t length) noexcept;

}  // namespace pptp
