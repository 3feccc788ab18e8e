#include "apps/undo_words.h"

#include <fmt/format.h>

namespace pptp::app {

void log_what_is_left(Log log, LogLevel failed, const io::UndoReport& report) {
  for (const std::string& left : report.left_alone) {
    log.line(LogLevel::notice,
             fmt::format("left alone, as somebody else has changed it: {}", left));
  }
  for (const io::IoError& error : report.failed)
    log.line(failed, error.text());
  for (const io::IoError& error : report.scripts)
    log.line(failed, error.text());
}

}  // namespace pptp::app
