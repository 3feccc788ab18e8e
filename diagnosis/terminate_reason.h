#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "diagnosis/ppp_text.h"

namespace pptp::diagnosis {

/// What the peer said when it ended a link.
struct TerminateReason {
  std::string text;  ///< as it came; empty without one
  std::optional<std::uint32_t> windows_error;
};

/// From a line that prints a Terminate-Request or says "terminated by peer (...)". Windows puts one
/// of its error numbers there, behind a magic number and 00 3c cd 74, or alone as four octets.
TerminateReason terminate_reason(std::string_view line, const std::optional<PrintedPacket>& packet);

}  // namespace pptp::diagnosis
