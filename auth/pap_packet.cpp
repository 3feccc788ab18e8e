#include "auth/pap_packet.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "lib/coded_packet.h"
#include "lib/narrow.h"
#include "lib/secret.h"

namespace pptp {
namespace {

constexpr std::size_t kMaxText = 255;
constexpr std::size_t kMaxPacket = CodedPacket::kHeaderSize + 2 * (1 + kMaxText);

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
  begin_coded(out, std::to_underlying(PapCode::request), packet.identifier);
  put_text(out, packet.user);
  put_text(out, packet.password);
}

template <PapCode kCode>
void write(Writer& out, const PapResult<kCode>& packet) noexcept {
  begin_coded(out, std::to_underlying(kCode), packet.identifier);
  put_text(out, packet.message);
}

}  // namespace

Result<PapPacket> parse_pap(Bytes packet) noexcept {
  const Result<CodedPacket> coded = parse_coded(packet);
  if (!coded) return std::unexpected(coded.error());
  const Identifier identifier = coded->identifier;
  const Reader data(coded->data);
  switch (coded->code) {
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
  end_coded(out);
  const Bytes written = out.written();
  std::vector<std::uint8_t> octets(written.begin(), written.end());
  wipe(buffer);
  return octets;
}

}  // namespace pptp
