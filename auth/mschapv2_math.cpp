#include "auth/mschapv2_math.h"

#include <algorithm>

namespace pptp {
namespace {

// RFC 2759 8.7
constexpr std::string_view kMagic1 = "Magic server to client signing constant";
constexpr std::string_view kMagic2 = "Pad to make it do more than one iteration";

}  // namespace

std::string_view user_without_domain(std::string_view user) noexcept {
  const auto backslash = user.rfind('\\');
  return backslash == std::string_view::npos ? user : user.substr(backslash + 1);
}

DesBlock challenge_hash(const PeerChallenge& peer, const AuthenticatorChallenge& authenticator,
                        std::string_view user) noexcept {
  const Sha1Digest digest =
      sha1({peer.octets, authenticator.octets, as_bytes(user_without_domain(user))});
  DesBlock hash;
  std::copy_n(digest.begin(), hash.size(), hash.begin());
  return hash;
}

NtResponse generate_nt_response(const AuthenticatorChallenge& authenticator,
                                const PeerChallenge& peer, std::string_view user,
                                const NtHash& hash) noexcept {
  return challenge_response(challenge_hash(peer, authenticator, user), hash);
}

AuthenticatorResponse generate_authenticator_response(const NtHash& hash,
                                                      const NtResponse& response,
                                                      const PeerChallenge& peer,
                                                      const AuthenticatorChallenge& authenticator,
                                                      std::string_view user) noexcept {
  const NtHashHash hash_hash = hash_nt_password_hash(hash);
  const Sha1Digest first = sha1({hash_hash.bytes(), response, as_bytes(kMagic1)});
  return sha1({first, challenge_hash(peer, authenticator, user), as_bytes(kMagic2)});
}

bool check_authenticator_response(const NtHash& hash, const NtResponse& response,
                                  const PeerChallenge& peer,
                                  const AuthenticatorChallenge& authenticator,
                                  std::string_view user,
                                  const AuthenticatorResponse& received) noexcept {
  return equal_secret(generate_authenticator_response(hash, response, peer, authenticator, user),
                      received);
}

}  // namespace pptp
