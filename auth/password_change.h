#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "auth/credentials.h"
#include "auth/mschap_message.h"
#include "auth/nt_hash.h"
#include "lib/bytes.h"
#include "lib/entropy.h"
#include "lib/error.h"

namespace pptp {

// How MS-CHAP changes a password: RFC 2433 10, RFC 2759 7 and 8.9 to 8.13.

/// RFC 2759 8.10: a password at the end of 512 octets, and its length, enciphered.
using EncryptedPassword = std::array<std::uint8_t, 516>;

/// RFC 2759 8.13: a hash enciphered under another one.
using EncryptedHash = std::array<std::uint8_t, 16>;

/// The new password under the old one's hash, and the old hash under the new one.
struct EncryptedChange {
  EncryptedPassword password{};
  EncryptedHash hash{};
};

/// `changed` has a password, which takes the place of the one that `before` is the hash of.
EncryptedChange encrypt(const Credentials& changed, const NtHash& before, Entropy& entropy);

/// The reverse. nullopt: its sender does not know the old password, or the new one is empty or no
/// text.
std::optional<SecretText> decrypt(const EncryptedChange& change, const NtHash& before);

/// RFC 2433 10: what follows Length in version 2 of the Change-Password packet. What is for LAN
/// Manager is never read, and sent as zeros. `response` is made with the new password.
struct MsChapV1ChangePassword {
  static constexpr std::size_t kSize = 1114;

  EncryptedChange password;
  MsChapV1Response response;
};

/// Errors: bad_length.
Result<MsChapV1ChangePassword> parse_mschapv1_change(Bytes data) noexcept;
std::vector<std::uint8_t> build(const MsChapV1ChangePassword& packet);

/// RFC 2759 7: the same for version 3. Of `response` the peer challenge and the NT response count.
struct MsChapV2ChangePassword {
  static constexpr std::size_t kSize = 582;

  EncryptedChange password;
  MsChapV2Response response;
};

/// The reserved octets and flags may hold anything. Errors: bad_length.
Result<MsChapV2ChangePassword> parse_mschapv2_change(Bytes data) noexcept;
std::vector<std::uint8_t> build(const MsChapV2ChangePassword& packet);

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
