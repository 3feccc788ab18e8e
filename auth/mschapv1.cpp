#include "auth/mschapv1.h"

#include <algorithm>
#include <array>

#include "auth/mschap_refusal.h"

namespace pptp {
namespace {

// RFC 2433 8: of the Change-Password packets that we understand and send.
constexpr std::uint32_t kChangePasswordVersion = 2;

MsChapV1Challenge challenge_of(const ChapRound& round) noexcept {
  return Reader(round.challenge).array<sizeof(MsChapV1Challenge)>();
}

MsChapV1Seed seed_of(const ChapRound& round, const Credentials& user) {
  MsChapV1Seed seed;
  seed.password_hash_hash = hash_nt_password_hash(user.nt_hash());
  if (const auto password = user.password()) seed.lm_password_hash = lm_password_hash(*password);
  seed.challenge = challenge_of(round);
  return seed;
}

}  // namespace

std::optional<Secret<8>> lm_password_hash(std::string_view password) noexcept {
  constexpr std::size_t kMaxCharacters = 14;
  // RFC 2433 A.3: the first half of the hash is over the first half of the password.
  constexpr std::size_t kHalf = 7;
  constexpr DesBlock kClear = {'K', 'G', 'S', '!', '@', '#', '$', '%'};
  const bool ascii =
      std::ranges::all_of(as_bytes(password), [](std::uint8_t c) { return c < 0x80; });
  if (password.size() > kMaxCharacters || !ascii) return std::nullopt;
  Secret<kHalf> key;
  std::ranges::transform(password.substr(0, kHalf), key.mutable_bytes().begin(), [](char c) {
    return static_cast<std::uint8_t>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  });
  DesBlock half = des_encrypt(key.bytes(), kClear);
  Secret<8> hash(half);
  wipe(half);
  return hash;
}

std::vector<std::uint8_t> MsChapV1Rules::respond(const ChapRound& round, const Credentials& self,
                                                 Entropy&) {
  response_.nt_response = challenge_response(challenge_of(round), self.nt_hash());
  const auto value = build(response_);
  return {value.begin(), value.end()};
}

std::optional<ChapProof> MsChapV1Rules::verify(const ChapRound& round, const Credentials& self,
                                               std::string_view message) const {
  return ChapProof{seed_of(round, self), std::string(message)};
}

ChapRefusal MsChapV1Rules::read_refusal(std::string_view message) {
  const MsChapFailure failure = parse_mschap_failure(message);
  const auto& challenge = failure.version1_challenge;
  ChapRefusal refusal = refusal_of(failure, challenge ? Bytes(*challenge) : Bytes());
  // Version 1 of the packet, for who knows no other, would tell the old password's LAN Manager
  // hash.
  refusal.expired = refusal.expired && failure.version >= kChangePasswordVersion;
  return refusal;
}

std::vector<std::uint8_t> MsChapV1Rules::change(const ChapRound& round, const Credentials& before,
                                                const Credentials& changed, Entropy& entropy) {
  (void)respond(round, changed, entropy);
  return build(MsChapV1ChangePassword{encrypt(changed, before.nt_hash(), entropy), response_});
}

bool MsChapV1Rules::read(Bytes value) {
  const Result<MsChapV1Response> response = parse_mschapv1_response(value);
  if (!response) return false;
  response_ = *response;
  return true;
}

std::optional<ChapProof> MsChapV1Rules::judge(const ChapRound& round,
                                              const Credentials& peer) const {
  const NtResponse expected = challenge_response(challenge_of(round), peer.nt_hash());
  if (!equal_secret(expected, response_.nt_response) || !response_.use_nt) return std::nullopt;
  return ChapProof{seed_of(round, peer), "Access granted"};
}

std::string MsChapV1Rules::write_refusal(const ChapRefusal& refusal) {
  MsChapFailure failure = failure_of(refusal);
  failure.version = kChangePasswordVersion;
  if (refusal.challenge.size() == kChallengeSize) {
    failure.version1_challenge = Reader(refusal.challenge).array<kChallengeSize>();
  }
  return build(failure);
}

std::optional<SecretText> MsChapV1Rules::read_change(Bytes data, const NtHash& before) {
  const Result<MsChapV1ChangePassword> packet = parse_mschapv1_change(data);
  if (!packet) return std::nullopt;
  response_ = packet->response;
  return decrypt(packet->password, before);
}

}  // namespace pptp
