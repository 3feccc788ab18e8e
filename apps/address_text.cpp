#include "apps/address_text.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/core.h>

namespace pptp::app {
namespace {

// RFC 1035 2.3.4: a name has at most 255 octets on the wire, 253 in text.
constexpr std::size_t kMaxHostName = 253;

std::unexpected<TextError> wrong(std::string message, std::string hint = {}) {
  return std::unexpected(TextError{std::move(message), std::move(hint)});
}

// Digits only, no sign, at most `limit`.
std::optional<unsigned> number(std::string_view text, unsigned limit) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value > limit)
    return std::nullopt;
  return value;
}

bool is_host_character(char c) {
  const auto octet = static_cast<unsigned char>(c);
  // Octets from 0x80 on: internationalised names are the resolver's business.
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || octet >= 0x80;
}

bool looks_like_ipv6(std::string_view text) {
  return text.starts_with('[') || std::ranges::count(text, ':') > 1;
}

}  // namespace

TextResult<HostPort> parse_host_port(std::string_view text) {
  if (text.empty()) return wrong("the name of the server is empty", "write a name or an address");
  if (looks_like_ipv6(text))
    return wrong(fmt::format("'{}' is an IPv6 address, over which PPTP is not yet possible", text),
                 "write a name or an IPv4 address");
  if (text.find("://") != std::string_view::npos)
    return wrong(fmt::format("'{}' is a URL", text), "write the host name alone");

  HostPort result;
  const std::size_t colon = text.find(':');
  result.host = text.substr(0, colon);
  if (colon != std::string_view::npos) {
    const auto port = number(text.substr(colon + 1), 65535);
    if (!port || *port == 0)
      return wrong(fmt::format("'{}' is not a port", text.substr(colon + 1)),
                   "a port is a number from 1 to 65535; PPTP's is 1723");
    result.port = static_cast<std::uint16_t>(*port);
  }
  if (result.host.empty() || result.host.size() > kMaxHostName ||
      !std::ranges::all_of(result.host, is_host_character) || result.host.front() == '-' ||
      result.host.front() == '.')
    return wrong(fmt::format("'{}' is not a host name or an IPv4 address", result.host),
                 "write host or host:port");
  // Only digits and dots: meant as an address, and no name.
  const bool numeric =
      std::ranges::all_of(result.host, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
  if (numeric && !parse_ipv4(result.host))
    return wrong(fmt::format("'{}' is not an IPv4 address", result.host),
                 "an address has four numbers from 0 to 255");
  return result;
}

TextResult<io::Ipv4Prefix> parse_prefix(std::string_view text) {
  if (looks_like_ipv6(text))
    return wrong(fmt::format("'{}' is IPv6, which is not yet possible here", text), "leave it out");
  const std::size_t slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) return std::unexpected(address.error());
  if (slash == std::string_view::npos)
    return wrong(fmt::format("'{}' has no prefix length", text),
                 fmt::format("for this one host write {}/32", text));
  const auto length = number(text.substr(slash + 1), 32);
  if (!length)
    return wrong(fmt::format("'{}' is not a prefix length", text.substr(slash + 1)),
                 "write a number from 0 to 32, as in 10.0.0.0/8");
  const auto prefix = io::Ipv4Prefix::holding(*address, static_cast<std::uint8_t>(*length));
  if (prefix.address() != *address)
    return wrong(fmt::format("'{}' has bits set beyond its prefix length", text),
                 fmt::format("for the network write {}, for the one host {}/32", prefix.text(),
                             address->text()));
  return prefix;
}

TextResult<Ipv4Address> parse_address(std::string_view text) {
  const auto address = parse_ipv4(text);
  if (!address)
    return wrong(fmt::format("'{}' is not an IPv4 address", text),
                 "an address has four numbers from 0 to 255");
  return *address;
}

bool is_usable(Ipv4Address address) noexcept {
  const std::uint32_t first_octet = address.value() >> 24;
  return first_octet != 0 && first_octet != 127 && first_octet < 224;
}

}  // namespace pptp::app
