#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <signal.h>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <doctest/doctest.h>

#include "tests/io/host_fixture.h"
#include "tests/io/netns.h"
#include "tests/io/temporary_dir.h"
#include "tunnel/io/file.h"
#include "tunnel/io/host_state.h"
#include "tunnel/io/tcp_stream.h"
#include "tunnel/io/tun.h"

using namespace std::chrono_literals;
using namespace pptp::io;
using pptp::Ipv4Address;
using namespace host_test;

namespace {

/// A tunnel that a process sets up before it is killed without a chance to undo anything.
pid_t start_doomed(Host& host, const std::function<void()>& before_its_end) {
  host.lock.reset();
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child != 0) return child;
  const auto lock = host.directory.lock("office");
  auto state = HostState::create(host.directory, lock.value());
  const auto tun = Tun::open("pptp%d");
  if (!state->reserve_mark()) _exit(1);
  auto settings = host.settings(*tun);
  settings.routes = {prefix("10.0.0.0/8"), prefix("172.16.0.0/12")};
  settings.default_route = true;
  if (!state->configure_tunnel(settings)) _exit(2);
  before_its_end();
  _exit(7);
}

int end_of(pid_t child) {
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace

TEST_CASE("io/host_state recovery undoes what a killed process has left") {
  Host host;
  const std::string before = network_state();
  REQUIRE(end_of(start_doomed(host, [] {})) == 7);
  CHECK(network_state() != before);

  const auto all = recover_all(host.directory);
  REQUIRE(all.size() == 1);
  CHECK(all[0].profile == "office");
  REQUIRE(all[0].result.has_value());
  CHECK(all[0].result->failed.empty());
  CHECK(all[0].result->left_alone.empty());
  CHECK(all[0].result->undone > 0);
  CHECK(network_state() == before);
  CHECK_FALSE(std::filesystem::exists(host.journal()));
  CHECK(recover_all(host.directory).empty());
}

TEST_CASE("io/host_state recovery does not wait for a dead process to be reaped") {
  Host host;
  const std::string before = network_state();
  const pid_t child = start_doomed(host, [] {});
  siginfo_t ended{};
  REQUIRE(waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT) == 0);
  const auto all = recover_all(host.directory);
  CHECK(end_of(child) == 7);
  REQUIRE(all.size() == 1);
  REQUIRE(all[0].result.has_value());
  CHECK(all[0].result->undone > 0);
  CHECK(network_state() == before);
}

TEST_CASE("io/host_state killed at any moment leaves nothing that is not recovered") {
  Host host;
  const std::string before = network_state();
  for (int i = 0; i < 24; ++i) {
    const pid_t child = start_doomed(host, [] { pause(); });
    std::this_thread::sleep_for(std::chrono::microseconds(150 * i));
    kill(child, SIGKILL);
    REQUIRE(end_of(child) == -SIGKILL);
    for (const Recovered& recovered : recover_all(host.directory)) {
      REQUIRE(recovered.result.has_value());
      CHECK(recovered.result->failed.empty());
      CHECK(recovered.result->left_alone.empty());
    }
    CAPTURE(i);
    CHECK(network_state() == before);
    CHECK(host.directory.profiles_with_journal().empty());
  }
}

TEST_CASE("io/host_state is recovered by the next one with the same profile") {
  Host host;
  const std::string before = network_state();
  REQUIRE(end_of(start_doomed(host, [] {})) == 7);
  host.lock = host.directory.lock("office").value();
  auto state = host.state();
  CHECK(state.recovered().undone > 0);
  CHECK(network_state() == before);
}

TEST_CASE("io/host_state leaves alone what somebody else has changed since, and says so") {
  Host host;
  const std::string before = network_state();
  const auto tun = Tun::open("pptp%d").value();
  auto state = host.state();
  REQUIRE(state.reserve_mark().has_value());
  auto settings = host.settings(tun);
  settings.routes = {prefix("10.0.0.0/8"), prefix("172.16.0.0/12")};
  REQUIRE(state.configure_tunnel(settings).has_value());
  run("ip route replace 10.0.0.0/8 via 192.0.2.1");
  run("ip route del 172.16.0.0/12");
  const UndoReport report = state.undo_all();
  CHECK(report.failed.empty());
  REQUIRE(report.left_alone.size() == 1);
  CHECK(report.left_alone[0] == "route 10.0.0.0/8");
  CHECK(report.gone == 1);
  CHECK(run("ip route show 10.0.0.0/8").find("via 192.0.2.1") != std::string::npos);
  run("ip route del 10.0.0.0/8");
  CHECK(network_state() == before);
  CHECK_FALSE(std::filesystem::exists(host.journal()));
}

TEST_CASE("io/host_state recovery does not touch another boot, namespace or running process") {
  Host host;
  REQUIRE(end_of(start_doomed(host, [] {})) == 7);
  const std::string left = network_state();
  const std::string journal = read_file(host.journal()).value();
  const auto rewrite = [&](const std::string& key, const std::string& value) {
    std::string changed = journal;
    const std::size_t at = changed.find("\"" + key + "\":") + key.size() + 3;
    changed.replace(at, changed.find_first_of(",}", at) - at, value);
    REQUIRE(replace_file(host.journal(), changed).has_value());
  };

  rewrite("network_namespace", "1");
  CHECK_FALSE(recover_all(host.directory).at(0).result.has_value());
  CHECK(std::filesystem::exists(host.journal()));

  rewrite("boot_id", "\"another\"");
  CHECK(recover_all(host.directory).at(0).result.value().undone == 0);
  CHECK_FALSE(std::filesystem::exists(host.journal()));

  // A process that runs though it holds no lock.
  const pid_t other = fork();
  REQUIRE(other >= 0);
  if (other == 0) {
    (void)Journal::create(host.journal());
    host.lock.reset();
    pause();
    _exit(0);
  }
  while (!std::filesystem::exists(host.journal()))
    std::this_thread::sleep_for(1ms);
  const auto refused = recover_all(host.directory);
  kill(other, SIGKILL);
  end_of(other);
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].result.error().fault == IoFault::already_locked);
  CHECK(network_state() == left);
}
