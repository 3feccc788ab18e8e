#include "tunnel/tcp_segment.h"

#include "lib/ip_packet.h"

namespace pptp {
namespace {

constexpr std::size_t kIpv4Protocol = 9;
constexpr std::uint16_t kMoreFragmentsOrOffset = 0x3fff;

// RFC 8200 3 and 4.
constexpr std::size_t kIpv6NextHeader = 6;

constexpr std::uint8_t kHopByHop = 0;
constexpr std::uint8_t kRouting = 43;
constexpr std::uint8_t kDestinationOptions = 60;

std::optional<std::size_t> tcp_offset_in_ipv4(Bytes packet) noexcept {
  if (!ipv4_length(packet) || packet[kIpv4Protocol] != kTcpProtocol) return std::nullopt;
  if ((u16_at(packet, kIpv4Fragment) & kMoreFragmentsOrOffset) != 0) return std::nullopt;
  return static_cast<std::size_t>(packet[0] & 15) * 4;
}

std::optional<std::size_t> tcp_offset_in_ipv6(Bytes packet) noexcept {
  const std::optional<std::size_t> length = ipv6_length(packet);
  if (!length) return std::nullopt;
  std::size_t at = kIpv6Header;
  std::uint8_t next = packet[kIpv6NextHeader];
  while (next == kHopByHop || next == kRouting || next == kDestinationOptions) {
    if (*length - at < 8) return std::nullopt;
    const std::size_t header = (std::size_t{packet[at + 1]} + 1) * 8;
    if (header > *length - at) return std::nullopt;
    next = packet[at];
    at += header;
  }
  return next == kTcpProtocol ? std::optional(at) : std::nullopt;
}

}  // namespace

std::optional<std::size_t> tcp_offset(Bytes packet) noexcept {
  if (packet.empty()) return std::nullopt;
  return packet[0] >> 4 == 6 ? tcp_offset_in_ipv6(packet) : tcp_offset_in_ipv4(packet);
}

std::optional<std::size_t> tcp_header_size(Bytes segment) noexcept {
  if (segment.size() < kTcpHeader) return std::nullopt;
  const std::size_t size = static_cast<std::size_t>(segment[kTcpDataOffset] >> 4) * 4;
  if (size < kTcpHeader || size > segment.size()) return std::nullopt;
  return size;
}

Bytes ip_addresses(Bytes packet) noexcept {
  return packet[0] >> 4 == 6 ? packet.subspan(8, 32) : packet.subspan(12, 8);
}

std::uint32_t tcp_pseudo_header_sum(Bytes addresses, std::size_t length) noexcept {
  const auto sum = static_cast<std::uint16_t>(~internet_checksum(addresses));
  return sum + kTcpProtocol + static_cast<std::uint32_t>(length);
}

}  // namespace pptp
