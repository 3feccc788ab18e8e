#pragma once

#include <string>

#include "lib/bytes.h"

namespace pptp {

/// A peer's text as pppd prints it: in quotes, whatever is not printable ASCII as \ooo.
std::string quoted(Bytes text);

/// Octets as pppd prints them behind a packet: " 0f 01", the first `most` of them.
std::string octets_words(Bytes octets, std::size_t most = 32);

}  // namespace pptp
