#include "lib/ip_packet.h"

namespace pptp {
namespace {

constexpr std::size_t kMinimalHeader = 20;
constexpr std::size_t kSourceOffset = 12;
constexpr std::size_t kDestinationOffset = 16;

// RFC 8200 3.
constexpr std::size_t kIpv6PayloadLengthOffset = 4;
constexpr std::size_t kIpv6DestinationOffset = 24;
constexpr std::size_t kIpv6AddressSize = 16;

}  // namespace

std::optional<std::size_t> ipv4_length(Bytes octets) noexcept {
  if (octets.size() < kMinimalHeader || octets[0] >> 4 != 4) return std::nullopt;
  const std::size_t header = static_cast<std::size_t>(octets[0] & 15) * 4;
  const std::size_t total = static_cast<std::size_t>(octets[2]) << 8 | octets[3];
  if (header < kMinimalHeader || total < header || total > octets.size()) return std::nullopt;
  return total;
}

std::optional<std::size_t> ipv6_length(Bytes octets) noexcept {
  if (octets.size() < kIpv6Header || octets[0] >> 4 != 6) return std::nullopt;
  const std::size_t total = kIpv6Header + u16_at(octets, kIpv6PayloadLengthOffset);
  if (total > octets.size()) return std::nullopt;
  return total;
}

Bytes ipv6_destination(Bytes packet) noexcept {
  return packet.subspan(kIpv6DestinationOffset, kIpv6AddressSize);
}

Ipv4Address ipv4_source(Bytes packet) noexcept {
  return Ipv4Address(Reader(packet.subspan(kSourceOffset)).u32());
}

Ipv4Address ipv4_destination(Bytes packet) noexcept {
  return Ipv4Address(Reader(packet.subspan(kDestinationOffset)).u32());
}

std::uint16_t adjusted_checksum(std::uint16_t checksum, std::uint32_t before,
                                std::uint32_t after) noexcept {
  std::uint32_t sum = static_cast<std::uint16_t>(~checksum);
  sum += (~before >> 16) + (~before & 0xffff);
  sum += (after >> 16) + (after & 0xffff);
  while (sum >> 16 != 0)
    sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum & 0xffff);
}

std::uint16_t internet_checksum(Bytes octets, std::uint32_t before) noexcept {
  std::uint32_t sum = before;
  for (std::size_t i = 0; i + 1 < octets.size(); i += 2) {
    sum += static_cast<std::uint32_t>(octets[i]) << 8 | octets[i + 1];
  }
  if (octets.size() % 2 != 0) sum += static_cast<std::uint32_t>(octets.back()) << 8;
  while (sum >> 16 != 0)
    sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum & 0xffff);
}

std::uint32_t pseudo_header_sum(Ipv4Address source, Ipv4Address destination, std::uint8_t protocol,
                                std::size_t length) noexcept {
  std::uint32_t sum = protocol + static_cast<std::uint32_t>(length);
  for (const Ipv4Address address : {source, destination})
    sum += (address.value() >> 16) + (address.value() & 0xffff);
  return sum;
}

}  // namespace pptp
