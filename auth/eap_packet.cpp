#include "auth/eap_packet.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "lib/coded_packet.h"

namespace pptp {
namespace {

constexpr std::size_t kMaxPacket = 1500;

constexpr bool has_type(EapCode code) noexcept {
  return code == EapCode::request || code == EapCode::response;
}

}  // namespace

Result<EapPacket> parse_eap(Bytes packet) noexcept {
  const Result<CodedPacket> coded = parse_coded(packet);
  if (!coded) return std::unexpected(coded.error());
  const std::uint8_t code = coded->code;
  if (code < std::to_underlying(EapCode::request) || code > std::to_underlying(EapCode::failure)) {
    return std::unexpected(Error::unsupported);
  }
  EapPacket parsed;
  parsed.code = static_cast<EapCode>(code);
  parsed.identifier = coded->identifier;
  if (!has_type(parsed.code)) return parsed;
  Reader data(coded->data);
  parsed.type = data.u8();
  if (!data.ok()) return std::unexpected(Error::bad_length);
  parsed.data = data.rest();
  return parsed;
}

std::vector<std::uint8_t> build(const EapPacket& packet) {
  std::array<std::uint8_t, kMaxPacket> buffer;
  Writer out(buffer);
  begin_coded(out, std::to_underlying(packet.code), packet.identifier);
  if (has_type(packet.code)) {
    out.u8(packet.type);
    out.bytes(packet.data.first(std::min(packet.data.size(), out.room())));
  }
  end_coded(out);
  const Bytes written = out.written();
  return {written.begin(), written.end()};
}

}  // namespace pptp
