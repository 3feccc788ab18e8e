#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "auth/mschapv2_math.h"
#include "lib/bytes.h"
#include "lib/error.h"

namespace pptp {

// What both versions of MS-CHAP put into the Value and Message fields of CHAP, and EAP into its
// own.

/// The 8 octets in the Challenge of version 1 (RFC 2433 3).
using MsChapV1Challenge = DesBlock;

/// RFC 2433 4: the value of a Response of version 1. The LAN Manager response, which gives the
/// password away, is never read nor sent: zeros.
struct MsChapV1Response {
  static constexpr std::size_t kSize = 49;

  NtResponse nt_response{};
  bool use_nt = true;  ///< false: the peer wants its LAN Manager response to count
};

/// Errors: bad_length.
Result<MsChapV1Response> parse_mschapv1_response(Bytes value) noexcept;
std::array<std::uint8_t, MsChapV1Response::kSize> build(const MsChapV1Response& response) noexcept;

/// RFC 2759 4: the value of a Response.
struct MsChapV2Response {
  static constexpr std::size_t kSize = 49;
  /// A flag of Windows 95 and 98, which take a Success with "M=" for a wrong one (interop
  /// note 3.20).
  static constexpr std::uint8_t kNoMessage = 0x04;

  PeerChallenge peer_challenge;
  NtResponse nt_response{};
  std::uint8_t flags = 0;
};

/// The eight reserved octets may hold anything. Errors: bad_length.
Result<MsChapV2Response> parse_mschapv2_response(Bytes value) noexcept;
std::array<std::uint8_t, MsChapV2Response::kSize> build(const MsChapV2Response& response) noexcept;

/// RFC 2759 5: the message of a Success. `text` is what a human may read, without "M=", as it came;
/// it refers into the message that was parsed.
struct MsChapV2Success {
  AuthenticatorResponse authenticator_response{};
  /// Absent: written without "M=".
  std::optional<std::string_view> text;

  bool operator==(const MsChapV2Success&) const noexcept = default;
};

/// Digits of either case, and "M=" with a blank before it, without, or missing (interop note 3.20).
/// Errors: bad_value (no "S=" with exactly 40 digits at the beginning).
Result<MsChapV2Success> parse_mschapv2_success(std::string_view message);
std::string build(const MsChapV2Success& success);

/// RFC 2433 6 and RFC 2759 6: the message of a Failure. `text` refers into the message that was
/// parsed.
struct MsChapFailure {
  static constexpr std::uint32_t kRestrictedLogonHours = 646;
  static constexpr std::uint32_t kAccountDisabled = 647;
  static constexpr std::uint32_t kPasswordExpired = 648;
  static constexpr std::uint32_t kNoDialinPermission = 649;
  static constexpr std::uint32_t kAuthenticationFailure = 691;
  static constexpr std::uint32_t kChangingPassword = 709;

  std::uint32_t code = kAuthenticationFailure;
  bool retry_allowed = false;
  std::optional<AuthenticatorChallenge> challenge;      ///< C= with 32 digits
  std::optional<MsChapV1Challenge> version1_challenge;  ///< C= with 16 digits
  std::uint32_t version = 0;  ///< of change-password packets; 0 where the peer gave none
  std::string_view text;      ///< what a human may read, as it came
};

/// Reads any message: a key that is missing or out of bounds leaves its default. Keys count only
/// before "M=", whose text may contain anything; text without any key is all text.
MsChapFailure parse_mschap_failure(std::string_view message);
std::string build(const MsChapFailure& failure);

}  // namespace pptp
