#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>

#include "lib/bytes.h"

namespace pptp {

// The primitives that PPTP's cryptography is made of, and the only file that calls libcrypto's MD4,
// MD5, DES, RC4 and SHA-1. All are broken by today's measure; nothing else here may use them.
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

/// One DES block under a 56 bit key given as 7 octets without parity (RFC 2759 8.6).
DesBlock des_encrypt(Bytes key7, const DesBlock& clear) noexcept;
DesBlock des_decrypt(Bytes key7, const DesBlock& cipher) noexcept;

/// An RC4 key stream that goes on from call to call. Wiped when it goes.
class Rc4 {
 public:
  /// Not keyed: must be set_key() before use.
  Rc4() noexcept;
  /// `key`: 1 to 256 octets.
  explicit Rc4(Bytes key) noexcept;
  Rc4(const Rc4&) noexcept;
  Rc4& operator=(const Rc4&) noexcept;
  ~Rc4();

  void set_key(Bytes key) noexcept;

  /// XORs the key stream onto `data` in place; decipher and encipher are the same.
  void apply(MutableBytes data) noexcept;

  /// XORs the key stream onto `in`, writing to `out`, which is as long and may be the same place.
  void apply(Bytes in, MutableBytes out) noexcept;

 private:
  // As large as libcrypto's RC4_KEY, checked where that type is known; no OpenSSL header in here.
  static constexpr std::size_t kStateSize = 1032;
  alignas(8) std::array<std::uint8_t, kStateSize> state_;
};

}  // namespace pptp
