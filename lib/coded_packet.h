#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/bytes.h"
#include "lib/error.h"
#include "lib/ids.h"

namespace pptp {

/// A packet of the form that PPP's control and authentication protocols share: Code, Identifier and
/// Length, which counts all of it (RFC 1661 5, RFC 1334 2.2, RFC 1994 4, RFC 3748 4).
struct CodedPacket {
  static constexpr std::size_t kHeaderSize = 4;

  std::uint8_t code = 0;
  Identifier identifier;
  Bytes data;   ///< behind the header
  Bytes whole;  ///< with the header
};

/// Reads a packet from its Code field on, and refers into it. What lies behind Length is padding,
/// and left out. Errors: truncated, bad_length (shorter than the header).
Result<CodedPacket> parse_coded(Bytes packet) noexcept;

/// Writes the header at the beginning of `out`; its Length is left to end_coded().
void begin_coded(Writer& out, std::uint8_t code, Identifier identifier) noexcept;

/// Once all of the packet is written.
void end_coded(Writer& out) noexcept;

}  // namespace pptp
