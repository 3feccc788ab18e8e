#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lib/bytes.h"
#include "lib/error.h"
#include "lib/ids.h"

namespace pptp {

/// RFC 3748 4: the Code field.
enum class EapCode : std::uint8_t { request = 1, response = 2, success = 3, failure = 4 };

/// RFC 3748 5: the Type field. An open set.
namespace eap_type {
inline constexpr std::uint8_t kIdentity = 1;
inline constexpr std::uint8_t kNotification = 2;
inline constexpr std::uint8_t kNak = 3;  ///< in a Response only
inline constexpr std::uint8_t kMsChapV2 = 26;
}  // namespace eap_type

/// A packet; Success and Failure have neither type nor data. `data` refers into the packet that was
/// parsed.
struct EapPacket {
  EapCode code = EapCode::request;
  Identifier identifier;
  std::uint8_t type = 0;
  Bytes data;
};

/// Reads a packet from its Code field on. What lies behind Length is padding (RFC 3748 4). Errors:
/// truncated, bad_length, unsupported (another code).
Result<EapPacket> parse_eap(Bytes packet) noexcept;

/// The packet from its Code field on. What of `data` does not fit the MRU that every peer accepts
/// (RFC 1661 6.1) is cut.
std::vector<std::uint8_t> build(const EapPacket& packet);

}  // namespace pptp
