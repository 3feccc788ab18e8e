#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "apps/config_error.h"

namespace pptp::app {

/// A TOML value of a kind that no key takes: a date, a time, a table inside a list.
struct OtherToml {};

/// A table without anything in it, or one where a value belongs.
struct TomlTable {};

struct TomlValue {
  using List = std::vector<TomlValue>;

  std::variant<std::string, std::int64_t, double, bool, List, TomlTable, OtherToml> data;
  Place place;
  /// The characters of an argument of --set that may stand for themselves where text is wanted:
  /// --set password=1234. Empty elsewhere.
  std::string bare;
};

struct TomlEntry {
  std::string key;  ///< "network.mtu"; a part that itself has a dot in it stands in quotes
  Place place;      ///< of the key
  TomlValue value;
};

/// Reads a TOML document into a flat list of its values. `source` is the name for error messages.
/// A syntax error is one ConfigError: nothing after it is read.
std::expected<std::vector<TomlEntry>, ConfigError> read_toml(std::string_view text,
                                                             const std::string& source);

/// Reads the KEY=VALUE of --set. VALUE is a TOML value, or text without quotes.
std::expected<TomlEntry, ConfigError> read_set_argument(std::string_view argument);

/// The value as TOML on one line.
std::string to_toml(const TomlValue& value);
std::string to_toml(std::string_view text);

}  // namespace pptp::app
