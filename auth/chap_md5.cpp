#include "auth/chap_md5.h"

#include <array>

#include "auth/mschap_message.h"

namespace pptp {
namespace {

/// RFC 1994 4.1: over identifier, secret and challenge.
Md5Digest response_to(const ChapRound& round, std::string_view secret) noexcept {
  const std::array identifier = {round.identifier.value()};
  return md5({identifier, as_bytes(secret), round.challenge});
}

}  // namespace

std::vector<std::uint8_t> ChapMd5Rules::respond(const ChapRound& round, const Credentials& self,
                                                Entropy&) {
  const Md5Digest digest = response_to(round, self.password().value_or(std::string_view()));
  return {digest.begin(), digest.end()};
}

std::optional<ChapProof> ChapMd5Rules::verify(const ChapRound&, const Credentials&,
                                              std::string_view message) const {
  return ChapProof{{}, std::string(message)};
}

ChapRefusal ChapMd5Rules::read_refusal(std::string_view message) {
  ChapRefusal refusal;
  refusal.code = MsChapFailure::kAuthenticationFailure;
  refusal.text = message;
  return refusal;
}

bool ChapMd5Rules::read(Bytes value) {
  if (value.size() != response_.size()) return false;
  response_ = Reader(value).array<sizeof(Md5Digest)>();
  return true;
}

std::optional<ChapProof> ChapMd5Rules::judge(const ChapRound& round,
                                             const Credentials& peer) const {
  const std::optional<std::string_view> password = peer.password();
  const Md5Digest expected = response_to(round, password.value_or(std::string_view()));
  if (!equal_secret(expected, response_) || !password) return std::nullopt;
  return ChapProof{{}, "Access granted"};
}

}  // namespace pptp
