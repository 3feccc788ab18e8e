#include "auth/nt_hash.h"

#include <algorithm>
#include <cstddef>

namespace pptp {
namespace {

/// Moves a digest that is a secret to where it will be wiped.
Secret<16> keep(Md4Digest digest) noexcept {
  Secret<16> kept{digest};
  wipe(digest);
  return kept;
}

}  // namespace

NtHash nt_password_hash(Bytes password) noexcept {
  return keep(md4({password}));
}

NtHashHash hash_nt_password_hash(const NtHash& hash) noexcept {
  return keep(md4({hash.bytes()}));
}

NtResponse challenge_response(const DesBlock& challenge, const NtHash& hash) noexcept {
  constexpr std::size_t kKeySize = 7;
  // RFC 2759 8.5: the hash is padded with zeros to three keys of 56 bits.
  const Secret<3 * kKeySize> keys(hash.bytes());
  NtResponse response;
  for (std::size_t i = 0; i < 3; ++i) {
    const DesBlock block = des_encrypt(keys.bytes().subspan(i * kKeySize, kKeySize), challenge);
    std::copy(block.begin(), block.end(), response.data() + i * block.size());
  }
  return response;
}

}  // namespace pptp
