#include "apps/terminal.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "apps/program_log.h"

using namespace pptp;
using namespace pptp::app;

namespace {

/// A stream whose text can be looked at.
class Captured {
 public:
  Captured() : stream_(open_memstream(&text_, &size_)) {}

  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;

  ~Captured() {
    std::fclose(stream_);
    std::free(text_);
  }

  std::FILE* stream() const { return stream_; }

  std::string text() const {
    std::fflush(stream_);
    return std::string(text_, size_);
  }

 private:
  char* text_ = nullptr;
  std::size_t size_ = 0;
  std::FILE* stream_;
};

/// Runs in a child process, so that what it closes stays closed there.
int exit_of_child(int (*body)()) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) _exit(body());
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

bool is_null_device(int fd) {
  struct stat is{};
  struct stat null{};
  return fstat(fd, &is) == 0 && stat("/dev/null", &null) == 0 && is.st_rdev == null.st_rdev &&
         (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0;
}

}  // namespace

TEST_CASE("terminal: what is closed is held by /dev/null, and what is open stays") {
  CHECK(exit_of_child([] {
          if (dup2(open("/dev/zero", O_RDWR), STDOUT_FILENO) < 0) return 1;
          close(STDIN_FILENO);
          close(STDERR_FILENO);
          if (!hold_standard_streams()) return 2;
          if (!is_null_device(STDIN_FILENO) || !is_null_device(STDERR_FILENO)) return 3;
          return is_null_device(STDOUT_FILENO) ? 4 : 100;
        }) == 100);
}

TEST_CASE("terminal: in the background there is none of it, whatever was open before") {
  static bool open_before[3];
  for (unsigned which = 0; which < 8; ++which) {
    for (unsigned stream = 0; stream < 3; ++stream)
      open_before[stream] = (which >> stream & 1U) != 0;
    CAPTURE(which);
    CHECK(exit_of_child([] {
            for (int stream = 0; stream < 3; ++stream) {
              if (!open_before[stream]) close(stream);
            }
            if (!leave_terminal()) return 1;
            for (int stream = 0; stream < 3; ++stream) {
              if (!is_null_device(stream)) return 2 + stream;
            }
            std::array<char, 16> folder{};
            if (getcwd(folder.data(), folder.size()) == nullptr ||
                std::string(folder.data()) != "/")
              return 5;
            return getsid(0) == getpid() ? 100 : 6;
          }) == 100);
  }
}

TEST_CASE("terminal: colour where it is a terminal that nobody asked to keep plain") {
  CHECK(TerminalTraits::of(true, nullptr, "xterm").colour);
  CHECK(TerminalTraits::of(true, "", "xterm").colour);
  CHECK_FALSE(TerminalTraits::of(true, "1", "xterm").colour);
  CHECK(TerminalTraits::of(true, "1", "xterm").is_terminal);
  CHECK_FALSE(TerminalTraits::of(true, nullptr, "dumb").is_terminal);
  CHECK_FALSE(TerminalTraits::of(true, nullptr, nullptr).is_terminal);
  CHECK_FALSE(TerminalTraits::of(false, nullptr, "xterm").is_terminal);
  CHECK_FALSE(TerminalTraits::of(false, nullptr, "xterm").colour);
}

TEST_CASE("terminal: elsewhere, each phase is a line") {
  const Captured out;
  {
    PhaseLine line(out.stream(), TerminalTraits{false, false});
    line.show("connecting");
    line.show("connecting");
    line.show("authenticating");
    line.clear();
    line.redraw();
    line.finish("up");
  }
  CHECK(out.text() == "connecting\nauthenticating\nup\n");
}

TEST_CASE("terminal: on a terminal, each phase takes the place of the one before") {
  const Captured out;
  {
    PhaseLine line(out.stream(), TerminalTraits{true, false});
    line.show("connecting");
    line.show("authenticating");
    line.finish("up");
  }
  CHECK(out.text() == "\r\x1b[2Kconnecting\r\x1b[2Kauthenticating\r\x1b[2Kup\n");
}

TEST_CASE("terminal: a phase that was not finished does not stay") {
  const Captured out;
  {
    PhaseLine line(out.stream(), TerminalTraits{true, true});
    line.show("connecting");
  }
  CHECK(out.text() == "\r\x1b[2Kconnecting\r\x1b[2K");
}

TEST_CASE("program log: what is wanted grows with -v") {
  const ProgramLog quiet({0, LogFormat::text});
  CHECK(quiet.wants(LogLevel::error));
  CHECK(quiet.wants(LogLevel::notice));
  CHECK_FALSE(quiet.wants(LogLevel::info));
  const ProgramLog some({1, LogFormat::text});
  CHECK(some.wants(LogLevel::info));
  CHECK_FALSE(some.wants(LogLevel::debug));
  const ProgramLog all({3, LogFormat::text});
  CHECK(all.wants(LogLevel::debug));
}

TEST_CASE("program log: a line as text and as JSON") {
  const std::string_view time = "2023-11-14T22:13:20.123456Z";
  CHECK(log_line(LogFormat::text, LogLevel::warning, "odd {} \"x\"", time) ==
        "22:13:20.123 warning odd {} \"x\"");
  CHECK(log_line(LogFormat::text, LogLevel::info, "for syslog", "") == "for syslog");
  CHECK(log_line(LogFormat::json, LogLevel::notice, "odd {} \"x\" \\", time) ==
        R"({"time":"2023-11-14T22:13:20.123456Z","level":"notice","message":"odd {} \"x\" \\"})");
  CHECK(log_line(LogFormat::json, LogLevel::error, "bad \xff", "") ==
        R"({"level":"error","message":"bad \ufffd"})");
}
