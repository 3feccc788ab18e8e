#include "auth/chap_packet.h"

#include <algorithm>
#include <array>
#include <utility>

#include "lib/coded_packet.h"
#include "lib/narrow.h"

namespace pptp {
namespace {

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
  begin_coded(out, std::to_underlying(kCode), packet.identifier);
  out.u8(narrow<std::uint8_t>(packet.value.size()));
  out.bytes(packet.value);
  out.bytes(as_bytes(packet.name.substr(0, out.room())));
}

template <ChapCode kCode>
void write(Writer& out, const ChapResult<kCode>& packet) noexcept {
  begin_coded(out, std::to_underlying(kCode), packet.identifier);
  out.bytes(as_bytes(packet.message.substr(0, out.room())));
}

template <ChapCode kCode>
void write(Writer& out, const ChapChange<kCode>& packet) noexcept {
  begin_coded(out, std::to_underlying(kCode), packet.identifier);
  out.bytes(packet.data);
}

}  // namespace

Result<ChapPacket> parse_chap(Bytes packet) noexcept {
  const Result<CodedPacket> coded = parse_coded(packet);
  if (!coded) return std::unexpected(coded.error());
  const Identifier identifier = coded->identifier;
  const Reader data(coded->data);
  switch (coded->code) {
    case std::to_underlying(ChapCode::challenge):
      return with_value<ChapChallenge>(identifier, data);
    case std::to_underlying(ChapCode::response):
      return with_value<ChapResponse>(identifier, data);
    case std::to_underlying(ChapCode::success):
      return with_message<ChapSuccess>(identifier, data);
    case std::to_underlying(ChapCode::failure):
      return with_message<ChapFailure>(identifier, data);
    case std::to_underlying(ChapCode::change_password_v2):
      return ChapChangePasswordV2{identifier, coded->data};
    case std::to_underlying(ChapCode::change_password):
      return ChapChangePassword{identifier, coded->data};
    default:
      return std::unexpected(Error::unsupported);
  }
}

std::vector<std::uint8_t> build(const ChapPacket& packet) {
  std::array<std::uint8_t, kMaxChapPacket> buffer;
  Writer out(buffer);
  std::visit([&out](const auto& kind) { write(out, kind); }, packet);
  end_coded(out);
  const Bytes written = out.written();
  return {written.begin(), written.end()};
}

}  // namespace pptp
