#include "tunnel/io/command_room.h"

#include <csignal>
#include <cstdlib>
#include <optional>
#include <poll.h>
#include <pwd.h>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "tests/io/named_netns.h"
#include "tests/io/temporary_dir.h"
#include "tunnel/io/file.h"

using namespace pptp::io;
using namespace std::chrono_literals;

namespace {

/// A shell that runs `script` in a folder where it may write, whoever it is.
struct Tenant {
  explicit Tenant(const std::string& script, std::optional<CommandUser> user = std::nullopt)
      : room(CommandRoom::create({"sh", "-c", "cd " + folder.path() + "; " + script},
                                 std::move(user))
                 .value()) {
    REQUIRE(::chmod(folder.path().c_str(), 0777) == 0);
  }

  /// Has an interface, and runs. Destroyed, the interface is gone.
  std::unique_ptr<NamespaceTun> start(const std::optional<std::string>& resolv_conf = {}) {
    auto tun = room.open("pptp%d", "");
    REQUIRE(tun);
    const auto started = room.start(resolv_conf);
    INFO((started ? std::string() : started.error().text()));
    REQUIRE(started);
    return *std::move(tun);
  }

  std::string said() const { return read_file(folder.path() + "/said").value_or(""); }

  void wait_until_it_says(std::string_view text) const {
    for (int i = 0; i < 1000 && said() != text; ++i)
      std::this_thread::sleep_for(10ms);
    REQUIRE(said() == text);
  }

