#include "apps/config_error.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/core.h>

#include "apps/ending.h"
#include "apps/terminal.h"

namespace pptp::app {
namespace {

std::string one_line(const ConfigError& error, std::string_view said) {
  std::string text = printable(error.file);
  if (error.line != 0) text += fmt::format(":{}:{}", error.line, error.column);
  return text + fmt::format(": {}", said);
}

std::string lines(const ConfigError& error, std::string_view said) {
  std::string text = one_line(error, said) + "\n";
  if (!error.hint.empty()) text += fmt::format("    - {}\n", printable(error.hint));
  return text;
}

void sort_by_place(ConfigErrors& errors) {
  std::ranges::sort(errors, {}, [](const ConfigError& error) {
    return std::tuple(error.file, error.line, error.column, error.message);
  });
}

}  // namespace

ConfigError error_at(const Place& place, std::string message, std::string hint) {
  return {place.source, place.line, place.column, std::move(message), std::move(hint)};
}

ConfigErrors not_writable(std::string place, const io::IoError& error) {
  return {error_at({std::move(place)}, error.text(),
                   "name a file in a folder that is there and takes one")};
}

std::string describe(const ConfigError& error) {
  return lines(error, fmt::format("{} [config-invalid]", printable(error.message)));
}

Ending ending_of(const ConfigError& error) {
  Ending ending = ending_of(Trouble::config_invalid);
  ending.summary = one_line(error, printable(error.message));
  if (!error.hint.empty()) ending.remedy = {printable(error.hint)};
  return ending;
}

void print(std::FILE* out, ConfigErrors errors) {
  sort_by_place(errors);
  for (const ConfigError& error : errors)
    put_text(out, describe(error));
}

int failed(ConfigErrors errors) {
  print(stderr, std::move(errors));
  return static_cast<int>(ExitStatus::config_invalid);
}

void print_warnings(std::FILE* out, ConfigErrors warnings) {
  sort_by_place(warnings);
  for (const ConfigError& warning : warnings)
    put_text(out, lines(warning, "warning: " + printable(warning.message)));
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
