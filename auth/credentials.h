#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "auth/nt_hash.h"
#include "lib/bytes.h"
#include "lib/error.h"
#include "lib/secret.h"

namespace pptp {

/// What the octets of a password stand for where characters are wanted (interop note 3.27).
enum class PasswordText : std::uint8_t {
  utf8,    ///< UTF-8; an octet that is not part of it is one character of its own value
  octets,  ///< each octet is one character, as pppd has it
};

/// A password as MS-CHAP takes it: UTF-16LE, 0 to 256 characters (RFC 2759 8.1). What goes beyond
/// 256 characters is left off, as pppd does.
class UnicodePassword {
 public:
  static constexpr std::size_t kMaxOctets = 512;

  explicit UnicodePassword(std::string_view text, PasswordText kind = PasswordText::utf8) noexcept;

  /// From UTF-16LE. Errors: bad_length (not even, or beyond kMaxOctets).
  static Result<UnicodePassword> from_octets(Bytes utf16le) noexcept;

  /// Two octets for each character, four for one beyond U+FFFF.
  Bytes bytes() const noexcept { return octets_.bytes().first(size_); }

 private:
  UnicodePassword() = default;

  Secret<kMaxOctets> octets_;
  std::size_t size_ = 0;
};

/// The password as UTF-8. Errors: bad_value (half a surrogate pair).
Result<SecretText> utf8_of(const UnicodePassword& password);

/// The password with one octet for each character, as PasswordText::octets has it. Errors:
/// bad_value (a character beyond U+00FF).
Result<SecretText> octets_of(const UnicodePassword& password);

/// Who we are, or who a peer must prove to be.
class Credentials {
 public:
  /// `user` is the whole name on the wire, DOMAIN\user included.
  Credentials(std::string user, SecretText password, PasswordText kind = PasswordText::utf8);
  Credentials(std::string user, NtHash hash);

  const std::string& user() const noexcept { return user_; }

  /// Absent where only the hash is known: then methods that need the password itself cannot be
  /// used.
  std::optional<std::string_view> password() const noexcept;

  /// How its octets are read.
  PasswordText kind() const noexcept { return kind_; }

  /// The password as MS-CHAP takes it; absent as password() is.
  std::optional<UnicodePassword> unicode_password() const noexcept;

  /// Computed from the password, as UnicodePassword reads it, when the Credentials are made: asking
  /// takes the same time whichever of the two was given.
  NtHash nt_hash() const noexcept;

  /// A server lets its user in with a new password only.
  bool expired() const noexcept { return expired_; }

  void expire() noexcept { expired_ = true; }

  Credentials clone() const;

 private:
  Credentials(std::string user, std::optional<SecretText> password, PasswordText kind,
              NtHash hash) noexcept;

  std::string user_;
  std::optional<SecretText> password_;
  PasswordText kind_ = PasswordText::utf8;
  NtHash hash_;
  bool expired_ = false;
};

}  // namespace pptp
