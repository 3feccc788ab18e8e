#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "auth/credentials.h"
#include "auth/mschap_message.h"
#include "auth/nt_hash.h"
#include "lib/bytes.h"
#include "lib/entropy.h"
#include "lib/error.h"

namespace pptp {

// How MS-CHAP version 2 changes a password (RFC 2759 7, 8.9 to 8.13).

/// RFC 2759 8.10: a password at the end of 512 octets, and its length, enciphered.
using EncryptedPassword = std::array<std::uint8_t, 516>;

/// RFC 2759 8.13: a hash enciphered under another one.
using EncryptedHash = std::array<std::uint8_t, 16>;

/// RFC 2759 7: what follows Length in a Change-Password packet. Of `response` the peer challenge
/// and the NT response count; it is made with the new password.
struct ChangePassword {
  static constexpr std::size_t kSize = 582;

  EncryptedPassword encrypted_password{};
  EncryptedHash encrypted_hash{};
  MsChapV2Response response;
};

/// The reserved octets and flags may hold anything. Errors: bad_length.
Result<ChangePassword> parse_change_password(Bytes data) noexcept;
std::vector<std::uint8_t> build(const ChangePassword& packet);

/// RFC 2759 8.9, NewPasswordEncryptedWithOldNtPasswordHash; `entropy` fills what the password
/// leaves free.
EncryptedPassword encrypt_password(const UnicodePassword& password, const NtHash& old_hash,
                                   Entropy& entropy) noexcept;

/// The reverse. Errors: bad_length (as with any other hash, mostly).
Result<UnicodePassword> decrypt_password(const EncryptedPassword& encrypted,
                                         const NtHash& old_hash) noexcept;

/// RFC 2759 8.12, OldNtPasswordHashEncryptedWithNewNtPasswordHash.
EncryptedHash encrypt_hash(const NtHash& old_hash, const NtHash& new_hash) noexcept;

}  // namespace pptp
