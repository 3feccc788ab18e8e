#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "lib/bytes.h"

namespace pptp {

// The primitives that PPTP's cryptography is made of, and the only file that calls libcrypto's MD4,
// MD5, DES and SHA-1. All are broken by today's measure; nothing else here may use them.
//
// They are reached by libcrypto's low-level functions, which need neither OpenSSL's legacy provider
// nor leave to run in FIPS mode (interop note 3.29).

using Md4Digest = std::array<std::uint8_t, 16>;
using Md5Digest = std::array<std::uint8_t, 16>;
using Sha1Digest = std::array<std::uint8_t, 20>;
using DesBlock = std::array<std::uint8_t, 8>;

/// Digest of the parts one after another.
Md4Digest md4(std::initializer_list<Bytes> parts) noexcept;
Md5Digest md5(std::initializer_list<Bytes> parts) noexcept;
Sha1Digest sha1(std::initializer_list<Bytes> parts) noexcept;

/// Of a message whose end is padded already (RFC 3174 4): `blocks` is a multiple of 64 octets. What
/// has to be hashed for each packet costs a third of sha1() so.
Sha1Digest sha1_of_blocks(Bytes blocks) noexcept;

/// One DES block under a 56 bit key given as 7 octets without parity (RFC 2759 8.6).
DesBlock des_encrypt(Bytes key7, const DesBlock& clear) noexcept;
DesBlock des_decrypt(Bytes key7, const DesBlock& cipher) noexcept;

}  // namespace pptp
