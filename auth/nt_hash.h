#pragma once

#include <array>
#include <cstdint>

#include "lib/bytes.h"
#include "lib/legacy_crypto.h"
#include "lib/secret.h"

namespace pptp {

// What both versions of MS-CHAP are made of (RFC 2433 appendix A, RFC 2759 8).

/// MD4 over the password in UTF-16LE (RFC 2759 8.3): as good as the password itself for MS-CHAP.
using NtHash = Secret<16>;

/// MD4 over an NtHash: what the server proves itself by and MPPE's keys come from.
using NtHashHash = Secret<16>;

/// Three DES blocks: the proof of knowing a hash.
using NtResponse = std::array<std::uint8_t, 24>;

/// RFC 2759 8.3, NtPasswordHash. `password` is UTF-16LE without a byte order mark.
NtHash nt_password_hash(Bytes password) noexcept;

/// RFC 2759 8.4, HashNtPasswordHash.
NtHashHash hash_nt_password_hash(const NtHash& hash) noexcept;

/// RFC 2759 8.5, ChallengeResponse: `challenge` enciphered under three DES keys cut from `hash`.
/// MS-CHAP version 1 calls it with the server's challenge, version 2 with a challenge hash.
NtResponse challenge_response(const DesBlock& challenge, const NtHash& hash) noexcept;

}  // namespace pptp
