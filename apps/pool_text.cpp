#include "apps/pool_text.h"

#include <fmt/core.h>

namespace pptp::app {
namespace {

std::unexpected<TextError> wrong(std::string message, std::string hint) {
  return std::unexpected(TextError{std::move(message), std::move(hint)});
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

TextResult<AddressRange> parse_range(std::string_view text) {
  if (text.find('/') != std::string_view::npos) {
    const auto prefix = parse_prefix(text);
    if (!prefix) return std::unexpected(prefix.error());
    const std::uint32_t rest = prefix->length() == 0 ? ~0U : (1U << (32U - prefix->length())) - 1;
    const std::uint32_t network = prefix->address().value();
    // The network's own address and its broadcast address are nobody's, unless it has no others.
    const std::uint32_t unused = prefix->length() < 31 ? 1 : 0;
    return AddressRange{Ipv4Address(network + unused), Ipv4Address(network + rest - unused)};
  }
  const std::size_t dash = text.find('-');
  const auto first = parse_address(trimmed(text.substr(0, dash)));
  if (!first) return std::unexpected(first.error());
  if (dash == std::string_view::npos) return AddressRange{*first, *first};

  const std::string_view end = trimmed(text.substr(dash + 1));
  if (end.find('.') == std::string_view::npos) {
    // The number replaces the last part of the address before the dash.
    const std::string start = first->text();
    const auto last = parse_address(fmt::format("{}.{}", start.substr(0, start.rfind('.')), end));
    if (!last)
      return wrong(fmt::format("'{}' does not end in a number from 0 to 255", text),
                   "write 192.168.78.10-200, or both addresses in full");
    if (*last < *first)
      return wrong(fmt::format("'{}' ends before it begins", text),
                   "the number after the dash replaces the whole last part of the address");
    return AddressRange{*first, *last};
  }
  const auto last = parse_address(end);
  if (!last) return std::unexpected(last.error());
  if (*last < *first)
    return wrong(fmt::format("'{}' ends before it begins", text), "swap the two addresses");
  return AddressRange{*first, *last};
}

}  // namespace

TextResult<std::vector<AddressRange>> parse_pool(std::string_view text) {
  std::vector<AddressRange> ranges;
  for (std::string_view rest = text;;) {
    const std::size_t comma = rest.find(',');
    const auto range = parse_range(trimmed(rest.substr(0, comma)));
    if (!range) return std::unexpected(range.error());
    if (!is_usable(range->first) || !is_usable(range->last))
      return wrong(fmt::format("'{}' holds addresses that no host can have", text),
                   "take them from a private network, such as 192.168.78.10-200");
    ranges.push_back(*range);
    if (comma == std::string_view::npos) return ranges;
    rest.remove_prefix(comma + 1);
  }
}

std::uint64_t size(const AddressRange& range) noexcept {
  return std::uint64_t{range.last.value()} - range.first.value() + 1;
}

}  // namespace pptp::app
