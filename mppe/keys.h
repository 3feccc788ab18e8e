#pragma once

#include <cstdint>

#include "lib/error.h"
#include "lib/key_seed.h"
#include "lib/role.h"
#include "lib/secret.h"

namespace pptp {

/// Length of an MPPE session key. 40 and 56 bits are 8 octets, of which the first three or one are
/// fixed (RFC 3079 2.1 and 2.2).
enum class KeyBits : std::uint8_t { k40, k56, k128 };

constexpr unsigned bit_count(KeyBits bits) noexcept {
  switch (bits) {
    case KeyBits::k40:
      return 40;
    case KeyBits::k56:
      return 56;
    case KeyBits::k128:
      return 128;
  }
  return 0;
}

/// Octets of the start and session keys: 8 or 16.
constexpr std::size_t key_octets(KeyBits bits) noexcept {
  return bits == KeyBits::k128 ? 16 : 8;
}

/// A start or session key; the octets after key_octets() are zero.
using MppeKey = Secret<16>;

/// One for each direction, as seen from this end.
struct StartKeys {
  MppeKey send;
  MppeKey receive;
};

/// RFC 3079 2 and 3: the start keys that an authentication leads to, for the end that `role` names.
/// not_available for a seed that makes no keys, or none of that length.
Result<StartKeys> start_keys(const KeySeed& seed, KeyBits bits, Role role) noexcept;

/// RFC 3079 2.4 and 3.4: the session key before any key change; GetNewKeyFromSHA of the start key
/// with itself, reduced to `bits`.
MppeKey initial_session_key(const MppeKey& start, KeyBits bits) noexcept;

/// RFC 3078 7.3: the session key that follows `session`.
MppeKey next_session_key(const MppeKey& start, const MppeKey& session, KeyBits bits) noexcept;

}  // namespace pptp
