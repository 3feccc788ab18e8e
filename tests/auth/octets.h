#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "lib/bytes.h"

namespace pptp::test {

/// The octets that a test or a vector file writes down as hexadecimal digits; - is none.
inline std::vector<std::uint8_t> octets(std::string_view digits) {
  if (digits == "-") return {};
  const std::string text = from_hex(digits).value();
  const Bytes bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

template <std::size_t N>
std::array<std::uint8_t, N> octet_array(std::string_view digits) {
  const std::vector<std::uint8_t> bytes = octets(digits);
  std::array<std::uint8_t, N> out{};
  std::copy_n(bytes.begin(), std::min(N, bytes.size()), out.begin());
  return out;
}

}  // namespace pptp::test
