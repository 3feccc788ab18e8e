#include "lib/ipv4.h"

#include <charconv>

namespace pptp {

std::string Ipv4Address::text() const {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) {
    if (shift != 24) out += '.';
    out += std::to_string(value_ >> shift & 0xff);
  }
  return out;
}

std::string joined(std::span<const Ipv4Address> addresses) {
  std::string text;
  for (const Ipv4Address& address : addresses) {
    if (!text.empty()) text += ' ';
    text += address.text();
  }
  return text;
}

Result<Ipv4Address> parse_ipv4(std::string_view text) noexcept {
  std::uint32_t value = 0;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  for (int part = 0; part < 4; ++part) {
    if (part > 0) {
      if (at == end || *at != '.') return std::unexpected(Error::bad_value);
      ++at;
    }
    std::uint8_t octet = 0;
    const auto [next, status] = std::from_chars(at, end, octet);
    if (status != std::errc{}) return std::unexpected(Error::bad_value);
    at = next;
    value = value << 8 | octet;
  }
  if (at != end) return std::unexpected(Error::bad_value);
  return Ipv4Address(value);
}

}  // namespace pptp
