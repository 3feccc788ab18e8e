#include "tunnel/io/ipv4_prefix.h"

#include <algorithm>
#include <bit>
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

std::vector<Ipv4Prefix> prefixes_of(Ipv4Address first, Ipv4Address last) {
  std::vector<Ipv4Prefix> prefixes;
  std::uint64_t from = first.value();
  const std::uint64_t end = std::uint64_t{last.value()} + 1;
  while (from < end) {
    // As many addresses as the alignment of the first allows, and as are left.
    const int aligned = from == 0 ? 32 : std::countr_zero(from);
    const int left = static_cast<int>(std::bit_width(end - from)) - 1;
    const int bits = std::min({aligned, left, 32});
    prefixes.push_back(Ipv4Prefix::holding(Ipv4Address(static_cast<std::uint32_t>(from)),
                                           static_cast<std::uint8_t>(32 - bits)));
    from += std::uint64_t{1} << bits;
  }
  return prefixes;
}

}  // namespace pptp::io
