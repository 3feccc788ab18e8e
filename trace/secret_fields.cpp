#include "trace/secret_fields.h"

#include <algorithm>

#include "auth/chap_packet.h"
#include "auth/eap_packet.h"
#include "auth/pap_packet.h"
#include "lib/coded_packet.h"

namespace pptp {
namespace {

constexpr std::size_t kHeader = CodedPacket::kHeaderSize;

/// From `offset` on, no more than there is.
Field field(Bytes packet, std::size_t offset, std::size_t length) {
  offset = std::min(offset, packet.size());
  return {offset, std::min(length, packet.size() - offset)};
}

Field to_the_end(Bytes packet, std::size_t offset) {
  return field(packet, offset, packet.size());
}

/// What follows the octet at `offset`, which says how long it is.
Field counted(Bytes packet, std::size_t offset) {
  return offset < packet.size() ? field(packet, offset + 1, packet[offset]) : Field();
}

std::vector<Field> in_pap(Bytes packet) {
  if (PapCode(packet[0]) != PapCode::request) return {};
  const Field user = counted(packet, kHeader);
  // A length octet that lies may hide where the password begins.
  return {to_the_end(packet, std::max(user.offset, kHeader) + user.length)};
}

/// `code`: also the OpCode of EAP-MSCHAPv2. `header`: octets before the value or the message.
std::vector<Field> in_chap(std::uint8_t code, Bytes packet, std::size_t header) {
  switch (ChapCode(code)) {
    case ChapCode::challenge:
    case ChapCode::failure:
      return {};
    case ChapCode::response:
      return {counted(packet, header)};
    case ChapCode::success: {
      constexpr std::string_view kKey = "S=";
      constexpr std::size_t kDigits = 40;
      const std::string_view message = as_text(packet.subspan(std::min(header, packet.size())));
      const std::size_t at = message.find(kKey);
      if (at == std::string_view::npos) return {};
      return {field(packet, header + at + kKey.size(), kDigits)};
    }
    default:
      return {to_the_end(packet, header)};
  }
}

std::vector<Field> in_eap(Bytes packet) {
  const EapCode code{packet[0]};
  if (code != EapCode::request && code != EapCode::response) return {};
  if (packet.size() <= kHeader) return {};
  const std::uint8_t type = packet[kHeader];
  if (type <= eap_type::kNak) return {};  // up to this one they carry no proof
  if (type != eap_type::kMsChapV2) return {to_the_end(packet, kHeader + 1)};
  // draft-kamath-pppext-eap-mschapv2 2: OpCode, MS-CHAPv2-ID, MS-Length; a response to a Success or
  // a Failure is an OpCode alone.
  constexpr std::size_t kOpCode = kHeader + 1;
  constexpr std::size_t kInner = kOpCode + 4;
  if (packet.size() <= kInner) return {};
  return in_chap(packet[kOpCode], packet, kInner);
}

}  // namespace

std::vector<Field> secret_fields(PppProtocol protocol, Bytes information) {
  if (information.empty()) return {};
  switch (protocol.value()) {
    case protocol::kPap.value():
      return in_pap(information);
    case protocol::kChap.value():
      return in_chap(information[0], information, kHeader);
    case protocol::kEap.value():
      return in_eap(information);
    default:  // an open set, and nobody else authenticates
      return {};
  }
}

void blank_secrets(PppProtocol protocol, MutableBytes information) {
  for (const Field& secret : secret_fields(protocol, information))
    std::ranges::fill(information.subspan(secret.offset, secret.length), std::uint8_t{0});
}

}  // namespace pptp
