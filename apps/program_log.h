#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "apps/config_error.h"
#include "apps/ending.h"
#include "lib/log.h"

namespace pptp::app {

class PhaseLine;

enum class LogFormat : std::uint8_t { text, json };

struct LogOptions {
  int verbosity = 0;  ///< 0: notices and worse; 1 (-v): information too; 2 (-vv): everything
  LogFormat format = LogFormat::text;
};

/// The program's log: to standard error, later to the system's log. Usable from several threads.
class ProgramLog final : public LogSink {
 public:
  explicit ProgramLog(LogOptions options);
  ProgramLog(const ProgramLog&) = delete;
  ProgramLog& operator=(const ProgramLog&) = delete;
  ~ProgramLog();

  void line(LogLevel level, std::string_view text) noexcept override;

  /// What a command ends by, to standard error: as text what describe() says, as JSON one line of
  /// the log with the error's parts beside it.
  void tell(const Ending& ending);
  /// The same of an ending that another process has described.
  void tell(std::string_view text, const nlohmann::json& error);

  /// For a command that comes to its end by this: tells it and returns the exit status.
  int failed(const Ending& ending);
  int failed(const ConfigErrors& errors);

  bool is_json() const noexcept { return options_.format == LogFormat::json; }

  /// Whether a line of this level goes anywhere.
  bool wants(LogLevel level) const noexcept;

  /// From now on lines go to syslog (which the journal reads), under the name of the program.
  void to_system_log();

  /// A phase line on the same terminal, which a log line must not write into; null: none. It must
  /// outlive its use.
  void share_terminal_with(PhaseLine* phase_line) noexcept { phase_line_ = phase_line; }

 private:
  struct Impl;

  LogOptions options_;
  std::unique_ptr<Impl> impl_;
  PhaseLine* phase_line_ = nullptr;
};

/// A line of the log in JSON about an error: {"time", "level", "message"} and the error's keys.
std::string error_line(const nlohmann::json& error, std::string_view time);

/// A line as it is written, without its newline: text, or {"time", "level", "message"}. `time` is
/// RFC 3339; empty where somebody else writes it.
std::string log_line(LogFormat format, LogLevel level, std::string_view text,
                     std::string_view time);

}  // namespace pptp::app
