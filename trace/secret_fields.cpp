#include "trace/secret_fields.h"

#include <algorithm>

namespace pptp {
namespace {

// RFC 1334, RFC 1994, RFC 3748: code, identifier, length.
constexpr std::size_t kHeader = 4;

constexpr std::uint8_t kPapRequest = 1;

/// CHAP's codes are also the OpCodes of EAP-MSCHAPv2.
constexpr std::uint8_t kChapChallenge = 1;
constexpr std::uint8_t kChapResponse = 2;
constexpr std::uint8_t kChapSuccess = 3;
constexpr std::uint8_t kChapFailure = 4;

constexpr std::uint8_t kEapRequest = 1;
constexpr std::uint8_t kEapResponse = 2;
constexpr std::uint8_t kEapNak = 3;  ///< types up to this one carry no proof
constexpr std::uint8_t kEapMsChapV2 = 26;

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
  if (packet[0] != kPapRequest) return {};
  const Field user = counted(packet, kHeader);
  // A length octet that lies may hide where the password begins.
  return {to_the_end(packet, std::max(user.offset, kHeader) + user.length)};
}

/// `header`: octets before the value or the message.
std::vector<Field> in_chap(std::uint8_t code, Bytes packet, std::size_t header) {
  switch (code) {
    case kChapChallenge:
    case kChapFailure:
      return {};
    case kChapResponse:
      return {counted(packet, header)};
    case kChapSuccess: {
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
  if (packet[0] != kEapRequest && packet[0] != kEapResponse) return {};
  if (packet.size() <= kHeader) return {};
  const std::uint8_t type = packet[kHeader];
  if (type <= kEapNak) return {};
  if (type != kEapMsChapV2) return {to_the_end(packet, kHeader + 1)};
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
