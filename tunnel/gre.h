#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "lib/bytes.h"
#include "lib/error.h"
#include "lib/ids.h"
#include "lib/ipv4.h"
#include "lib/packet.h"
#include "lib/serial.h"

// The enhanced GRE header of RFC 2637 4.1:
//
//   flags and version 2 | protocol 2 | payload length 2 | call id 2 | sequence 4? | ack 4?

namespace pptp {

/// With both numbers.
inline constexpr std::size_t kMaxGreHeader = 16;

/// A received packet. Carries a payload exactly if it has a sequence number; without one it only
/// acknowledges.
struct ParsedGre {
  CallId call;
  std::optional<SeqNo> sequence;
  std::optional<AckNo> acknowledgement;
  /// A PPP frame, as a reference into the datagram. May be empty, in spite of a sequence number.
  Bytes payload;
};

/// A GRE packet, and the two hosts it travels between.
struct GreDatagram {
  Packet packet;
  Ipv4Address local;  ///< zero, sending: as the routes say
  Ipv4Address peer;
};

/// `datagram`: what follows the IP header; octets behind the payload length are ignored. Errors are
/// unsupported: another protocol in GRE, or another version of it; truncated: shorter than its
/// header; bad_value: a flag that must be zero is not, no key, or neither number; bad_length: a
/// payload length beyond the datagram, or a payload without sequence number.
Result<ParsedGre> parse_gre(Bytes datagram) noexcept;

/// Takes the header and all trailing octets off a packet that holds a datagram without its IP
/// header, leaving the payload. After an Error the packet is as it was.
Result<ParsedGre> pop_gre_header(Packet& packet) noexcept;

/// Puts the header in front of a PPP frame (with `sequence`), or into an empty packet (without:
/// acknowledgement only). false, and nothing changed, when the packet has no headroom, or when it
/// has a payload without sequence number, or neither number.
[[nodiscard]] bool push_gre_header(Packet& packet, PeerCallId call, std::optional<SeqNo> sequence,
                                   std::optional<AckNo> acknowledgement) noexcept;

}  // namespace pptp
