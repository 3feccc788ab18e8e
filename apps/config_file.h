#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "apps/config_error.h"
#include "apps/toml_reader.h"

namespace pptp::app {

/// The text of a file and who may get at it.
struct FileText {
  std::string text;
  bool exposed = false;  ///< a regular file that group or others may read or change
};

/// Reads a whole file of at most a megabyte. An error names the file and says why.
std::expected<FileText, ConfigError> read_file(const std::string& path);

/// The same from a file descriptor that stays the caller's; `shown` is its name in errors.
std::expected<FileText, ConfigError> read_descriptor(int descriptor, const std::string& shown);

/// A file with secrets in it that others can get at: what to say.
ConfigError exposed_file(const std::string& path);

/// Reads a TOML file; "-" is standard input. Refuses an exposed file in which one of
/// `secret_keys` is set.
std::expected<std::vector<TomlEntry>, ConfigErrors> read_config_file(
    const std::string& path, std::span<const std::string_view> secret_keys);

}  // namespace pptp::app
