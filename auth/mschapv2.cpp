#include "auth/mschapv2.h"

#include <utility>

#include "auth/mschap_refusal.h"
#include "auth/mschapv2_math.h"

namespace pptp {
namespace {

// RFC 2759 6
constexpr std::uint32_t kChangePasswordVersion = 3;

AuthenticatorChallenge challenge_of(const ChapRound& round) noexcept {
  return {Reader(round.challenge).array<MsChapV2Rules::kChallengeSize>()};
}

}  // namespace

std::vector<std::uint8_t> MsChapV2Rules::respond(const ChapRound& round, const Credentials& self,
                                                 Entropy& entropy) {
  response_.peer_challenge.octets = entropy.array<sizeof(PeerChallenge)>();
  response_.nt_response = generate_nt_response(challenge_of(round), response_.peer_challenge,
                                               self.user(), self.nt_hash());
  const auto value = build(response_);
  return {value.begin(), value.end()};
}

std::optional<ChapProof> MsChapV2Rules::verify(const ChapRound& round, const Credentials& self,
                                               std::string_view message) const {
  const NtHash hash = self.nt_hash();
  const Result<MsChapV2Success> success = parse_mschapv2_success(message);
  // RFC 2759 5: a client must end the link when the authenticator response is missing or wrong.
  if (!success || !check_authenticator_response(hash, response_.nt_response,
                                                response_.peer_challenge, challenge_of(round),
                                                self.user(), success->authenticator_response)) {
    return std::nullopt;
  }
  return ChapProof{MsChapV2Seed{hash_nt_password_hash(hash), response_.nt_response},
                   std::string(success->text.value_or(std::string_view()))};
}

ChapRefusal MsChapV2Rules::read_refusal(std::string_view message) {
  const MsChapFailure failure = parse_mschap_failure(message);
  const auto& challenge = failure.challenge;
  return refusal_of(failure, challenge ? Bytes(challenge->octets) : Bytes());
}

std::vector<std::uint8_t> MsChapV2Rules::change(const ChapRound& round, const Credentials& before,
                                                const Credentials& changed, Entropy& entropy) {
  (void)respond(round, changed, entropy);
  return build(MsChapV2ChangePassword{encrypt(changed, before.nt_hash(), entropy), response_});
}

bool MsChapV2Rules::read(Bytes value) {
  const Result<MsChapV2Response> response = parse_mschapv2_response(value);
  if (!response) return false;
  response_ = *response;
  return true;
}

std::optional<ChapProof> MsChapV2Rules::judge(const ChapRound& round,
                                              const Credentials& peer) const {
  const NtHash hash = peer.nt_hash();
  const AuthenticatorChallenge challenge = challenge_of(round);
  const PeerChallenge& peer_challenge = response_.peer_challenge;
  const NtResponse expected =
      generate_nt_response(challenge, peer_challenge, round.peer_name, hash);
  MsChapV2Success success{
      generate_authenticator_response(hash, expected, peer_challenge, challenge, round.peer_name),
      std::nullopt};
  if (!equal_secret(expected, response_.nt_response)) return std::nullopt;
  if ((response_.flags & MsChapV2Response::kNoMessage) == 0) success.text = "Access granted";
  return ChapProof{MsChapV2Seed{hash_nt_password_hash(hash), expected}, build(success)};
}

std::string MsChapV2Rules::write_refusal(const ChapRefusal& refusal) {
  MsChapFailure failure = failure_of(refusal);
  failure.version = kChangePasswordVersion;
  if (refusal.challenge.size() == kChallengeSize) {
    failure.challenge = AuthenticatorChallenge{Reader(refusal.challenge).array<kChallengeSize>()};
  }
  return build(failure);
}

std::optional<SecretText> MsChapV2Rules::read_change(Bytes data, const NtHash& before) {
  const Result<MsChapV2ChangePassword> packet = parse_mschapv2_change(data);
  if (!packet) return std::nullopt;
  response_ = packet->response;
  return decrypt(packet->password, before);
}

}  // namespace pptp
