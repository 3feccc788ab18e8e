#pragma once

#include <cstddef>

#include "lib/bytes.h"

namespace pptp {

/// Lowers the Maximum Segment Size that a TCP SYN announces (RFC 9293 3.7.1) so that the answer's
/// segments fit, headers included, into IP packets of `mtu` octets. In place, the checksum with it;
/// true when something was changed.
///
/// `packet`: one whole IPv4 or IPv6 packet. Left alone is everything else, a fragment, what is
/// malformed, and a SYN without the option or with less in it than there is room for.
bool clamp_mss(MutableBytes packet, std::size_t mtu) noexcept;

}  // namespace pptp
