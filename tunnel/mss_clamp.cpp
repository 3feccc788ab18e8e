#include "tunnel/mss_clamp.h"

#include <optional>

#include "lib/ip_packet.h"

namespace pptp {
namespace {

// RFC 9293 3.1 and 3.2.
constexpr std::size_t kTcpHeader = 20;
constexpr std::size_t kDataOffset = 12;
constexpr std::size_t kFlags = 13;
constexpr std::size_t kChecksum = 16;
constexpr std::uint8_t kSyn = 0x02;
constexpr std::uint8_t kEndOfOptions = 0;
constexpr std::uint8_t kNoOperation = 1;
constexpr std::uint8_t kMaximumSegmentSize = 2;
constexpr std::size_t kMssOption = 4;

// RFC 791 3.1.
constexpr std::size_t kIpv4Header = 20;
constexpr std::size_t kIpv4Fragment = 6;
constexpr std::size_t kIpv4Protocol = 9;
constexpr std::uint16_t kMoreFragmentsOrOffset = 0x3fff;

// RFC 8200 3 and 4.
constexpr std::size_t kIpv6NextHeader = 6;

constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kHopByHop = 0;
constexpr std::uint8_t kRouting = 43;
constexpr std::uint8_t kDestinationOptions = 60;

/// The TCP segment in `packet`; empty when that is not what it holds.
MutableBytes tcp_in_ipv4(MutableBytes packet) noexcept {
  const std::optional<std::size_t> length = ipv4_length(packet);
  if (!length || packet[kIpv4Protocol] != kTcp) return {};
  if ((u16_at(packet, kIpv4Fragment) & kMoreFragmentsOrOffset) != 0) return {};
  const std::size_t header = static_cast<std::size_t>(packet[0] & 15) * 4;
  return packet.subspan(header, *length - header);
}

MutableBytes tcp_in_ipv6(MutableBytes packet) noexcept {
  const std::optional<std::size_t> length = ipv6_length(packet);
  if (!length) return {};
  MutableBytes rest = packet.first(*length).subspan(kIpv6Header);
  std::uint8_t next = packet[kIpv6NextHeader];
  while (next == kHopByHop || next == kRouting || next == kDestinationOptions) {
    if (rest.size() < 8) return {};
    const std::size_t header = (std::size_t{rest[1]} + 1) * 8;
    if (header > rest.size()) return {};
    next = rest[0];
    rest = rest.subspan(header);
  }
  return next == kTcp ? rest : MutableBytes();
}

/// Where in a SYN the option's value is.
std::optional<std::size_t> find_mss(Bytes tcp) noexcept {
  if (tcp.size() < kTcpHeader || (tcp[kFlags] & kSyn) == 0) return std::nullopt;
  const std::size_t end = static_cast<std::size_t>(tcp[kDataOffset] >> 4) * 4;
  if (end < kTcpHeader || end > tcp.size()) return std::nullopt;
  for (std::size_t at = kTcpHeader; at < end && tcp[at] != kEndOfOptions;) {
    if (tcp[at] == kNoOperation) {
      ++at;
      continue;
    }
    if (end - at < 2) return std::nullopt;
    const std::size_t length = tcp[at + 1];
    if (length < 2 || length > end - at) return std::nullopt;
    if (tcp[at] == kMaximumSegmentSize) {
      return length == kMssOption ? std::optional(at + 2) : std::nullopt;
    }
    at += length;
  }
  return std::nullopt;
}

/// The value as the checksum sees it: its halves swap places where it begins at an odd offset.
std::uint16_t summand(std::uint16_t value, std::size_t offset) noexcept {
  return offset % 2 == 0 ? value : static_cast<std::uint16_t>(value << 8 | value >> 8);
}

}  // namespace

bool clamp_mss(MutableBytes packet, std::size_t mtu) noexcept {
  if (packet.empty()) return false;
  const unsigned version = packet[0] >> 4;
  const MutableBytes tcp = version == 4   ? tcp_in_ipv4(packet)
                           : version == 6 ? tcp_in_ipv6(packet)
                                          : MutableBytes();
  const std::optional<std::size_t> at = find_mss(tcp);
  if (!at) return false;
  // RFC 6691: the fixed headers count, options do not.
  const std::size_t headers = (version == 4 ? kIpv4Header : kIpv6Header) + kTcpHeader;
  const std::uint16_t announced = u16_at(tcp, *at);
  if (mtu <= headers || announced <= mtu - headers) return false;
  const auto allowed = static_cast<std::uint16_t>(mtu - headers);
  put_u16(tcp, *at, allowed);
  put_u16(
      tcp, kChecksum,
      adjusted_checksum(u16_at(tcp, kChecksum), summand(announced, *at), summand(allowed, *at)));
  return true;
}

}  // namespace pptp
