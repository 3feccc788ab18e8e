#include "apps/config_error.h"

#include <algorithm>
#include <tuple>

#include <fmt/core.h>

namespace pptp::app {

ConfigError error_at(const Place& place, std::string message, std::string hint) {
  return {place.source, place.line, place.column, std::move(message), std::move(hint)};
}

std::string describe(const ConfigError& error) {
  std::string text = printable(error.file);
  if (error.line != 0) text += fmt::format(":{}:{}", error.line, error.column);
  text += fmt::format(": {} [config-invalid]\n", printable(error.message));
  if (!error.hint.empty()) text += fmt::format("    {}\n", printable(error.hint));
  return text;
}

void print(std::FILE* out, ConfigErrors errors) {
  std::ranges::sort(errors, {}, [](const ConfigError& error) {
    return std::tuple(error.file, error.line, error.column, error.message);
  });
  for (const ConfigError& error : errors)
    fmt::print(out, "{}", describe(error));
}

std::string printable(std::string_view text) {
  std::string shown;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x20 || octet == 0x7f) {
      shown += fmt::format("\\x{:02x}", octet);
    } else {
      shown += c;
    }
  }
  return shown;
}

}  // namespace pptp::app
