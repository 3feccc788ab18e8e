#include "apps/demo/wire_count.h"

#include <numeric>

#include "lib/ipv4.h"

namespace pptp::app::demo {
namespace {

constexpr std::size_t kEthernetAddresses = 12;
constexpr std::uint16_t kEtherTypeIpv4 = 0x0800;

// RFC 791 3.1.
constexpr std::size_t kUpToFragment = 5;  // type of service, total length, identification
constexpr std::uint16_t kFragmentOffset = 0x1fff;
constexpr std::uint8_t kProtocolTcp = 6;
constexpr std::uint8_t kProtocolGre = 47;
constexpr std::size_t kFixedHeader = 20;

// RFC 2637 4.1.
constexpr std::uint16_t kSequencePresent = 0x1000;
constexpr std::uint16_t kAcknowledgementPresent = 0x0080;
constexpr std::uint16_t kVersion = 0x0007;
constexpr std::uint16_t kEnhancedGre = 1;
constexpr std::uint16_t kPppInGre = 0x880b;
constexpr std::size_t kCallId = 2;

constexpr std::uint16_t kControlPort = 1723;

// RFC 1662 3.1, RFC 1661 2.
constexpr std::uint8_t kAddress = 0xff;
constexpr std::uint8_t kControl = 0x03;
constexpr std::uint16_t kCompressedDatagram = 0x00fd;
constexpr std::uint16_t kFirstNotNetworkLayer = 0x4000;

// RFC 3078 3.1: bit D, in the first octet.
constexpr std::uint8_t kEncrypted = 0x10;

Sight look_at_ppp(Bytes frame) noexcept {
  if (frame.size() >= 2 && frame[0] == kAddress && frame[1] == kControl) frame = frame.subspan(2);
  Reader reader(frame);
  // RFC 1661 6.5: the low octet alone where it is odd; never 0xff, which is an address.
  std::uint16_t protocol = reader.u8();
  if (protocol % 2 == 0) protocol = static_cast<std::uint16_t>(protocol << 8 | reader.u8());
  if (!reader.ok() || protocol == kAddress) return Sight::other;
  if (protocol == kCompressedDatagram) {
    const bool enciphered = (reader.u8() & kEncrypted) != 0;
    return !reader.ok() ? Sight::other : enciphered ? Sight::enciphered : Sight::clear;
  }
  return protocol < kFirstNotNetworkLayer ? Sight::clear : Sight::negotiation;
}

Sight look_at_gre(Reader packet) noexcept {
  const std::uint16_t flags = packet.u16();
  const std::uint16_t protocol = packet.u16();
  const std::uint16_t payload = packet.u16();
  packet.skip(kCallId);
  if ((flags & kSequencePresent) != 0) packet.skip(4);
  if ((flags & kAcknowledgementPresent) != 0) packet.skip(4);
  if (!packet.ok() || (flags & kVersion) != kEnhancedGre || protocol != kPppInGre)
    return Sight::other;
  if ((flags & kSequencePresent) == 0 || payload == 0) return Sight::acknowledgement;
  return look_at_ppp(packet.rest());
}

Sight look_at_ipv4(Reader packet, const io::Ipv4Prefix& inner) noexcept {
  const std::size_t header = static_cast<std::size_t>(packet.u8() & 15) * 4;
  packet.skip(kUpToFragment);
  const bool later_fragment = (packet.u16() & kFragmentOffset) != 0;
  packet.skip(1);
  const std::uint8_t protocol = packet.u8();
  packet.skip(2);
  const Ipv4Address source(packet.u32());
  const Ipv4Address destination(packet.u32());
  if (!packet.ok() || header < kFixedHeader) return Sight::other;
  if (inner.contains(source) || inner.contains(destination)) return Sight::clear;
  packet.skip(header - kFixedHeader);
  if (later_fragment) return Sight::other;
  if (protocol == kProtocolGre) return look_at_gre(packet);
  const std::uint16_t from = packet.u16();
  const std::uint16_t to = packet.u16();
  const bool to_server = packet.ok() && (from == kControlPort || to == kControlPort);
  return protocol == kProtocolTcp && to_server ? Sight::control : Sight::other;
}

}  // namespace

Sight look_at(Bytes frame, const io::Ipv4Prefix& inner) noexcept {
  if (as_text(frame).find(kMarker) != std::string_view::npos) return Sight::clear;
  Reader reader(frame);
  reader.skip(kEthernetAddresses);
  if (reader.u16() != kEtherTypeIpv4) return Sight::other;
  return look_at_ipv4(reader, inner);
}

std::uint64_t WireCount::total() const noexcept {
  return std::accumulate(seen.begin(), seen.end(), std::uint64_t{0});
}

}  // namespace pptp::app::demo
