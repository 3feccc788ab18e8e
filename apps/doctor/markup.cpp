#include "apps/doctor/markup.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>

#include <fmt/format.h>

namespace pptp::app {
namespace {

constexpr std::uint32_t kReplacement = 0xfffd;

/// Takes a character off the front; nullopt, and one octet less, where there is none (RFC 3629 4).
std::optional<std::uint32_t> take_character(std::string_view& text) {
  struct Form {
    std::uint8_t mask;
    std::uint8_t lead;
    std::uint32_t least;  ///< a shorter form serves for what is below
  };

  constexpr std::array<Form, 4> kForms = {
      {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x1'0000}}};
  const auto octet = [&text](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
  for (std::size_t length = 1; length <= kForms.size() && length <= text.size(); ++length) {
    const Form& form = kForms[length - 1];
    if ((octet(0) & form.mask) != form.lead) continue;
    std::uint32_t character = octet(0) & ~std::uint32_t{form.mask};
    bool whole = true;
    for (std::size_t at = 1; at < length; ++at) {
      whole = whole && (octet(at) & 0xc0) == 0x80;
      character = character << 6 | (octet(at) & 0x3fU);
    }
    if (!whole || character < form.least) break;
    text.remove_prefix(length);
    return character;
  }
  text.remove_prefix(1);
  return std::nullopt;
}

struct Range {
  std::uint32_t first;
  std::uint32_t last;
};

// XML 1.0 2.2 with the controls it discourages; Unicode's marks of direction and line breaks.
constexpr Range kUnfit[] = {{0x00, 0x08},
                            {0x0b, 0x1f},
                            {0x7f, 0x9f},
                            {0x061c, 0x061c},
                            {0x200b, 0x200f},
                            {0x2028, 0x202e},
                            {0x2060, 0x206f},
                            {0xd800, 0xdfff},
                            {0xfeff, 0xfeff},
                            {0xfff0, 0xffff},
                            {0x11'0000, 0xffff'ffff}};

bool is_unfit(std::uint32_t character) {
  for (const Range& range : kUnfit) {
    if (character >= range.first && character <= range.last) return true;
  }
  return false;
}

bool has_meaning(std::uint32_t character) {
  return std::string_view("&<>\"'`").find(static_cast<char>(character)) != std::string_view::npos;
}

}  // namespace

std::string markup(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::uint32_t character = take_character(text).value_or(kReplacement);
    if (is_unfit(character)) character = kReplacement;
    if (character < 0x80 && !has_meaning(character)) {
      out += static_cast<char>(character);
    } else {
      fmt::format_to(std::back_inserter(out), "&#x{:x};", character);
    }
  }
  return out;
}

}  // namespace pptp::app
