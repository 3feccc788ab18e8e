#include "trace/packet_names.h"

#include <array>
#include <cstddef>

#include <fmt/format.h>

#include "auth/eap_packet.h"
#include "lib/coded_packet.h"

namespace pptp {
namespace {

// By code, from 1 on. RFC 1661 5 and RFC 1570 1, RFC 1962 5.
constexpr std::array<CodeName, 15> kConfigurationCodes = {{{"ConfReq", "Configure-Request"},
                                                           {"ConfAck", "Configure-Ack"},
                                                           {"ConfNak", "Configure-Nak"},
                                                           {"ConfRej", "Configure-Reject"},
                                                           {"TermReq", "Terminate-Request"},
                                                           {"TermAck", "Terminate-Ack"},
                                                           {"CodeRej", "Code-Reject"},
                                                           {"ProtRej", "Protocol-Reject"},
                                                           {"EchoReq", "Echo-Request"},
                                                           {"EchoRep", "Echo-Reply"},
                                                           {"DiscReq", "Discard-Request"},
                                                           {"Ident", "Identification"},
                                                           {"TimeRem", "Time-Remaining"},
                                                           {"ResetReq", "Reset-Request"},
                                                           {"ResetAck", "Reset-Ack"}}};
// RFC 1994 4
constexpr std::array<CodeName, 4> kChapCodes = {{{"Challenge", "Challenge"},
                                                 {"Response", "Response"},
                                                 {"Success", "Success"},
                                                 {"Failure", "Failure"}}};
// RFC 1334 2.2
constexpr std::array<CodeName, 3> kPapCodes = {{{"AuthReq", "Authenticate-Request"},
                                                {"AuthAck", "Authenticate-Ack"},
                                                {"AuthNak", "Authenticate-Nak"}}};
// RFC 3748 4
constexpr std::array<CodeName, 4> kEapCodes = {{{"Request", "Request"},
                                                {"Response", "Response"},
                                                {"Success", "Success"},
                                                {"Failure", "Failure"}}};
constexpr std::array<std::string_view, 4> kEapTypes = {"Identity", "Notification", "Nak",
                                                       "MD5-Challenge"};

template <class Name, std::size_t N>
Name numbered(const std::array<Name, N>& names, std::uint8_t number) {
  return number >= 1 && number <= N ? names[number - 1U] : Name();
}

/// Of an EAP Request or Response: what it is about.
std::string eap_subject(Reader& in) {
  const std::uint8_t type = in.u8();
  if (!in.ok()) return {};
  const std::string_view known = name_of_eap_type(type);
  if (!known.empty()) return fmt::format(", {}", known);
  if (type != eap_type::kMsChapV2) return fmt::format(", type {}", type);
  // draft-kamath-pppext-eap-mschapv2 2
  const std::uint8_t operation = in.u8();
  return fmt::format(", MSCHAPv2 {}", name_of_code(protocol::kChap, operation).rfc);
}

}  // namespace

CodeName name_of_code(PppProtocol protocol, std::uint8_t code) noexcept {
  switch (protocol.value()) {
    case protocol::kPap.value():
      return numbered(kPapCodes, code);
    case protocol::kChap.value():
      return numbered(kChapCodes, code);
    case protocol::kEap.value():
      return numbered(kEapCodes, code);
    default:  // an open set; the rest of those with a name configure something
      return numbered(kConfigurationCodes, code);
  }
}

std::string_view name_of_eap_type(std::uint8_t type) noexcept {
  return numbered(kEapTypes, type);
}

std::optional<PppProtocol> rejected_protocol(PppProtocol protocol, Bytes information) noexcept {
  constexpr std::uint8_t kProtocolReject = 8;
  const Result<CodedPacket> packet = parse_coded(information);
  if (protocol != protocol::kLcp || !packet || packet->code != kProtocolReject) return std::nullopt;
  Reader in(packet->data);
  const PppProtocol rejected(in.u16());
  return in.ok() ? std::optional(rejected) : std::nullopt;
}

std::string packet_name(PppProtocol protocol, Bytes information) {
  const std::string_view known = name(protocol);
  if (known.empty()) return fmt::format("protocol 0x{:04x}", protocol.value());
  const Result<CodedPacket> packet = parse_coded(information);
  if (!packet) return fmt::format("{}, malformed", known);
  const CodeName code_name = name_of_code(protocol, packet->code);
  if (code_name.rfc.empty()) return fmt::format("{} code {}", known, packet->code);
  Reader in(packet->data);
  std::string title = fmt::format("{} {}", known, code_name.rfc);
  if (protocol == protocol::kEap) {
    title += eap_subject(in);
  } else if (const auto rejected = rejected_protocol(protocol, information)) {
    title += name(*rejected).empty() ? fmt::format(" of 0x{:04x}", rejected->value())
                                     : fmt::format(" of {}", name(*rejected));
  }
  return title;
}

}  // namespace pptp
