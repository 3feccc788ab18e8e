#include "apps/terminal.h"

#include <cstdio>
#include <cstdlib>
#include <string>

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

}  // namespace

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
  const ProgramLog quiet({0, LogFormat::text, false});
  CHECK(quiet.wants(LogLevel::error));
  CHECK(quiet.wants(LogLevel::notice));
  CHECK_FALSE(quiet.wants(LogLevel::info));
  const ProgramLog some({1, LogFormat::text, false});
  CHECK(some.wants(LogLevel::info));
  CHECK_FALSE(some.wants(LogLevel::debug));
  const ProgramLog all({3, LogFormat::text, true});
  CHECK(all.wants(LogLevel::debug));
  CHECK(all.secrets());
  CHECK_FALSE(some.secrets());
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
