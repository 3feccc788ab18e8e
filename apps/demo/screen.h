#pragma once

#include <string>
#include <string_view>

#include "apps/terminal.h"
#include "lib/time.h"

namespace pptp::app::demo {

/// Shows on standard error what is being done and how that ended, with the time since the
/// beginning. On a terminal the end overwrites the beginning; elsewhere each is a line of its own.
class Screen {
 public:
  Screen();

  void begin(std::string_view what);

  /// How far it has come.
  void progress(std::string_view state);

  /// What was begun last has ended.
  void done(std::string_view result);
  void failed();

  /// Takes what has not ended off the terminal, for the output of others.
  void cut_short();

 private:
  std::string line(std::string_view text) const;

  TimePoint start_;
  PhaseLine phase_;
  std::string current_;
  std::string progress_;
};

}  // namespace pptp::app::demo
