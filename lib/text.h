#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <string_view>
#include <system_error>

#include "lib/bytes.h"

namespace pptp {

/// A line built without allocation; what does not fit is cut off.
template <std::size_t N = 200>
class Text {
 public:
  Text() = default;

  explicit Text(std::string_view start) noexcept { add(start); }

  Text& add(std::string_view part) noexcept {
    for (const char c : part) {
      if (size_ < N) chars_[size_++] = c;
    }
    return *this;
  }

  Text& add(std::integral auto number) noexcept { return add_number(number, 10); }

  /// 0x and the digits, without leading zeros.
  Text& add_hex(std::unsigned_integral auto number) noexcept {
    add("0x");
    return add_number(number, 16);
  }

  /// Octets from the peer: printable ASCII as it is, anything else, quotes and backslashes as \xNN.
  Text& add_escaped(Bytes octets) noexcept {
    static constexpr std::string_view kDigits = "0123456789abcdef";
    for (const std::uint8_t octet : octets) {
      if (octet >= 0x20 && octet < 0x7f && octet != '\\' && octet != '"') {
        const char c = static_cast<char>(octet);
        add(std::string_view(&c, 1));
      } else {
        const std::array<char, 4> escape = {'\\', 'x', kDigits[octet >> 4], kDigits[octet & 15]};
        add(std::string_view(escape.data(), escape.size()));
      }
    }
    return *this;
  }

  Text& add_escaped(std::string_view text) noexcept { return add_escaped(as_bytes(text)); }

  std::string_view view() const noexcept { return {chars_.data(), size_}; }

 private:
  template <std::integral Number>
  Text& add_number(Number number, int base) noexcept {
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base);
    return add(std::string_view(digits.data(), static_cast<std::size_t>(end.ptr - digits.data())));
  }

  std::array<char, N> chars_{};
  std::size_t size_ = 0;
};

}  // namespace pptp
