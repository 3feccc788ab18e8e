#include "tunnel/mss_clamp.h"

#include <optional>

#include "lib/ip_packet.h"
#include "tunnel/tcp_segment.h"

namespace pptp {
namespace {

// RFC 9293 3.2.
constexpr std::uint8_t kEndOfOptions = 0;
constexpr std::uint8_t kNoOperation = 1;
constexpr std::uint8_t kMaximumSegmentSize = 2;
constexpr std::size_t kMssOption = 4;

/// The TCP segment in `packet`; empty when that is not what it holds.
MutableBytes tcp_in(MutableBytes packet) noexcept {
  const std::optional<std::size_t> offset = tcp_offset(packet);
  if (!offset) return {};
  return packet.first(*ip_length(packet)).subspan(*offset);
}

/// Where in a SYN the option's value is.
std::optional<std::size_t> find_mss(Bytes tcp) noexcept {
  const std::optional<std::size_t> end = tcp_header_size(tcp);
  if (!end || (tcp[kTcpFlags] & kTcpSyn) == 0) return std::nullopt;
  for (std::size_t at = kTcpHeader; at < *end && tcp[at] != kEndOfOptions;) {
    if (tcp[at] == kNoOperation) {
      ++at;
      continue;
    }
    if (*end - at < 2) return std::nullopt;
    const std::size_t length = tcp[at + 1];
    if (length < 2 || length > *end - at) return std::nullopt;
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
  const MutableBytes tcp = tcp_in(packet);
  const std::optional<std::size_t> at = find_mss(tcp);
  if (!at) return false;
  // RFC 6691: the fixed headers count, options do not.
  const std::size_t headers = (packet[0] >> 4 == 4 ? kIpv4Header : kIpv6Header) + kTcpHeader;
  const std::uint16_t announced = u16_at(tcp, *at);
  if (mtu <= headers || announced <= mtu - headers) return false;
  const auto allowed = static_cast<std::uint16_t>(mtu - headers);
  put_u16(tcp, *at, allowed);
  put_u16(
      tcp, kTcpChecksum,
      adjusted_checksum(u16_at(tcp, kTcpChecksum), summand(announced, *at), summand(allowed, *at)));
  return true;
}

}  // namespace pptp
