#pragma once

#include <cstddef>

#include "lib/bytes.h"
#include "lib/packet.h"
#include "ppp/protocol.h"

namespace pptp {

/// A PPP frame as PPTP carries it: RFC 2637 4 puts it into GRE without flags, escapes and frame
/// check sequence (interop note 3.21).
struct Frame {
  PppProtocol protocol;
  /// Refers into the buffer that was parsed; may be empty.
  Bytes information;
  /// Octets before `information`, 1 to 4: what Packet::pop_front() takes off.
  std::size_t header = 0;
};

/// Reads address, control and protocol field, each in its long or its compressed form, whether that
/// was negotiated or not (interop notes 3.14 and 3.18).
///
/// truncated: ends before the protocol field does. bad_value: RFC 1661 2 and 6.5, no protocol
/// number can look like this (even low octet, or 0x00ff, which is an address field without its
/// control field).
Result<Frame> parse_frame(Bytes frame) noexcept;

/// The same for a frame that has no address and control field at all: the inside of an MPPE packet
/// (RFC 3078 4.2).
Result<Frame> parse_inner_frame(Bytes frame) noexcept;

/// What the peer agreed to receive: RFC 1661 6.6 and 6.5. All false until LCP has opened.
struct Framing {
  bool acfc = false;  ///< frames without address and control field
  bool pfc = false;   ///< protocol fields of one octet

  bool operator==(const Framing&) const noexcept = default;
};

/// Puts address, control and protocol field before the packet's octets, as short as `framing`
/// allows. LCP always gets all four octets. False, and the packet unchanged, when there is no
/// headroom.
[[nodiscard]] bool push_header(Packet& packet, PppProtocol protocol, Framing framing) noexcept;

/// The same without address and control field, for the inside of an MPPE packet.
[[nodiscard]] bool push_inner_header(Packet& packet, PppProtocol protocol,
                                     Framing framing) noexcept;

}  // namespace pptp
