#pragma once

#include <expected>
#include <optional>
#include <string>
#include <termios.h>

#include "apps/ending.h"
#include "lib/secret.h"
#include "tunnel/io/unique_fd.h"

namespace pptp::app {

/// A question on the controlling terminal whose answer is not shown. While it lives the terminal
/// does not echo.
class TerminalPrompt {
 public:
  /// Asks. The error says why that cannot be: there is no terminal, or it is somebody else's now.
  static std::expected<TerminalPrompt, std::string> open(const std::string& prompt);

  TerminalPrompt(TerminalPrompt&& other) noexcept;
  TerminalPrompt& operator=(TerminalPrompt&&) = delete;
  ~TerminalPrompt();

  int fd() const noexcept { return terminal_.fd(); }

  enum class State : std::uint8_t { asking, answered, closed };

  /// Reads once what has been typed; waits for it where nothing has been.
  State read();

  /// Once answered.
  SecretText take_answer();

 private:
  explicit TerminalPrompt(io::UniqueFd terminal) noexcept;

  io::UniqueFd terminal_;
  termios before_{};
  bool silent_ = false;
  std::string text_;
};

/// Asks and waits. INT, TERM and the like while it asks are Trouble::interrupted; no terminal is
/// Trouble::config_invalid.
std::expected<SecretText, Ending> ask_password(const std::string& prompt);

/// Asks for a new password, twice, until the two are the same and not empty.
std::expected<SecretText, Ending> ask_new_password(const std::string& whose);

/// The first line of a text, without its line end; the text is wiped.
SecretText first_line(std::string text);

}  // namespace pptp::app
