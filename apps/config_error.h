#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "tunnel/io/io_error.h"

namespace pptp::app {

struct Ending;

/// Where something was written. `source` is a file as the user named it, "standard input", or an
/// argument such as "--set network.mtu"; arguments have no line.
struct Place {
  std::string source;
  unsigned line = 0;    ///< from 1; 0: not in a file
  unsigned column = 0;  ///< from 1, in characters
};

/// One thing that is wrong with a profile or a configuration file.
struct ConfigError {
  std::string file;
  unsigned line = 0;
  unsigned column = 0;
  std::string message;
  std::string hint;  ///< what to do about it; may be empty
};

using ConfigErrors = std::vector<ConfigError>;

ConfigError error_at(const Place& place, std::string message, std::string hint = {});

/// A file that an option names, `place` being "--report FILE", and that does not take anything.
ConfigErrors not_writable(std::string place, const io::IoError& error);

/// "FILE:LINE:COLUMN: MESSAGE [config-invalid]", and the hint on a line of its own.
std::string describe(const ConfigError& error);

/// The same, for scripts.
Ending ending_of(const ConfigError& error);

/// All of them, in the order of the places they are at.
void print(std::FILE* out, ConfigErrors errors);

/// For a command that cannot go on with them: prints them to standard error and returns the exit
/// status.
int failed(ConfigErrors errors);

/// The same as print() for what works and is odd: "FILE:LINE:COLUMN: warning: MESSAGE".
void print_warnings(std::FILE* out, ConfigErrors warnings);

/// Text from a configuration file as it may be shown: control characters as \xNN, the rest as it
/// is.
std::string printable(std::string_view text);

}  // namespace pptp::app
