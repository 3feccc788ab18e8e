#pragma once

#include <cstdint>

#include "lib/ipv4.h"
#include "lib/time.h"
#include "tunnel/io/io_error.h"

namespace pptp::app::demo {

struct PingResult {
  unsigned sent = 0;
  unsigned answered = 0;
  // Of those that were answered; zero where none was.
  Duration least{};
  Duration mean{};
  Duration most{};
};

/// Sends ICMP echo requests (RFC 792) full of kMarker, one after the other, from the network
/// namespace of the calling thread, each after the answer to the one before, or `patience` later.
io::IoResult<PingResult> ping(Ipv4Address address, std::uint16_t count, Duration interval,
                              Duration patience);

}  // namespace pptp::app::demo
