#include "apps/progress.h"

#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <string>
#include <unistd.h>

#include <doctest/doctest.h>

#include "tests/apps/temporary_folder.h"

using namespace pptp;
using namespace pptp::app;

namespace {

struct Relayed {
  int status = -1;
  std::string shown;
};

/// What the process that waits makes of what `tell` says into the pipe, which then is closed.
template <class Tell>
Relayed relay(Tell&& tell) {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  io::UniqueFd reading(ends[0]);
  tell(io::UniqueFd(ends[1]));

  const TemporaryFolder folder;
  const std::string path = (folder.path() / "errors").string();
  std::fflush(stderr);
  const io::UniqueFd before(::dup(STDERR_FILENO));
  const io::UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  ::dup2(file.fd(), STDERR_FILENO);
  ProgramLog log({});
  Relayed relayed;
  relayed.status = relay_progress(std::move(reading), log);
  std::fflush(stderr);
  ::dup2(before.fd(), STDERR_FILENO);
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  relayed.shown = text.str();
  return relayed;
}

StatusReport some_report() {
  StatusReport report;
  report.interface = "pptp0";
  report.local = "192.168.77.10";
  report.peer = "192.168.77.1";
  report.mppe = StatusReport::Encryption{128, false};
  report.mtu = 1456;
  return report;
}

}  // namespace

TEST_CASE("progress: one line says how the tunnel is") {
  StatusReport report = some_report();
  CHECK(summary(report) == "pptp0 waits for something to send");
  report.state = CallState::up;
  CHECK(summary(report) ==
        "pptp0 is up: 192.168.77.10 -> 192.168.77.1, MPPE 128 bit stateless, MTU 1456");
  report.peer.clear();
  report.mppe.reset();
  CHECK(summary(report) == "pptp0 is up: 192.168.77.10, NOT ENCRYPTED, MTU 1456");
}

TEST_CASE("progress: who waits is told that it is up, and of nothing after that") {
  const Relayed relayed = relay([](io::UniqueFd pipe) {
    PipedProgress progress(std::move(pipe));
    progress.phase("authenticating as \"\xff\n\"");
    progress.up(some_report());
    progress.phase("ending the call");
    progress.ended(ending_of(Trouble::interrupted));
  });
  CHECK(relayed.status == 0);
  CHECK(relayed.shown.starts_with("authenticating as"));
  CHECK(relayed.shown.ends_with(summary(some_report()) + "\n"));
}

TEST_CASE("progress: who waits is told what has been warned of before it is up") {
  const Relayed relayed = relay([](io::UniqueFd pipe) {
    PipedProgress progress(std::move(pipe));
    progress.warned("beware");
    progress.up(some_report());
    progress.warned("too late");
  });
  CHECK(relayed.status == 0);
  CHECK(relayed.shown.find("warning beware\n") != std::string::npos);
  CHECK(relayed.shown.ends_with(summary(some_report()) + "\n"));
}

TEST_CASE("progress: who waits is told why it did not come up, with its exit status") {
  const Ending ending = ending_of(End{Cause::auth_failed, 691, {}});
  const Relayed relayed = relay([&](io::UniqueFd pipe) {
    PipedProgress progress(std::move(pipe));
    progress.ended(ending);
  });
  CHECK(relayed.status == 19);
  CHECK(relayed.shown == describe(ending));
}

TEST_CASE("progress: a process that is gone without a word is an error of ours") {
  for (const bool garbled : {false, true}) {
    const Relayed relayed = relay([&](const io::UniqueFd& pipe) {
      if (garbled) CHECK(::write(pipe.fd(), "[1]\nnonsense\n{\"up\"", 18) == 18);
    });
    CHECK(relayed.status == 1);
    CHECK(relayed.shown.find("the background process is gone") != std::string::npos);
  }
}

TEST_CASE("progress: nobody who waits is no trouble") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  ::close(ends[0]);
  PipedProgress progress{io::UniqueFd(ends[1])};
  const auto handler = std::signal(SIGPIPE, SIG_IGN);
  progress.phase("connecting");
  progress.up(some_report());
  std::signal(SIGPIPE, handler);
}