  void wait_until_it_has_ended() const {
    pollfd ended{.fd = room.fd(), .events = POLLIN, .revents = 0};
    REQUIRE(::poll(&ended, 1, 10'000) == 1);
  }

  TemporaryDir folder;
  CommandRoom room;
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// An environment variable while this lives.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }

  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

  ~Variable() { ::unsetenv(name_); }

 private:
  const char* name_;
};

}  // namespace

TEST_CASE("io/command_room: the command has a loopback interface and the tunnel's, and no other") {
  const Netns here;
  Tenant tenant("ip -br link | cut -d' ' -f1 >said; ip -br link show lo >>said");
  CHECK_FALSE(tenant.room.started());
  const auto tun = tenant.start();
  CHECK(tenant.room.started());
  CHECK(tun->name() == "pptp0");
  CHECK_FALSE(tun->is_in_our_namespace());
  CHECK_FALSE(has(run("ip -o link"), "pptp0"));
  tenant.wait_until_it_has_ended();
  CHECK(tenant.room.end() == 0);
  CHECK(tenant.said().starts_with("lo\npptp0\nlo "));
  CHECK(has(tenant.said(), "LOOPBACK,UP"));
}

TEST_CASE("io/command_room: how the command ended is told, as often as it is asked for") {
  const Netns here;
  Tenant status("exit 41");
  (void)status.start();
  status.wait_until_it_has_ended();
  CHECK(status.room.end() == 41);
  CHECK(status.room.end() == 41);
  Tenant killed("kill -KILL $$");
  (void)killed.start();
  killed.wait_until_it_has_ended();
  CommandRoom moved = std::move(killed.room);
  CHECK(moved.end() == 128 + SIGKILL);
}

TEST_CASE("io/command_room: a command that is not there is told, and has not started") {
  const Netns here;
  auto room = CommandRoom::create({"/nowhere/command"}, std::nullopt).value();
  const auto tun = room.open("pptp%d", "");
  REQUIRE(tun);
  const auto started = room.start(std::nullopt);
  REQUIRE_FALSE(started);
  CHECK(has(started.error().text(), "cannot run /nowhere/command"));
  CHECK_FALSE(room.started());
  CHECK(room.end() == 1);
}

TEST_CASE("io/command_room: one that is never started goes with its object") {
  const Netns here;
  auto room = CommandRoom::create({"true"}, std::nullopt).value();
  CHECK(room.end() == 1);
  CHECK_FALSE(room.open("pptp%d", "").has_value());
}

TEST_CASE("io/command_room: resolv.conf is the command's own, and the host's stays") {
  const Netns here;
  const std::string before = run("cat /etc/resolv.conf");
  Tenant tenant("cat /etc/resolv.conf >said; exec sleep 60");
  const auto tun = tenant.start("nameserver 192.0.2.7\n");
  tenant.wait_until_it_says("nameserver 192.0.2.7\n");
  CHECK(run("cat /etc/resolv.conf") == before);
  Tenant another("cat /etc/resolv.conf >said");
  (void)another.start();
  another.wait_until_it_has_ended();
  CHECK(another.said() == before);
}

TEST_CASE("io/command_room: the command is the user that it is for, with his groups and home") {
  const Netns here;
  Tenant tenant("{ id -u; id -g; id -G; echo $HOME $USER $LOGNAME $SHELL; } >said",
                CommandUser{.uid = 65534,
                            .gid = 65534,
                            .groups = {65534, 100},
                            .name = "somebody",
                            .home = "/srv/somebody",
                            .shell = "/bin/sh"});
  (void)tenant.start();
  tenant.wait_until_it_has_ended();
  CHECK(tenant.room.end() == 0);
  CHECK(tenant.said() == "65534\n65534\n65534 100\n/srv/somebody somebody somebody /bin/sh\n");
}

TEST_CASE("io/command_room: signals are for the command, not for one that waits to become it") {
  const Netns here;
  Tenant tenant("trap 'exit 6' TERM; echo runs >said; while :; do sleep 0.05; done");
  const auto tun = tenant.room.open("pptp%d", "");
  REQUIRE(tun);
  for (const int number : {SIGINT, SIGQUIT, SIGTERM, SIGHUP})
    tenant.room.send(number);
  REQUIRE(tenant.room.start(std::nullopt));
  tenant.wait_until_it_says("runs\n");
  tenant.room.send(SIGTERM);
  tenant.wait_until_it_has_ended();
  CHECK(tenant.room.end() == 6);
}

TEST_CASE("io/command_room: the end is asked for, and then made") {
  const Netns here;
  Tenant asked("trap 'exit 7' TERM; echo runs >said; while :; do sleep 0.05; done");
  (void)asked.start();
  asked.wait_until_it_says("runs\n");
  CHECK(asked.room.end() == 7);
  Tenant deaf("trap '' TERM; echo runs >said; while :; do sleep 0.05; done");
  (void)deaf.start();
  deaf.wait_until_it_says("runs\n");
  CHECK(deaf.room.end() == 128 + SIGKILL);
}

TEST_CASE("io/command_room: in a namespace that has a name, or none of that name") {
  const Netns here;
  const NamedNetns there;
  there.ip("link add marker type veth peer name marker-peer");
  Tenant tenant("ip -br link | cut -d' ' -f1 | cut -d@ -f1 | sort >said");
  const auto tun = tenant.room.open("pptp%d", there.name());
  REQUIRE(tun);
  REQUIRE(tenant.room.start(std::nullopt));
  tenant.wait_until_it_has_ended();
  CHECK(tenant.said() == "lo\nmarker\nmarker-peer\npptp0\n");

  auto room = CommandRoom::create({"true"}, std::nullopt).value();
  const auto none = room.open("pptp%d", "ptu-nobody-made-this");
  REQUIRE_FALSE(none);
  CHECK(none.error().fault == IoFault::bad_name);
  CHECK(has(none.error().hint, "ip netns add ptu-nobody-made-this"));
}

TEST_CASE("io/command_room: who is behind root is asked of what made him root") {
  for (const char* variable : {"SUDO_UID", "SUDO_GID", "PKEXEC_UID", "DOAS_USER"})
    ::unsetenv(variable);
  CHECK_FALSE(CommandUser::behind_root());
  const passwd* const entry = ::getpwnam("nobody");
  REQUIRE(entry != nullptr);
  const uid_t nobody = entry->pw_uid;
  for (const char* variable : {"SUDO_UID", "PKEXEC_UID"}) {
    const Variable set(variable, std::to_string(nobody).c_str());
    const auto user = CommandUser::behind_root();
    REQUIRE(user);
    CHECK(user->uid == nobody);
    CHECK(user->name == "nobody");
    CHECK_FALSE(user->groups.empty());
  }
  {
    const Variable set("DOAS_USER", "nobody");
    CHECK(CommandUser::behind_root()->uid == nobody);
  }
  for (const char* value : {"0", "", "nobody", "12x", "-1"}) {
    CAPTURE(value);
    const Variable set("SUDO_UID", value);
    CHECK_FALSE(CommandUser::behind_root());
  }
  // A number that nobody has a name for.
  const Variable uid("SUDO_UID", "4000000001");
  const Variable gid("SUDO_GID", "4000000002");
  const auto user = CommandUser::behind_root();
  REQUIRE(user);
  CHECK(user->uid == 4000000001);
  CHECK(user->gid == 4000000002);
  CHECK(user->name.empty());
}
