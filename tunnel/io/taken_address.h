#pragma once

#include "lib/ipv4.h"
#include "tunnel/io/netlink.h"

namespace pptp::io {

/// Whether this host cannot have `address` as a tunnel's own: it has it on another interface than
/// `tunnel` (an index), or sends to it as a gateway.
IoResult<bool> is_taken(Netlink& netlink, Ipv4Address address, unsigned tunnel);

}  // namespace pptp::io
