#pragma once

#include <cstdint>

#include "lib/bytes.h"

namespace pptp {

/// How well deciphered octets look like a packet. MPPE has no integrity check (RFC 3078 9), so this
/// is all a receiver has to tell the right key from a wrong one. In ascending order.
enum class Plausibility : std::uint8_t {
  none,    ///< not a packet; what a wrong key gives, but for one in some hundred
  weak,    ///< of a kind that has little to check; a wrong key gives it once in some hundred
  strong,  ///< checks out; a wrong key gives it less than once in 10^8
};

/// How many octets plausibility() looks at, at most: the two octets of the protocol field and the
/// longest IPv4 header.
inline constexpr std::size_t kPlausibilityHead = 2 + 60;

/// Judges a packet that begins with its PPP protocol field, of one octet or two (interop note
/// 3.14), and fills `packet`. Knows what MPPE carries here: IPv4, IPv6 and TCP/IP with a compressed
/// header; anything else is none. Of what is behind the first kPlausibilityHead octets only the
/// length matters.
Plausibility plausibility(Bytes packet) noexcept;

}  // namespace pptp
