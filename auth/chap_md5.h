#pragma once

#include "auth/chap.h"
#include "lib/legacy_crypto.h"

namespace pptp {

/// CHAP's own algorithm, MD5 (RFC 1994 4.1). It makes no keys, and the server proves nothing.
class ChapMd5Rules {
 public:
  static constexpr AuthMethod kKind = AuthMethod::chap_md5;
  static constexpr std::size_t kChallengeSize = 16;
  static constexpr bool kRetries = false;
  static constexpr std::optional<ChapCode> kChangeCode = std::nullopt;

  static bool is_challenge(Bytes value) noexcept { return !value.empty(); }

  // client
  std::vector<std::uint8_t> respond(const ChapRound& round, const Credentials& self, Entropy&);
  std::optional<ChapProof> verify(const ChapRound&, const Credentials&,
                                  std::string_view message) const;
  static ChapRefusal read_refusal(std::string_view message);

  // server
  bool read(Bytes value);
  std::optional<ChapProof> judge(const ChapRound& round, const Credentials& peer) const;

  static std::string write_refusal(const ChapRefusal& refusal) { return refusal.text; }

 private:
  Md5Digest response_{};
};

using ChapMd5 = Chap<ChapMd5Rules>;

extern template class Chap<ChapMd5Rules>;

}  // namespace pptp
