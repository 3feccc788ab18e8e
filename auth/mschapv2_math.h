#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "auth/nt_hash.h"

namespace pptp {

// RFC 2759 8 as functions of their arguments alone. `user` is everywhere the whole name as it is on
// the wire; what is hashed is user_without_domain() of it.

/// The 16 octets in the server's Challenge.
struct AuthenticatorChallenge {
  std::array<std::uint8_t, 16> octets{};
  bool operator==(const AuthenticatorChallenge&) const noexcept = default;
};

/// The 16 octets that the client adds in its Response.
struct PeerChallenge {
  std::array<std::uint8_t, 16> octets{};
  bool operator==(const PeerChallenge&) const noexcept = default;
};

/// What the server proves itself with: the 20 octets written as "S=" and 40 digits.
using AuthenticatorResponse = std::array<std::uint8_t, 20>;

/// What follows the last backslash: RFC 2759 4 puts DOMAIN\user into the Name field and hashes the
/// user alone (interop note 3.19). user@realm stays whole.
std::string_view user_without_domain(std::string_view user) noexcept;

/// RFC 2759 8.2, ChallengeHash.
DesBlock challenge_hash(const PeerChallenge& peer, const AuthenticatorChallenge& authenticator,
                        std::string_view user) noexcept;

/// RFC 2759 8.1, GenerateNTResponse.
NtResponse generate_nt_response(const AuthenticatorChallenge& authenticator,
                                const PeerChallenge& peer, std::string_view user,
                                const NtHash& hash) noexcept;

/// RFC 2759 8.7, GenerateAuthenticatorResponse.
AuthenticatorResponse generate_authenticator_response(const NtHash& hash,
                                                      const NtResponse& response,
                                                      const PeerChallenge& peer,
                                                      const AuthenticatorChallenge& authenticator,
                                                      std::string_view user) noexcept;

/// RFC 2759 8.8, CheckAuthenticatorResponse, in constant time.
bool check_authenticator_response(const NtHash& hash, const NtResponse& response,
                                  const PeerChallenge& peer,
                                  const AuthenticatorChallenge& authenticator,
                                  std::string_view user,
                                  const AuthenticatorResponse& received) noexcept;

}  // namespace pptp
