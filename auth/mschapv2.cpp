#include "auth/mschapv2.h"

#include <utility>

#include "auth/mschap_refusal.h"
#include "auth/mschapv2_math.h"

namespace pptp {
namespace {

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
  const NtHash old_hash = before.nt_hash();
  const NtHash new_hash = changed.nt_hash();
  ChangePassword packet;
  if (const auto password = changed.unicode_password()) {
    packet.encrypted_password = encrypt_password(*password, old_hash, entropy);
  }
  packet.encrypted_hash = encrypt_hash(old_hash, new_hash);
  packet.response = response_;
  return build(packet);
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
  if (refusal.challenge.size() == kChallengeSize) {
    failure.challenge = AuthenticatorChallenge{Reader(refusal.challenge).array<kChallengeSize>()};
  }
  return build(failure);
}

std::optional<NewPassword> MsChapV2Rules::read_change(Bytes data, const NtHash& before) {
  const Result<ChangePassword> packet = parse_change_password(data);
  if (!packet) return std::nullopt;
  const auto password = decrypt_password(packet->encrypted_password, before);
  if (!password || password->bytes().empty()) return std::nullopt;
  NtHash hash = nt_password_hash(password->bytes());
  // RFC 2759 8.12: that it holds the old hash proves that the sender knew it before the change.
  if (!equal_secret(encrypt_hash(before, hash), packet->encrypted_hash)) return std::nullopt;
  Result<SecretText> text = utf8_of(*password);
  if (!text) return std::nullopt;
  response_ = packet->response;
  return NewPassword{*std::move(text), std::move(hash)};
}

}  // namespace pptp
