#pragma once

#include <string>

#include "tunnel/control_message.h"

namespace pptp {

/// A message of the control connection (RFC 2637 2) in the form that pppd prints packets in, with
/// those of its fields that say something: `[PPTP Outgoing-Call-Reply call-id=7 peer-call-id=9
/// result=1 error=0 window=64]`.
std::string control_words(const ControlMessage& message);

}  // namespace pptp
