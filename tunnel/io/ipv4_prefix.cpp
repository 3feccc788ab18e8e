#include "tunnel/io/ipv4_prefix.h"

#include <charconv>
#include <system_error>

namespace pptp::io {

std::string Ipv4Prefix::text() const {
  return address_.text() + "/" + std::to_string(length_);
}

Result<Ipv4Prefix> parse_ipv4_prefix(std::string_view text) noexcept {
  const std::size_t slash = text.find('/');
  const auto address = parse_ipv4(text.substr(0, slash));
  if (!address) return std::unexpected(Error::bad_value);
  if (slash == std::string_view::npos) return Ipv4Prefix(*address);
  std::uint8_t length = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, status] = std::from_chars(text.data() + slash + 1, end, length);
  if (status != std::errc{} || rest != end || length > 32) return std::unexpected(Error::bad_value);
  const Ipv4Prefix prefix = Ipv4Prefix::holding(*address, length);
  if (prefix.address() != *address) return std::unexpected(Error::bad_value);
  return prefix;
}

}  // namespace pptp::io
