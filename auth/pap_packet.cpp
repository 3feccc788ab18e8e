#include "auth/pap_packet.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "lib/narrow.h"
#include "lib/secret.h"

namespace pptp {
namespace {

constexpr std::size_t kHeaderSize = 4;
constexpr std::size_t kLengthOffset = 2;
constexpr std::size_t kMaxText = 255;
constexpr std::size_t kMaxPacket = kHeaderSize + 2 * (1 + kMaxText);

/// A text with its length before it in one octet.
std::string_view take_text(Reader& in) noexcept {
  const std::size_t size = in.u8();
  return as_text(in.take(size));
}

void put_text(Writer& out, std::string_view text) noexcept {
  text = text.substr(0, kMaxText);
  out.u8(narrow<std::uint8_t>(text.size()));
  out.bytes(as_bytes(text));
}

Result<PapPacket> request(Identifier identifier, Reader data) noexcept {
  PapRequest packet{identifier, {}, {}};
  packet.user = take_text(data);
  packet.password = take_text(data);
  if (!data.ok()) return std::unexpected(Error::bad_length);
  return packet;
}

template <class Packet>
Result<PapPacket> result(Identifier identifier, Reader data) noexcept {
  if (data.remaining() == 0) return Packet{identifier, {}};
  const std::string_view message = take_text(data);
  if (!data.ok()) return std::unexpected(Error::bad_length);
  return Packet{identifier, message};
}

void write(Writer& out, const PapRequest& packet) noexcept {
  out.u8(std::to_underlying(PapCode::request));
  out.u8(packet.identifier.value());
  out.u16(0);  // Length, known at the end
  put_text(out, packet.user);
  put_text(out, packet.password);
}

template <PapCode kCode>
void write(Writer& out, const PapResult<kCode>& packet) noexcept {
  out.u8(std::to_underlying(kCode));
  out.u8(packet.identifier.value());
  out.u16(0);  // Length, known at the end
  put_text(out, packet.message);
}

}  // namespace

Result<PapPacket> parse_pap(Bytes packet) noexcept {
  Reader header(packet);
  const std::uint8_t code = header.u8();
  const Identifier identifier(header.u8());
  const std::size_t length = header.u16();
  if (!header.ok()) return std::unexpected(Error::truncated);
  if (length < kHeaderSize) return std::unexpected(Error::bad_length);
  const Reader data(header.take(length - kHeaderSize));
  if (!header.ok()) return std::unexpected(Error::truncated);
  switch (code) {
    case std::to_underlying(PapCode::request):
      return request(identifier, data);
    case std::to_underlying(PapCode::ack):
      return result<PapAck>(identifier, data);
    case std::to_underlying(PapCode::nak):
      return result<PapNak>(identifier, data);
    default:
      return std::unexpected(Error::unsupported);
  }
}

std::vector<std::uint8_t> build(const PapPacket& packet) {
  std::array<std::uint8_t, kMaxPacket> buffer;
  Writer out(buffer);
  std::visit([&out](const auto& kind) { write(out, kind); }, packet);
  out.patch_u16(kLengthOffset, narrow<std::uint16_t>(out.size()));
  const Bytes written = out.written();
  std::vector<std::uint8_t> octets(written.begin(), written.end());
  wipe(buffer);
  return octets;
}

}  // namespace pptp
