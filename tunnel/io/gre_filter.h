#pragma once

#include <array>
#include <linux/filter.h>

#include "lib/ids.h"

namespace pptp::io {

// Kernel filters (classic BPF) for raw IPv4 sockets: they see a packet from its IP header on.

/// Takes nothing.
std::array<sock_filter, 1> filter_nothing() noexcept;

/// Takes enhanced GRE: protocol type 0x880B, version 1 (RFC 2637 4.1).
std::array<sock_filter, 8> filter_enhanced_gre() noexcept;

/// Takes enhanced GRE whose key holds `call`.
std::array<sock_filter, 10> filter_call(CallId call) noexcept;

}  // namespace pptp::io
