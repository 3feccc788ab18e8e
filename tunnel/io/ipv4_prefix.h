#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/error.h"
#include "lib/ipv4.h"

namespace pptp::io {

/// An IPv4 network: an address whose bits behind the first `length` (0 to 32) are zero.
class Ipv4Prefix {
 public:
  /// 0.0.0.0/0.
  constexpr Ipv4Prefix() noexcept = default;

  /// One host.
  explicit constexpr Ipv4Prefix(Ipv4Address host) noexcept : address_(host), length_(32) {}

  /// The network of `length` bits, at most 32, that holds `address`.
  static constexpr Ipv4Prefix holding(Ipv4Address address, std::uint8_t length) noexcept {
    Ipv4Prefix prefix;
    prefix.length_ = length > 32 ? std::uint8_t{32} : length;
    prefix.address_ = Ipv4Address(address.value() & prefix.mask());
    return prefix;
  }

  constexpr Ipv4Address address() const noexcept { return address_; }

  constexpr std::uint8_t length() const noexcept { return length_; }

  constexpr bool contains(Ipv4Address address) const noexcept {
    return (address.value() & mask()) == address_.value();
  }

  constexpr auto operator<=>(const Ipv4Prefix&) const noexcept = default;

  /// "10.0.0.0/8".
  std::string text() const;

 private:
  constexpr std::uint32_t mask() const noexcept {
    return length_ == 0 ? 0 : 0xffff'ffffU << (32U - length_);
  }

  Ipv4Address address_;
  std::uint8_t length_ = 0;
};

/// "10.0.0.0/8"; without "/length", one host. Error::bad_value for anything else, bits behind the
/// prefix included: they are more likely a slip than meant.
Result<Ipv4Prefix> parse_ipv4_prefix(std::string_view text) noexcept;

/// The fewest networks that together hold the addresses from `first` to `last`, both included, and
/// no other. Empty when `last` comes before `first`.
std::vector<Ipv4Prefix> prefixes_of(Ipv4Address first, Ipv4Address last);

}  // namespace pptp::io
