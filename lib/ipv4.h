#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "lib/bytes.h"

namespace pptp {

/// An IPv4 address; host order inside.
class Ipv4Address {
 public:
  constexpr Ipv4Address() noexcept = default;

  explicit constexpr Ipv4Address(std::uint32_t value) noexcept : value_(value) {}

  constexpr Ipv4Address(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) noexcept
      : value_(std::uint32_t{a} << 24 | std::uint32_t{b} << 16 | std::uint32_t{c} << 8 | d) {}

  constexpr std::uint32_t value() const noexcept { return value_; }

  /// 0.0.0.0: in IPCP, "give me one".
  constexpr bool is_zero() const noexcept { return value_ == 0; }

  constexpr auto operator<=>(const Ipv4Address&) const noexcept = default;

  std::string text() const;

 private:
  std::uint32_t value_ = 0;
};

/// Their texts with a blank between them.
std::string joined(std::span<const Ipv4Address> addresses);

/// Whether it can be one host's: RFC 1122 3.2.1.3, RFC 5735: neither "this network", loopback,
/// multicast, reserved nor broadcast.
constexpr bool is_host_address(Ipv4Address address) noexcept {
  const std::uint32_t first_octet = address.value() >> 24;
  return first_octet != 0 && first_octet != 127 && first_octet < 224;
}

/// Dotted decimal, four parts, nothing else.
Result<Ipv4Address> parse_ipv4(std::string_view text) noexcept;

}  // namespace pptp

template <>
struct std::hash<pptp::Ipv4Address> {
  std::size_t operator()(pptp::Ipv4Address address) const noexcept {
    return std::hash<std::uint32_t>{}(address.value());
  }
};
