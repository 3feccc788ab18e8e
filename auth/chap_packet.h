#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "lib/bytes.h"
#include "lib/error.h"
#include "lib/ids.h"

namespace pptp {

/// RFC 1994 4 and, for the last two, RFC 2433 10 and RFC 2759 7: the Code field.
enum class ChapCode : std::uint8_t {
  challenge = 1,
  response = 2,
  success = 3,
  failure = 4,
  change_password_v2 = 6,
  change_password = 7,
};

/// RFC 1994 4.1. `value`: 1 to 255 octets. `name` may be empty: Windows servers send none (interop
/// note 3.19). Both refer into the packet that was parsed.
template <ChapCode kCode>
struct ChapWithValue {
  Identifier identifier;
  Bytes value;
  std::string_view name;
};

using ChapChallenge = ChapWithValue<ChapCode::challenge>;
using ChapResponse = ChapWithValue<ChapCode::response>;

/// RFC 1994 4.2. `message` refers into the packet that was parsed.
template <ChapCode kCode>
struct ChapResult {
  Identifier identifier;
  std::string_view message;
};

using ChapSuccess = ChapResult<ChapCode::success>;
using ChapFailure = ChapResult<ChapCode::failure>;

/// `data`, what follows Length, refers into the packet that was parsed.
template <ChapCode kCode>
struct ChapChange {
  Identifier identifier;
  Bytes data;
};

/// RFC 2433 10: version 2 of the packet, with which MS-CHAP version 1 changes a password.
using ChapChangePasswordV2 = ChapChange<ChapCode::change_password_v2>;
/// RFC 2759 7: version 3, of MS-CHAP version 2.
using ChapChangePassword = ChapChange<ChapCode::change_password>;

using ChapPacket = std::variant<ChapChallenge, ChapResponse, ChapSuccess, ChapFailure,
                                ChapChangePasswordV2, ChapChangePassword>;

/// What build() makes at most: the MRU that every peer accepts (RFC 1661 6.1).
inline constexpr std::size_t kMaxChapPacket = 1500;

/// Reads a packet from its Code field on. What lies behind Length is padding (RFC 1994 4).
/// Errors: truncated, bad_length, bad_value (an empty value), unsupported (another code).
Result<ChapPacket> parse_chap(Bytes packet) noexcept;

/// The packet from its Code field on. A name or message that does not fit kMaxChapPacket is cut.
std::vector<std::uint8_t> build(const ChapPacket& packet);

}  // namespace pptp
