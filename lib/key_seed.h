#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <variant>

#include "lib/secret.h"

namespace pptp {

/// What a finished authentication leaves for MPPE (RFC 3079): `auth` makes one, `mppe` derives
/// session keys from it, and neither knows the other.
struct MsChapV2Seed {
  Secret<16> password_hash_hash;
  std::array<std::uint8_t, 24> nt_response{};
};

struct MsChapV1Seed {
  Secret<16> password_hash_hash;
  /// Its first 8 octets, for 40 and 56 bits; absent where there is no such hash.
  std::optional<Secret<8>> lm_password_hash;
  std::array<std::uint8_t, 8> challenge{};
};

/// Start keys made elsewhere, such as RADIUS's MS-MPPE-Send-Key and -Recv-Key (RFC 2548 2.4), as
/// seen from this end. The first 8 octets serve 40 and 56 bits.
struct StartKeySeed {
  Secret<16> send;
  Secret<16> receive;
};

/// monostate: the method makes no keys (PAP, CHAP-MD5), or authentication ran both ways, which
/// leaves it open whose keys count (interop note 3.17).
using KeySeed = std::variant<std::monostate, MsChapV1Seed, MsChapV2Seed, StartKeySeed>;

}  // namespace pptp
