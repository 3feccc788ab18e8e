#include <algorithm>
#include <cap-ng.h>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <linux/capability.h>
#include <optional>
#include <signal.h>
#include <string>
#include <sys/mount.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

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

TEST_CASE("io/host_state keeps what recovery could not undo, for the next one to undo") {
  Host host;
  const std::string before = network_state();
  REQUIRE(end_of(start_doomed(host, [] {})) == 7);
  const std::string left = network_state();
  // Where changing anything is refused: the next call begins there, and is killed as well.
  const pid_t powerless = fork();
  REQUIRE(powerless >= 0);
  if (powerless == 0) {
    capng_get_caps_process();
    if (capng_update(CAPNG_DROP, CAPNG_EFFECTIVE, CAP_NET_ADMIN) != 0) _exit(1);
    if (capng_apply(CAPNG_SELECT_CAPS) != 0) _exit(2);
    const auto lock = host.directory.lock("office");
    const auto state = HostState::create(host.directory, lock.value());
    if (!state || state->recovered().failed.empty()) _exit(3);
    _exit(7);
  }
  REQUIRE(end_of(powerless) == 7);
  CHECK(network_state() == left);

  host.lock = host.directory.lock("office").value();
  auto state = host.state();
  CHECK(state.recovered().undone > 0);
  CHECK(network_state() == before);
  CHECK(state.undo_all().failed.empty());
  CHECK_FALSE(std::filesystem::exists(host.journal()));
}

TEST_CASE("io/host_state carries along what it cannot read, and tries it again at the end") {
  Host host;
  const nlohmann::json unknown = {{"change", "of another version"}};
  (void)Journal::create(host.journal(), {unknown}).value();
  auto state = host.state();
  CHECK(state.recovered().failed.size() == 1);
  REQUIRE(state.reserve_mark().has_value());
  const UndoReport report = state.undo_all();
  CHECK(report.undone == 1);
  CHECK(report.failed.size() == 1);
  CHECK(read_journal(host.journal()).value().records == std::vector<nlohmann::json>{unknown});
}

TEST_CASE("io/host_state leaves another namespace's changes for whoever comes back there") {
  Host host;
  const std::string before = network_state();
  REQUIRE(end_of(start_doomed(host, [] {})) == 7);
  const std::uint64_t here = this_network_namespace();
  const std::string waiting = host.directory.journal_path("office", here);
  host.lock = host.directory.lock("office").value();
  {
    const Netns elsewhere;
    REQUIRE(this_network_namespace() != here);
    auto state = host.state();
    CHECK(state.recovered().elsewhere > 0);
    REQUIRE(state.reserve_mark().has_value());
    CHECK(std::filesystem::exists(waiting));
    CHECK(state.undo_all().failed.empty());
    CHECK(host.directory.profiles_with_journal().empty());
    CHECK(std::filesystem::exists(waiting));
  }
  host.netns.enter();
  host.lock.reset();
  CHECK(host.directory.profiles_with_journal() == std::vector<std::string>{"office"});
  const auto all = recover_all(host.directory);
  REQUIRE(all.size() == 1);
  CHECK(all[0].result.value().undone > 0);
  CHECK(all[0].result.value().failed.empty());
  CHECK(network_state() == before);
  CHECK_FALSE(std::filesystem::exists(waiting));
}

TEST_CASE("io/host_state undoes what waited for this namespace beside a journal that is damaged") {
  Host host;
  const std::string before = network_state();
  REQUIRE(end_of(start_doomed(host, [] {})) == 7);
  const std::string waiting = host.directory.journal_path("office", this_network_namespace());
  std::filesystem::rename(host.journal(), waiting);
  REQUIRE(replace_file(host.journal(), "no journal\n").has_value());
  host.lock = host.directory.lock("office").value();
  const auto state = host.state();
  CHECK(state.recovered().undone > 0);
  CHECK(state.recovered().failed.size() == 1);
  CHECK(network_state() == before);
  CHECK_FALSE(std::filesystem::exists(waiting));
}

TEST_CASE("io/host_state recovery waits for no profile that runs") {
  Host host;
  std::vector<ProfileLock> running;
  for (int i = 0; i < 20; ++i) {
    running.push_back(host.directory.lock("p" + std::to_string(i)).value());
    (void)Journal::create(host.directory.journal_path(running.back().profile()), {}).value();
  }
  const auto begin = std::chrono::steady_clock::now();
  CHECK(recover_all(host.directory).empty());
  CHECK(std::chrono::steady_clock::now() - begin < 500ms);
}

TEST_CASE("io/journal on a full disk keeps whole records, and goes on when there is room") {
  Host host;
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // Two pages: one for the journal, and one that is taken and given back.
    if (unshare(CLONE_NEWNS) != 0) _exit(1);
    if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) _exit(1);
    const std::string& path = host.directory.path();
    if (mount("none", path.c_str(), "tmpfs", 0, "size=8k") != 0) _exit(2);
    auto journal = Journal::create(host.journal(), {});
    if (!journal) _exit(3);
    const UniqueFd other(open((path + "/other").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (write_all(other.fd(), std::string(4096, 'x')) != 0) _exit(4);
    const nlohmann::json record = {{"change", std::string(1500, 'c')}};
    std::size_t fitted = 0;
    IoResult<void> written;
    while ((written = journal->append(record)))
      ++fitted;
    if (written.error().error != ENOSPC || written.error().hint.empty()) _exit(5);
    if (ftruncate(other.fd(), 0) != 0) _exit(6);
    if (!journal->append({{"change", "last"}})) _exit(7);
    const auto contents = read_journal(host.journal());
    if (!contents || contents->records.size() != fitted + 1) _exit(8);
    if (contents->records.back() != nlohmann::json({{"change", "last"}})) _exit(9);
    _exit(100);
  }
  CHECK(end_of(child) == 100);
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
  const UndoReport foreign = recover_all(host.directory).at(0).result.value();
  CHECK(foreign.undone == 0);
  CHECK(foreign.elsewhere > 0);
  CHECK(network_state() == left);
  CHECK(recover_all(host.directory).empty());
  std::filesystem::rename(host.directory.journal_path("office", 1), host.journal());

  rewrite("boot_id", "\"another\"");
  CHECK(recover_all(host.directory).at(0).result.value().undone == 0);
  CHECK_FALSE(std::filesystem::exists(host.journal()));

  // A process that runs though it holds no lock.
  const pid_t other = fork();
  REQUIRE(other >= 0);
  if (other == 0) {
    (void)Journal::create(host.journal(), {});
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
