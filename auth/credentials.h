#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/secret.h"

namespace pptp {

/// MD4 over the password in UTF-16LE (RFC 2759 8.3): as good as the password itself for MS-CHAP.
using NtHash = Secret<16>;

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

  /// Computed from a password as UTF-8 (octets that are not are widened one by one).
  NtHash nt_hash() const;

  Credentials clone() const;

 private:
  std::string user_;
  std::optional<SecretText> password_;
  NtHash hash_;
};

}  // namespace pptp
