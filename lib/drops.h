#pragma once

#include <cstdint>
#include <string_view>

#include "lib/counts.h"

namespace pptp {

/// Why a packet went no further. Every drop in the core and at its edge names one of these.
enum class Drop : std::uint8_t {
  // receiving, in the order of the layers
  outer_malformed,        ///< the outer IP header lies about itself, or the packet is too long
  gre_malformed,          ///< RFC 2637 4.1: header too short, wrong version or protocol, bad length
  gre_other_call,         ///< a call id that is not ours
  gre_duplicate,          ///< this sequence number has been delivered or is waiting
  gre_late,               ///< behind what has been delivered
  gre_no_payload,         ///< S bit with nothing in it
  ppp_malformed,          ///< no valid protocol field
  ppp_control_malformed,  ///< a control protocol's packet: Length, options or an echo that is none
  ppp_unknown_protocol,   ///< answered with Protocol-Reject
  ppp_wrong_phase,        ///< a protocol that may not be spoken yet
  mppe_malformed,         ///< shorter than its header, or the D bit clear
  mppe_not_ready,         ///< encrypted before CCP opened
  mppe_late,              ///< RFC 3078: behind the key chain
  mppe_unsynchronised,    ///< stateful: waiting for a flushed packet
  mppe_implausible,       ///< deciphered to something that cannot be a packet
  clear_refused,          ///< a network packet in clear while encryption is on or required
  inner_malformed,        ///< not a whole IP packet
  vj_malformed,           ///< RFC 1144: no such packet
  vj_unsynchronised,      ///< RFC 1144: after a loss, until the sender sends a whole header
  mppc_malformed,         ///< RFC 2118: no such packet, or it would become too long
  mppc_unsynchronised,    ///< RFC 2118: out of step with the history, until that begins anew
  // sending
  send_not_up,         ///< no network protocol is open yet
  send_no_encryption,  ///< encryption is required and not agreed
  send_malformed,      ///< not a whole IP packet
  send_too_big,        ///< longer than the MTU
  send_window_full,    ///< waiting for the peer's receive window, and too many before it
  send_no_route,       ///< server: no call has this inner destination
  no_slot,             ///< every packet slot is in use
  source_forged,       ///< server: an inner source address that this call was not given
  outer_unsent,        ///< our kernel had no room for a GRE packet, or refused it
  tun_refused,         ///< our kernel would not have an inner packet
  tun_malformed,       ///< what our kernel says of a packet of the host's cannot be
  /// Not a packet: a conversation from a former address, whose answers now find nobody.
  conversation_forgotten,
  count_
};

std::string_view name(Drop drop) noexcept;

using Drops = Counts<Drop>;

}  // namespace pptp
