#pragma once

#include "auth/chap.h"
#include "auth/mschap_message.h"
#include "auth/password_change.h"

namespace pptp {

/// MS-CHAP version 2 (RFC 2759), and its change of an expired password.
class MsChapV2Rules {
 public:
  static constexpr AuthMethod kKind = AuthMethod::mschapv2;
  /// Of the challenges that a server draws.
  static constexpr std::size_t kChallengeSize = 16;
  /// Whether a Failure may allow another try.
  static constexpr bool kRetries = true;
  /// Of the packet that changes a password; nullopt: there is none.
  static constexpr std::optional kChangeCode = ChapCode::change_password;

  /// What is not, is no Challenge of this algorithm.
  static bool is_challenge(Bytes value) noexcept { return value.size() == kChallengeSize; }

  // --- client ---

  /// The value of the Response.
  std::vector<std::uint8_t> respond(const ChapRound& round, const Credentials& self,
                                    Entropy& entropy);

  /// What a Success amounts to; nullopt: it does not prove that the server knows the password.
  std::optional<ChapProof> verify(const ChapRound& round, const Credentials& self,
                                  std::string_view message) const;

  static ChapRefusal read_refusal(std::string_view message);

  /// The data of a Change-Password packet that puts the password of `changed`, which has one, in
  /// the place of `before`.
  std::vector<std::uint8_t> change(const ChapRound& round, const Credentials& before,
                                   const Credentials& changed, Entropy& entropy);

  // --- server ---

  /// Takes the value of a Response; false: it is none.
  bool read(Bytes value);

  /// What the Response amounts to; nullopt: it is wrong. Takes the same time either way.
  std::optional<ChapProof> judge(const ChapRound& round, const Credentials& peer) const;

  static std::string write_refusal(const ChapRefusal& refusal);

  /// Takes the data of a Change-Password packet; nullopt: its sender does not know the old
  /// password, whose hash is `before`, or the new one is nothing. Whether the Response in it is
  /// right, judge() tells.
  std::optional<SecretText> read_change(Bytes data, const NtHash& before);

 private:
  MsChapV2Response response_;
};

using MsChapV2 = Chap<MsChapV2Rules>;

extern template class Chap<MsChapV2Rules>;

}  // namespace pptp
