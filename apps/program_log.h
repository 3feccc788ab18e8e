#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

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

/// A line as it is written, without its newline: text, or {"time", "level", "message"}. `time` is
/// RFC 3339; empty where somebody else writes it.
std::string log_line(LogFormat format, LogLevel level, std::string_view text,
                     std::string_view time);

}  // namespace pptp::app
