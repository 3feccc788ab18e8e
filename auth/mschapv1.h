#pragma once

#include "auth/chap.h"
#include "auth/mschap_message.h"
#include "auth/password_change.h"

namespace pptp {

/// The first 8 octets of LmPasswordHash (RFC 2433 A.2), which keys of 40 and 56 bits are made of.
/// nullopt: there is no such hash of a password that is longer than 14 characters or goes beyond
/// ASCII, where what it would be is a matter of code pages.
std::optional<Secret<8>> lm_password_hash(std::string_view password) noexcept;

/// MS-CHAP version 1 (RFC 2433) without its LAN Manager response (interop note 3.40). The server
/// proves nothing.
class MsChapV1Rules {
 public:
  static constexpr AuthMethod kKind = AuthMethod::mschapv1;
  static constexpr std::size_t kChallengeSize = 8;
  static constexpr bool kRetries = true;
  static constexpr std::optional kChangeCode = ChapCode::change_password_v2;

  static bool is_challenge(Bytes value) noexcept { return value.size() == kChallengeSize; }

  // client
  std::vector<std::uint8_t> respond(const ChapRound& round, const Credentials& self, Entropy&);
  std::optional<ChapProof> verify(const ChapRound& round, const Credentials& self,
                                  std::string_view message) const;
  static ChapRefusal read_refusal(std::string_view message);
  std::vector<std::uint8_t> change(const ChapRound& round, const Credentials& before,
                                   const Credentials& changed, Entropy& entropy);

  // server
  bool read(Bytes value);
  std::optional<ChapProof> judge(const ChapRound& round, const Credentials& peer) const;
  static std::string write_refusal(const ChapRefusal& refusal);
  std::optional<SecretText> read_change(Bytes data, const NtHash& before);

 private:
  MsChapV1Response response_;
};

using MsChapV1 = Chap<MsChapV1Rules>;

extern template class Chap<MsChapV1Rules>;

}  // namespace pptp
