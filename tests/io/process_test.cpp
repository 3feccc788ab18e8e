#include "tunnel/io/process.h"

#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <string>
#include <unistd.h>

#include <doctest/doctest.h>

#include "tests/io/temporary_dir.h"
#include "tunnel/io/file.h"

using namespace pptp::io;
using namespace std::chrono_literals;

namespace {

/// Runs a line of shell that may write to the file $OUT; what it wrote.
std::string written_by(const std::string& line, std::map<std::string, std::string> environment = {},
                       const std::string& input = "") {
  const TemporaryDir folder;
  environment["OUT"] = folder.path() + "/out";
  const auto ran = run(
      {.program = "/bin/sh", .arguments = {"-c", line}, .environment = environment, .input = input},
      10s);
  const std::string error = ran ? "" : ran.error().text();
  CAPTURE(error);
  REQUIRE(ran.has_value());
  return read_file(environment["OUT"]).value_or("(nothing)");
}

}  // namespace

TEST_CASE("io/process hands down its environment and a PATH, its input, and nothing else") {
  const std::string environment =
      written_by("env | sort >$OUT", {{"reason", "connect"}, {"WORDS", "two words"}});
  CHECK(environment.find("\nreason=connect\n") != std::string::npos);
  CHECK(environment.find("WORDS=two words\n") != std::string::npos);
  CHECK(environment.find("PATH=/usr/local/sbin:") != std::string::npos);
  CHECK(environment.find("HOME=") == std::string::npos);
  CHECK(written_by("cat >$OUT", {}, "nameserver 192.0.2.1\n") == "nameserver 192.0.2.1\n");
}

TEST_CASE("io/process inherits no descriptor, no ignored signal, and no terminal") {
  const UniqueFd leaks(open("/dev/null", O_RDONLY));
  REQUIRE(leaks);
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  // ls itself has the folder open, as the one after 2.
  CHECK(written_by("ls /proc/self/fd | tr '\\n' ' ' >$OUT") == "0 1 2 3 ");
  // Above these are the C library's own.
  const std::string ignored = written_by("sed -n 's/SigIgn:\t//p' /proc/self/status >$OUT");
  CHECK((std::stoull(ignored, nullptr, 16) & 0x7fff'ffffU) == 0);
  std::signal(SIGPIPE, before);
  CHECK(written_by("(: </dev/tty) 2>/dev/null && echo terminal >$OUT || echo none >$OUT") ==
        "none\n");
}

TEST_CASE("io/process tells how it ended") {
  const auto message = [](const std::string& line) {
    const auto ran = run({.program = "/bin/sh", .arguments = {"-c", line}}, 10s);
    REQUIRE_FALSE(ran.has_value());
    CHECK(ran.error().fault == IoFault::script_failed);
    return ran.error().text();
  };
  CHECK(message("exit 3") == "/bin/sh ended with status 3");
  CHECK(message("kill -TERM $$") == "/bin/sh ended by signal 15");
  const auto missing = run({.program = "/nowhere/script"}, 10s);
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().text().find("cannot run /nowhere/script") != std::string::npos);
}

TEST_CASE("io/process is killed when it takes too long, with what it has started") {
  const TemporaryDir folder;
  const std::string pids = folder.path() + "/pids";
  const auto began = std::chrono::steady_clock::now();
  const auto ran = run(
      {.program = "/bin/sh", .arguments = {"-c", "sleep 60 & echo $! >" + pids + "; wait"}}, 500ms);
  CHECK(std::chrono::steady_clock::now() - began < 10s);
  REQUIRE_FALSE(ran.has_value());
  CHECK(ran.error().fault == IoFault::script_failed);
  const std::string child = read_file(pids).value_or("0");
  for (int i = 0; i < 200 && kill(std::stoi(child), 0) == 0; ++i)
    usleep(10'000);
  const auto state = read_file("/proc/" + std::to_string(std::stoi(child)) + "/stat");
  CHECK((!state || state->find(") Z") != std::string::npos));
}
