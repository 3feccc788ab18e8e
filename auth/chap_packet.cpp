#include "auth/chap_packet.h"

#include <algorithm>
#include <array>
#include <utility>

#include "lib/narrow.h"

namespace pptp {
namespace {

constexpr std::size_t kHeaderSize = 4;
constexpr std::size_t kLengthOffset = 2;

template <class Packet>
Result<ChapPacket> with_value(Identifier identifier, Reader data) noexcept {
  const std::size_t size = data.u8();
  const Bytes value = data.take(size);
  if (!data.ok()) return std::unexpected(Error::bad_length);
  // RFC 1994 4.1: the Value field is one or more octets.
  if (value.empty()) return std::unexpected(Error::bad_value);
  return Packet{identifier, value, as_text(data.rest())};
}

template <class Packet>
Result<ChapPacket> with_message(Identifier identifier, Reader data) noexcept {
  return Packet{identifier, as_text(data.rest())};
}

template <ChapCode kCode>
void write(Writer& out, const ChapWithValue<kCode>& packet) noexcept {
  out.u8(std::to_underlying(kCode));
  out.u8(packet.identifier.value());
  out.u16(0);  // Length, known at the end
  out.u8(narrow<std::uint8_t>(packet.value.size()));
  out.bytes(packet.value);
  out.bytes(as_bytes(packet.name.substr(0, out.room())));
}

template <ChapCode kCode>
void write(Writer& out, const ChapResult<kCode>& packet) noexcept {
  out.u8(std::to_underlying(kCode));
  out.u8(packet.identifier.value());
  out.u16(0);  // Length, known at the end
  out.bytes(as_bytes(packet.message.substr(0, out.room())));
}

void write(Writer& out, const ChapChangePassword& packet) noexcept {
  out.u8(std::to_underlying(ChapCode::change_password));
  out.u8(packet.identifier.value());
  out.u16(0);  // Length, known at the end
  out.bytes(packet.data);
}

}  // namespace

Result<ChapPacket> parse_chap(Bytes packet) noexcept {
  Reader header(packet);
  const std::uint8_t code = header.u8();
  const Identifier identifier(header.u8());
  const std::size_t length = header.u16();
  if (!header.ok()) return std::unexpected(Error::truncated);
  if (length < kHeaderSize) return std::unexpected(Error::bad_length);
  Reader data(header.take(length - kHeaderSize));
  if (!header.ok()) return std::unexpected(Error::truncated);
  switch (code) {
    case std::to_underlying(ChapCode::challenge):
      return with_value<ChapChallenge>(identifier, data);
    case std::to_underlying(ChapCode::response):
      return with_value<ChapResponse>(identifier, data);
    case std::to_underlying(ChapCode::success):
      return with_message<ChapSuccess>(identifier, data);
    case std::to_underlying(ChapCode::failure):
      return with_message<ChapFailure>(identifier, data);
    case std::to_underlying(ChapCode::change_password):
      return ChapChangePassword{identifier, data.rest()};
    default:
      return std::unexpected(Error::unsupported);
  }
}

std::vector<std::uint8_t> build(const ChapPacket& packet) {
  std::array<std::uint8_t, kMaxChapPacket> buffer;
  Writer out(buffer);
  std::visit([&out](const auto& kind) { write(out, kind); }, packet);
  out.patch_u16(kLengthOffset, narrow<std::uint16_t>(out.size()));
  const Bytes written = out.written();
  return {written.begin(), written.end()};
}

}  // namespace pptp
