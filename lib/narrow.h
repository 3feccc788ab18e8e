#pragma once

#include <cassert>
#include <concepts>
#include <limits>
#include <utility>

namespace pptp {

/// Converts between integer types where the value is known to fit. A value that does not is a bug
/// of ours: a debug build stops, a release build goes on with the nearest value that fits.
template <std::integral To, std::integral From>
[[nodiscard]] constexpr To narrow(From value) noexcept {
  if (std::in_range<To>(value)) return static_cast<To>(value);
  assert(false && "narrow: the value does not fit");
  return std::cmp_less(value, 0) ? std::numeric_limits<To>::min() : std::numeric_limits<To>::max();
}

}  // namespace pptp
