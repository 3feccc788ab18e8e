#include "auth/eap_packet.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "lib/narrow.h"

namespace pptp {
namespace {

constexpr std::size_t kHeaderSize = 4;
constexpr std::size_t kLengthOffset = 2;
constexpr std::size_t kMaxPacket = 1500;

constexpr bool has_type(EapCode code) noexcept {
  return code == EapCode::request || code == EapCode::response;
}

}  // namespace

Result<EapPacket> parse_eap(Bytes packet) noexcept {
  Reader header(packet);
  EapPacket parsed;
  const std::uint8_t code = header.u8();
  parsed.identifier = Identifier(header.u8());
  const std::size_t length = header.u16();
  if (!header.ok()) return std::unexpected(Error::truncated);
  if (length < kHeaderSize) return std::unexpected(Error::bad_length);
  Reader data(header.take(length - kHeaderSize));
  if (!header.ok()) return std::unexpected(Error::truncated);
  if (code < std::to_underlying(EapCode::request) || code > std::to_underlying(EapCode::failure)) {
    return std::unexpected(Error::unsupported);
  }
  parsed.code = static_cast<EapCode>(code);
  if (!has_type(parsed.code)) return parsed;
  parsed.type = data.u8();
  if (!data.ok()) return std::unexpected(Error::bad_length);
  parsed.data = data.rest();
  return parsed;
}

std::vector<std::uint8_t> build(const EapPacket& packet) {
  std::array<std::uint8_t, kMaxPacket> buffer;
  Writer out(buffer);
  out.u8(std::to_underlying(packet.code));
  out.u8(packet.identifier.value());
  out.u16(0);  // Length, known at the end
  if (has_type(packet.code)) {
    out.u8(packet.type);
    out.bytes(packet.data.first(std::min(packet.data.size(), out.room())));
  }
  out.patch_u16(kLengthOffset, narrow<std::uint16_t>(out.size()));
  const Bytes written = out.written();
  return {written.begin(), written.end()};
}

}  // namespace pptp
