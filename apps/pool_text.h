#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "apps/address_text.h"
#include "tunnel/address_pool.h"

namespace pptp::app {

/// Ranges of addresses to give to peers, in any of these forms, several with commas between:
/// 192.168.78.10, 192.168.78.10-192.168.78.200, 192.168.78.10-200, 192.168.78.0/24 (of which the
/// first and the last address are left out).
TextResult<std::vector<AddressRange>> parse_pool(std::string_view text);

/// How many addresses a range holds.
std::uint64_t size(const AddressRange& range) noexcept;

}  // namespace pptp::app
