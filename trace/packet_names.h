#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/bytes.h"
#include "ppp/protocol.h"

namespace pptp {

/// What a code is called; both empty where it has no name.
struct CodeName {
  std::string_view pppd;  ///< "ConfReq"
  std::string_view rfc;   ///< "Configure-Request"
};

/// Of a PPP packet that is not data.
CodeName name_of_code(PppProtocol protocol, std::uint8_t code) noexcept;

/// RFC 3748 5; empty for what has no name.
std::string_view name_of_eap_type(std::uint8_t type) noexcept;

/// What an LCP Protocol-Reject is about (RFC 1661 5.7); nullopt: this packet is none.
std::optional<PppProtocol> rejected_protocol(PppProtocol protocol, Bytes information) noexcept;

/// What a PPP packet that is not data is: "LCP Configure-Request", "LCP Protocol-Reject of CCP",
/// "EAP Request, MSCHAPv2 Challenge". ASCII, short, whatever the packet holds.
std::string packet_name(PppProtocol protocol, Bytes information);

}  // namespace pptp
