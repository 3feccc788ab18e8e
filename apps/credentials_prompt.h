#pragma once

#include <functional>
#include <optional>
#include <string>

#include "apps/terminal_prompt.h"
#include "lib/secret.h"
#include "ppp/link.h"
#include "tunnel/io/event_loop.h"

namespace pptp::app {

/// Asks on the terminal for a password in the middle of a call, while the event loop runs on. Goes
/// at any time, and takes the question off the terminal then.
class CredentialsPrompt {
 public:
  enum class Question : std::uint8_t {
    other_password,  ///< the one there was has been refused
    new_password,    ///< the one there was has expired; asked for twice
  };

  static Question question_of(const AnotherTry& another) noexcept {
    return another.change_password ? Question::new_password : Question::other_password;
  }

  /// nullopt: nobody can be asked. Must not destroy the prompt.
  using Answer = std::function<void(std::optional<SecretText>)>;

  /// Whether there is a terminal to ask on, and it is ours.
  static bool possible();

  /// Asks in a moment: most servers that allow another try hang up all the same.
  CredentialsPrompt(io::EventLoop& loop, Question question, std::string user, Answer answer);
  CredentialsPrompt(const CredentialsPrompt&) = delete;
  CredentialsPrompt& operator=(const CredentialsPrompt&) = delete;
  ~CredentialsPrompt();

 private:
  void ask(const std::string& prompt);
  void ask_first(const std::string& problem);
  void typed();
  void answered(SecretText answer);
  void give_up();

  io::EventLoop& loop_;
  Question question_;
  std::string user_;
  Answer answer_;
  io::Timer timer_;
  std::optional<TerminalPrompt> prompt_;
  std::optional<io::FdWatch> watch_;
  std::optional<SecretText> first_;  ///< of the two that must be the same
};

}  // namespace pptp::app
