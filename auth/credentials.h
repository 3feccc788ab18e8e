#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "auth/nt_hash.h"
#include "lib/bytes.h"
#include "lib/secret.h"

namespace pptp {

/// A password as MS-CHAP takes it: UTF-16LE, 0 to 256 characters (RFC 2759 8.1).
///
/// Made from UTF-8; an octet that is not part of valid UTF-8 becomes one character of its own
/// value, as pppd makes of every octet (interop note 3.27). What goes beyond 256 characters is left
/// off, as pppd does.
class UnicodePassword {
 public:
  explicit UnicodePassword(std::string_view utf8) noexcept;

  /// Two octets for each character, four for one beyond U+FFFF.
  Bytes bytes() const noexcept { return octets_.bytes().first(size_); }

 private:
  static constexpr std::size_t kMaxCharacters = 256;

  Secret<2 * kMaxCharacters> octets_;
  std::size_t size_ = 0;
};

/// Who we are, or who a peer must prove to be.
class Credentials {
 public:
  /// `user` is the whole name on the wire, DOMAIN\user included.
  Credentials(std::string user, SecretText password);
  Credentials(std::string user, NtHash hash);

  const std::string& user() const noexcept { return user_; }

  /// Absent where only the hash is known: then methods that need the password itself cannot be
  /// used.
  std::optional<std::string_view> password() const noexcept;

  /// Computed from the password, as UnicodePassword reads it, when the Credentials are made: asking
  /// takes the same time whichever of the two was given.
  NtHash nt_hash() const noexcept;

  Credentials clone() const;

 private:
  Credentials(std::string user, std::optional<SecretText> password, NtHash hash) noexcept;

  std::string user_;
  std::optional<SecretText> password_;
  NtHash hash_;
};

}  // namespace pptp
