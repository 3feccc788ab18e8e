#include "tunnel/vnet_header.h"

namespace pptp {
namespace {

// virtio 1.2, 5.1.6.
constexpr std::uint8_t kNeedsChecksum = 1;
constexpr std::uint8_t kGsoNone = 0;
constexpr std::uint8_t kGsoTcpv4 = 1;
constexpr std::uint8_t kGsoTcpv6 = 4;
constexpr std::uint8_t kGsoEcn =
    0x80;  ///< the first segment has CWR, which its header says as well

std::uint16_t little_endian(Reader& reader) noexcept {
  const std::uint16_t big = reader.u16();
  return static_cast<std::uint16_t>(big << 8 | big >> 8);
}

void put_little_endian(Writer& out, std::uint16_t value) noexcept {
  out.u8(static_cast<std::uint8_t>(value & 0xff));
  out.u8(static_cast<std::uint8_t>(value >> 8));
}

std::uint8_t gso_type(VnetHeader::Segments segments) noexcept {
  switch (segments) {
    case VnetHeader::Segments::none:
      break;
    case VnetHeader::Segments::tcp_ipv4:
      return kGsoTcpv4;
    case VnetHeader::Segments::tcp_ipv6:
      return kGsoTcpv6;
  }
  return kGsoNone;
}

}  // namespace

Result<VnetHeader> VnetHeader::parse(Reader& reader) noexcept {
  VnetHeader header;
  header.needs_checksum = (reader.u8() & kNeedsChecksum) != 0;
  const std::uint8_t type = reader.u8();
  header.header_size = little_endian(reader);
  header.segment_size = little_endian(reader);
  header.checksum_start = little_endian(reader);
  header.checksum_offset = little_endian(reader);
  if (!reader.ok()) return std::unexpected(Error::truncated);
  if (type == kGsoNone) return header;
  switch (type & ~kGsoEcn) {
    case kGsoTcpv4:
      header.segments = Segments::tcp_ipv4;
      break;
    case kGsoTcpv6:
      header.segments = Segments::tcp_ipv6;
      break;
    default:
      return std::unexpected(Error::unsupported);
  }
  if (header.segment_size == 0) return std::unexpected(Error::bad_value);
  return header;
}

void VnetHeader::write(Writer& out) const noexcept {
  out.u8(needs_checksum ? kNeedsChecksum : 0);
  out.u8(gso_type(segments));
  put_little_endian(out, header_size);
  put_little_endian(out, segment_size);
  put_little_endian(out, checksum_start);
  put_little_endian(out, checksum_offset);
}

}  // namespace pptp
