#include "apps/terminal.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>

#include <fmt/core.h>

#include "tunnel/io/unique_fd.h"

namespace pptp::app {
namespace {

// ECMA-48: back to the first column, erase the line; bold, and as it was.
constexpr std::string_view kEraseLine = "\r\x1b[2K";
constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kPlain = "\x1b[0m";

constexpr std::array kStandardStreams = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
constexpr const char* kNull = "/dev/null";

void put(std::FILE* out, std::string_view text) noexcept {
  (void)std::fwrite(text.data(), 1, text.size(), out);
}

}  // namespace

io::IoResult<void> hold_standard_streams() {
  for (const int stream : kStandardStreams) {
    if (::fcntl(stream, F_GETFD) >= 0) continue;
    // Takes the lowest number that is free, which is this one.
    if (::open(kNull, O_RDWR) < 0)
      return io::failure(errno,
                         std::string("cannot open ") + kNull + " in place of a closed stream");
  }
  return {};
}

io::IoResult<void> leave_terminal() {
  if (auto held = hold_standard_streams(); !held) return held;
  const io::UniqueFd null(::open(kNull, O_RDWR | O_CLOEXEC));
  if (!null) return io::failure(errno, std::string("cannot open ") + kNull);
  ::setsid();
  for (const int stream : kStandardStreams) {
    if (::dup2(null.fd(), stream) < 0) return io::failure(errno, "cannot leave the terminal");
  }
  if (::chdir("/") != 0) return io::failure(errno, "cannot change to /");
  return {};
}

bool terminal_is_there() noexcept {
  return static_cast<bool>(io::UniqueFd(::open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC)));
}

bool is_in_foreground() noexcept {
  const io::UniqueFd terminal(::open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC));
  return terminal && ::tcgetpgrp(terminal.fd()) == ::getpgrp();
}

bool hangup_is_ignored() noexcept {
  struct sigaction action{};
  return ::sigaction(SIGHUP, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

void put_text(std::FILE* out, std::string_view text) noexcept {
  put(out, text);
  (void)std::fflush(out);
}

TerminalTraits TerminalTraits::of(bool is_terminal, const char* no_color, const char* term) {
  // no-color.org: any value but an empty one.
  const bool refused = no_color != nullptr && no_color[0] != '\0';
  const bool dumb = term == nullptr || std::string_view(term) == "dumb";
  return {is_terminal && !dumb, is_terminal && !dumb && !refused};
}

TerminalTraits TerminalTraits::of(std::FILE* stream) {
  return of(isatty(fileno(stream)) != 0, std::getenv("NO_COLOR"), std::getenv("TERM"));
}

void PhaseLine::show(std::string_view phase) {
  if (phase == phase_) return;
  phase_ = phase;
  if (traits_.is_terminal) {
    redraw();
  } else {
    put(out_, phase_);
    put_text(out_, "\n");
  }
}

void PhaseLine::finish(std::string_view text) {
  clear();
  phase_.clear();
  if (traits_.colour) put(out_, kBold);
  put(out_, text);
  if (traits_.colour) put(out_, kPlain);
  put(out_, "\n");
  (void)std::fflush(out_);
}

void PhaseLine::clear() noexcept {
  if (!traits_.is_terminal || phase_.empty()) return;
  put(out_, kEraseLine);
  (void)std::fflush(out_);
}

void PhaseLine::redraw() noexcept {
  if (!traits_.is_terminal || phase_.empty()) return;
  put(out_, kEraseLine);
  put(out_, phase_);
  (void)std::fflush(out_);
}

}  // namespace pptp::app
