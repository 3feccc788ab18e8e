#include "apps/terminal_prompt.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "apps/wipe_text.h"
#include "tunnel/io/file.h"

namespace pptp::app {
namespace {

constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

volatile std::sig_atomic_t interrupted = 0;

void note_signal(int) {
  interrupted = 1;
}

/// While it lives, signals interrupt read(2) instead of ending the process with the echo off.
class NotedSignals {
 public:
  NotedSignals() {
    interrupted = 0;
    struct sigaction action{};
    action.sa_handler = note_signal;  // without SA_RESTART
    for (std::size_t i = 0; i < kSignals.size(); ++i)
      sigaction(kSignals[i], &action, &before_[i]);
  }

  NotedSignals(const NotedSignals&) = delete;
  NotedSignals& operator=(const NotedSignals&) = delete;

  ~NotedSignals() {
    for (std::size_t i = 0; i < kSignals.size(); ++i)
      sigaction(kSignals[i], &before_[i], nullptr);
  }

 private:
  std::array<struct sigaction, kSignals.size()> before_{};
};

std::string_view line_of(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

Ending no_terminal(const std::string& why) {
  Ending ending =
      ending_of(Trouble::config_invalid, "there is no password, and no terminal to ask for it" +
                                             (why.empty() ? why : ": " + why));
  ending.remedy = {
      "put password or password-file into the profile, or use --password-stdin with --server"};
  return ending;
}

}  // namespace

TerminalPrompt::TerminalPrompt(io::UniqueFd terminal) noexcept : terminal_(std::move(terminal)) {
  if (tcgetattr(terminal_.fd(), &before_) != 0) return;
  termios silent = before_;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  silent_ = tcsetattr(terminal_.fd(), TCSAFLUSH, &silent) == 0;
}

TerminalPrompt::TerminalPrompt(TerminalPrompt&& other) noexcept
    : terminal_(std::move(other.terminal_)),
      before_(other.before_),
      silent_(std::exchange(other.silent_, false)),
      text_(std::move(other.text_)) {}

TerminalPrompt::~TerminalPrompt() {
  wipe_text(text_);
  if (!silent_) return;
  tcsetattr(terminal_.fd(), TCSAFLUSH, &before_);
  // The user's own line end was not shown either.
  (void)io::write_all(terminal_.fd(), "\n");
}

std::expected<TerminalPrompt, std::string> TerminalPrompt::open(const std::string& prompt) {
  io::UniqueFd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC));
  if (!terminal) return std::unexpected(std::generic_category().message(errno));
  // Asking from the background would stop us (SIGTTOU).
  if (tcgetpgrp(terminal.fd()) != getpgrp()) return std::unexpected("it is not ours now");
  TerminalPrompt asked(std::move(terminal));
  if (!asked.silent_) return std::unexpected(std::string());
  if (io::write_all(asked.fd(), prompt) != 0) return std::unexpected(std::string());
  return asked;
}

TerminalPrompt::State TerminalPrompt::read() {
  std::array<char, 512> buffer{};
  const ssize_t count = ::read(terminal_.fd(), buffer.data(), buffer.size());
  if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)) return State::closed;
  if (count > 0) text_.append(buffer.data(), static_cast<std::size_t>(count));
  std::ranges::fill(buffer, '\0');
  return text_.find('\n') == std::string::npos ? State::asking : State::answered;
}

SecretText TerminalPrompt::take_answer() {
  SecretText answer(line_of(text_));
  wipe_text(text_);
  return answer;
}

std::expected<SecretText, Ending> ask_password(const std::string& prompt) {
  const NotedSignals signals;
  auto asked = TerminalPrompt::open(prompt);
  if (!asked) return std::unexpected(no_terminal(asked.error()));
  TerminalPrompt::State state = TerminalPrompt::State::asking;
  while (interrupted == 0 && state == TerminalPrompt::State::asking)
    state = asked->read();
  if (interrupted != 0) return std::unexpected(ending_of(Trouble::interrupted));
  if (state == TerminalPrompt::State::closed) {
    return std::unexpected(no_terminal("it was closed"));
  }
  return asked->take_answer();
}

std::expected<SecretText, Ending> ask_new_password(const std::string& whose) {
  std::string problem;
  for (;;) {
    auto first = ask_password(problem + "New password of " + whose + ": ");
    if (!first) return first;
    if (first->empty()) {
      problem = "An empty one will not do.\n";
      continue;
    }
    auto second = ask_password("The same again: ");
    if (!second) return second;
    if (equal_secret(as_bytes(first->view()), as_bytes(second->view()))) return first;
    problem = "These two are not the same.\n";
  }
}

SecretText first_line(std::string text) {
  SecretText password(line_of(text));
  wipe_text(text);
  return password;
}

}  // namespace pptp::app
