#pragma once

#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "lib/bytes.h"
#include "lib/error.h"
#include "lib/ids.h"

namespace pptp {

/// RFC 1334 2.2: the Code field.
enum class PapCode : std::uint8_t { request = 1, ack = 2, nak = 3 };

/// RFC 1334 2.2.1. Each text has 255 octets at most. Both refer into the packet that was parsed.
struct PapRequest {
  Identifier identifier;
  std::string_view user;
  std::string_view password;
};

/// RFC 1334 2.2.2. `message` refers into the packet that was parsed, 255 octets at most.
template <PapCode kCode>
struct PapResult {
  Identifier identifier;
  std::string_view message;
};

using PapAck = PapResult<PapCode::ack>;
using PapNak = PapResult<PapCode::nak>;

using PapPacket = std::variant<PapRequest, PapAck, PapNak>;

/// Reads a packet from its Code field on; what lies behind Length is padding. A result without its
/// Msg-Length has no message (interop note 3.42). Errors: truncated, bad_length, unsupported
/// (another code).
Result<PapPacket> parse_pap(Bytes packet) noexcept;

/// The packet from its Code field on. A text beyond 255 octets is cut.
std::vector<std::uint8_t> build(const PapPacket& packet);

}  // namespace pptp
