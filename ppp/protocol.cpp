#include "ppp/protocol.h"

namespace pptp {

std::string_view name(PppProtocol protocol) noexcept {
  switch (protocol.value()) {
    case protocol::kIp.value():
      return "IP";
    case protocol::kVjCompressed.value():
      return "VJ compressed TCP/IP";
    case protocol::kVjUncompressed.value():
      return "VJ uncompressed TCP/IP";
    case protocol::kIpv6.value():
      return "IPv6";
    case protocol::kMppe.value():
      return "Compressed";
    case protocol::kIpcp.value():
      return "IPCP";
    case protocol::kIpv6cp.value():
      return "IPV6CP";
    case protocol::kCcp.value():
      return "CCP";
    case protocol::kLcp.value():
      return "LCP";
    case protocol::kPap.value():
      return "PAP";
    case protocol::kChap.value():
      return "CHAP";
    case protocol::kEap.value():
      return "EAP";
    default:
      // An open set: whoever prints one without a name prints its number.
      return {};
  }
}

}  // namespace pptp
