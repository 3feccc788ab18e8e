#include "mppe/plausible.h"

#include <algorithm>
#include <array>
#include <optional>

#include "lib/ip_packet.h"

namespace pptp {
namespace {

// PPP protocol numbers (IANA); those below 0x100 may come as one octet.
constexpr std::uint16_t kIpv4 = 0x0021;
constexpr std::uint16_t kVjCompressed = 0x002d;
constexpr std::uint16_t kVjUncompressed = 0x002f;
constexpr std::uint16_t kIpv6 = 0x0057;

// RFC 791 3.1.
constexpr std::size_t kIpv4ProtocolOffset = 9;
constexpr std::uint8_t kTcp = 6;
constexpr std::size_t kLongestIpv4Header = 60;

Bytes ipv4_header(Bytes packet) noexcept {
  return packet.first(static_cast<std::size_t>(packet[0] & 15) * 4);
}

Plausibility ipv4(Bytes packet) noexcept {
  if (!ipv4_length(packet)) return Plausibility::none;
  return internet_checksum(ipv4_header(packet)) == 0 ? Plausibility::strong : Plausibility::none;
}

/// RFC 1144 3.2.2: a packet with a connection number in the place of its protocol, which was TCP;
/// its checksum is still that of the packet as it was.
Plausibility vj_uncompressed(Bytes packet) noexcept {
  if (!ipv4_length(packet)) return Plausibility::none;
  const Bytes sent = ipv4_header(packet);
  std::array<std::uint8_t, kLongestIpv4Header> header{};
  std::ranges::copy(sent, header.begin());
  header[kIpv4ProtocolOffset] = kTcp;
  // Weak, not none: a receiver makes the checksum anew, so a sender may leave anything there.
  return internet_checksum(Bytes(header).first(sent.size())) == 0 ? Plausibility::strong
                                                                  : Plausibility::weak;
}

/// RFC 1144 3.2.2: the change mask, whose highest bit is not used, and the TCP checksum.
Plausibility vj_compressed(Bytes packet) noexcept {
  return packet.size() >= 3 && (packet[0] & 0x80) == 0 ? Plausibility::weak : Plausibility::none;
}

Plausibility ipv6(Bytes packet) noexcept {
  const std::optional<std::size_t> length = ipv6_length(packet);
  if (!length) return Plausibility::none;
  // There is no checksum; without an exact length (RFC 1661 5 allows padding) little speaks for it.
  return *length == packet.size() ? Plausibility::strong : Plausibility::weak;
}

}  // namespace

Plausibility plausibility(Bytes packet) noexcept {
  Reader reader(packet);
  std::uint16_t protocol = reader.u8();
  if ((protocol & 1) == 0) protocol = static_cast<std::uint16_t>(protocol << 8 | reader.u8());
  const Bytes information = reader.rest();
  if (protocol == kIpv4) return ipv4(information);
  if (protocol == kVjCompressed) return vj_compressed(information);
  if (protocol == kVjUncompressed) return vj_uncompressed(information);
  if (protocol == kIpv6) return ipv6(information);
  return Plausibility::none;
}

}  // namespace pptp
