#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "tunnel/io/io_error.h"

namespace pptp::app {

/// What a stream can show.
struct TerminalTraits {
  bool is_terminal = false;
  bool colour = false;  ///< a terminal, NO_COLOR is not set, TERM is not "dumb"

  /// `no_color` and `term` are the environment's, null where they are not set.
  static TerminalTraits of(bool is_terminal, const char* no_color, const char* term);
  static TerminalTraits of(std::FILE* stream);
};

/// Opens /dev/null in place of each of standard input, output and error that is closed, so that
/// nothing else that is opened is taken for one of them.
io::IoResult<void> hold_standard_streams();

/// For going to the background: a session of its own, /dev/null for standard input, output and
/// error, and no folder that is kept in use. Relative paths lead elsewhere after it.
io::IoResult<void> leave_terminal();

/// Whether this process has a controlling terminal: HUP from somebody asks for a new call, HUP
/// because the terminal has gone ends it.
bool terminal_is_there() noexcept;

/// Whether what is pressed on our terminal, such as Ctrl-C, comes to this process.
bool is_in_foreground() noexcept;

/// nohup(1) has HUP ignored, and means it.
bool hangup_is_ignored() noexcept;

/// Writes a text at once. That it cannot be written (nobody reads, the disk is full) ends nothing.
void put_text(std::FILE* out, std::string_view text) noexcept;

/// What is going on right now: on a terminal one line that is replaced by the next, elsewhere a
/// line for each.
class PhaseLine {
 public:
  PhaseLine(std::FILE* out, TerminalTraits traits) noexcept : out_(out), traits_(traits) {}

  PhaseLine(const PhaseLine&) = delete;
  PhaseLine& operator=(const PhaseLine&) = delete;

  /// Nothing of it stays on the terminal.
  ~PhaseLine() { clear(); }

  void show(std::string_view phase);

  /// A last word, that stays.
  void finish(std::string_view text);

  /// Takes the line off the terminal, for somebody else's output. redraw() brings it back.
  void clear() noexcept;
  void redraw() noexcept;

 private:
  std::FILE* out_;
  TerminalTraits traits_;
  std::string phase_;
};

}  // namespace pptp::app
