#pragma once

#include <string>

#include "lib/bytes.h"
#include "ppp/protocol.h"

namespace pptp {

/// The options of a Configure packet of LCP, CCP, IPCP or IPV6CP as pppd prints them, each with a
/// blank before it: " <mru 1400> <magic 0x12345678>". An option without a name, or of a length that
/// it cannot have, is shown as octets; what is no list of options any more, behind them.
std::string option_words(PppProtocol protocol, Bytes list);

}  // namespace pptp
