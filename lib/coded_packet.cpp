#include "lib/coded_packet.h"

#include "lib/narrow.h"

namespace pptp {
namespace {

constexpr std::size_t kLengthOffset = 2;

}  // namespace

Result<CodedPacket> parse_coded(Bytes packet) noexcept {
  Reader header(packet);
  CodedPacket parsed;
  parsed.code = header.u8();
  parsed.identifier = Identifier(header.u8());
  const std::size_t length = header.u16();
  if (!header.ok()) return std::unexpected(Error::truncated);
  if (length < CodedPacket::kHeaderSize) return std::unexpected(Error::bad_length);
  parsed.data = header.take(length - CodedPacket::kHeaderSize);
  if (!header.ok()) return std::unexpected(Error::truncated);
  parsed.whole = packet.first(length);
  return parsed;
}

void begin_coded(Writer& out, std::uint8_t code, Identifier identifier) noexcept {
  out.u8(code);
  out.u8(identifier.value());
  out.u16(0);
}

void end_coded(Writer& out) noexcept {
  out.patch_u16(kLengthOffset, narrow<std::uint16_t>(out.size()));
}

}  // namespace pptp
