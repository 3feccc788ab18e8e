// What a tunnel tells the host about names, where that needs namespaces or a killed process.
#include "tunnel/io/name_servers.h"

#include <fstream>
#include <functional>
#include <map>
#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "tests/io/host_fixture.h"
#include "tunnel/io/file.h"
#include "tunnel/io/host_state.h"
#include "tunnel/io/taken_address.h"
#include "tunnel/io/tun.h"

using namespace pptp::io;
using pptp::Ipv4Address;
using namespace host_test;

namespace {

/// Runs in a process with a mount namespace of its own; 0, or the number of what went wrong.
int in_mount_namespace(const std::function<int()>& what) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (unshare(CLONE_NEWNS) != 0 ||
        mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      _exit(100);
    _exit(what());
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 101;
}

NameServers in_file(const std::string& folder) {
  return {.record = "tunnel",
          .file = {.path = folder + "/resolv.conf", .state_folder = folder + "/state"},
          .servers = {Ipv4Address(10, 0, 0, 1)}};
}

ScriptChange writing(const std::string& file) {
  return {{.program = "/bin/sh",
           .arguments = {"-c", "echo \"$reason $CONNECT_TIME\" >>" + file},
           .environment = {{"reason", "disconnect"}}}};
}

}  // namespace

TEST_CASE("io/name_servers a file that is mounted, as in a container, is written in place") {
  const TemporaryDir folder;
  const std::string path = folder.path() + "/resolv.conf";
  const std::string outside = folder.path() + "/outside";
  std::ofstream(path) << "nameserver 198.51.100.9\n";
  std::ofstream(outside) << "nameserver 192.0.2.53\n";
  CHECK(in_mount_namespace([&] {
          if (mount(outside.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) != 0) return 1;
          struct stat before{};
          struct stat after{};
          stat(path.c_str(), &before);
          const NameServers change = in_file(folder.path());
          if (!apply(change)) return 2;
          stat(path.c_str(), &after);
          if (before.st_ino != after.st_ino) return 3;
          if (read_file(path).value_or("").find("nameserver 10.0.0.1") == std::string::npos)
            return 4;
          if (undo(change) != Undone::undone) return 5;
          return read_file(path) == "nameserver 192.0.2.53\n" ? 0 : 6;
        }) == 0);
  // The file of this mount namespace is another one.
  CHECK(read_file(path) == "nameserver 198.51.100.9\n");
  CHECK(ResolvConf{in_file(folder.path()).file}.recover().value() == std::nullopt);
}

TEST_CASE("io/name_servers resolvconf is told by standard input, and by the record's name") {
  const TemporaryDir folder;
  const std::string program = folder.path() + "/resolvconf";
  const std::string log = folder.path() + "/log";
  std::ofstream(program) << "#!/bin/sh\necho \"$@\" >>" << log << "\n[ $1 = -d ] || cat >>" << log
                         << "\n";
  REQUIRE(chmod(program.c_str(), 0755) == 0);
  const NameServers change{.keeper = NameServers::Keeper::resolvconf,
                           .record = "tun.pptp0",
                           .program = program,
                           .servers = {Ipv4Address(10, 0, 0, 1), Ipv4Address(10, 0, 0, 2)}};
  REQUIRE(apply(change).has_value());
  CHECK(undo(change) == Undone::undone);
  CHECK(read_file(log) ==
        "-a tun.pptp0 -m 0 -x\nnameserver 10.0.0.1\nnameserver 10.0.0.2\n-d tun.pptp0\n");
}

TEST_CASE("io/name_servers and scripts go with the tunnel, and scripts are told how it went") {
  Host host;
  const auto tun = Tun::open("pptp%d").value();
  std::ofstream(host.parent.path() + "/resolv.conf") << "nameserver 192.0.2.53\n";
  const std::string log = host.parent.path() + "/log";
  auto state = host.state();
  REQUIRE(state.configure_tunnel(host.settings(tun)).has_value());
  REQUIRE(state.add(in_file(host.parent.path())).has_value());
  REQUIRE(state.add(writing(log)).has_value());
  CHECK(read_file(host.parent.path() + "/resolv.conf").value().find("10.0.0.1") !=
        std::string::npos);
  CHECK_FALSE(read_file(log).has_value());
  REQUIRE(state.tell_scripts({{"CONNECT_TIME", "61"}}).has_value());
  CHECK(state.undo_all().scripts.empty());
  CHECK(read_file(host.parent.path() + "/resolv.conf") == "nameserver 192.0.2.53\n");
  CHECK(read_file(log) == "disconnect 61\n");
}

TEST_CASE("io/name_servers and scripts of a killed process are undone by whoever comes next") {
  Host host;
  std::ofstream(host.parent.path() + "/resolv.conf") << "nameserver 192.0.2.53\n";
  const std::string log = host.parent.path() + "/log";
  host.lock.reset();
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto lock = host.directory.lock("office");
    auto state = HostState::create(host.directory, lock.value());
    const auto tun = Tun::open("pptp%d");
    if (!state->configure_tunnel(host.settings(*tun))) _exit(1);
    if (!state->add(in_file(host.parent.path())) || !state->add(writing(log))) _exit(2);
    kill(getpid(), SIGKILL);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  CHECK(read_file(host.parent.path() + "/resolv.conf") != "nameserver 192.0.2.53\n");
  const auto lock = host.directory.lock("office").value();
  const auto recovered = recover(host.directory, lock);
  REQUIRE(recovered.has_value());
  CHECK(recovered->scripts.empty());
  CHECK(read_file(host.parent.path() + "/resolv.conf") == "nameserver 192.0.2.53\n");
  CHECK(read_file(log) == "disconnect \n");
  CHECK(recover(host.directory, lock)->undone == 0);
}

TEST_CASE("io/name_servers a script that fails to undo is told of once, and not run again") {
  Host host;
  const auto tun = Tun::open("pptp%d").value();
  auto state = host.state();
  REQUIRE(state.configure_tunnel(host.settings(tun)).has_value());
  REQUIRE(state.add(ScriptChange{{.program = "/bin/false"}}).has_value());
  const UndoReport report = state.undo_all();
  REQUIRE(report.scripts.size() == 1);
  CHECK(report.scripts[0].text() == "/bin/false ended with status 1");
  CHECK(report.failed.empty());
  CHECK_FALSE(read_file(host.journal()).has_value());
}

TEST_CASE("io/taken_address another interface's, or a gateway's, but not the tunnel's own") {
  Host host;
  const auto tun = Tun::open("pptp%d").value();
  const auto taken = [&](Ipv4Address address) {
    return is_taken(host.netlink, address, tun.index()).value();
  };
  CHECK(taken(kHost));
  CHECK(taken(kGateway));
  CHECK(taken(Ipv4Address(127, 0, 0, 1)));
  CHECK_FALSE(taken(kNeighbour));
  CHECK_FALSE(taken(kInside));
  auto state = host.state();
  REQUIRE(state.configure_tunnel(host.settings(tun)).has_value());
  CHECK_FALSE(taken(kInside));
}
