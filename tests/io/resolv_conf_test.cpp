#include "tunnel/io/resolv_conf.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

#include "tests/io/temporary_dir.h"
#include "tunnel/io/file.h"

using namespace pptp::io;
using pptp::Ipv4Address;

namespace {

constexpr const char* kBefore =
    "# by hand\nsearch office.example\nnameserver 192.0.2.53\noptions edns0\n";

const std::vector<Ipv4Address> kFirst = {Ipv4Address(10, 0, 0, 1), Ipv4Address(10, 0, 0, 2)};
const std::vector<Ipv4Address> kSecond = {Ipv4Address(172, 16, 0, 1)};

struct Folder {
  TemporaryDir parent;
  ResolvConf resolver{.path = parent.path() + "/resolv.conf",
                      .state_folder = parent.path() + "/state"};

  Folder() { write(kBefore); }

  void write(const std::string& text) const { std::ofstream(resolver.path) << text; }

  std::string text() const { return read_file(resolver.path).value_or("(none)"); }

  /// All lines that begin with "nameserver", one after another.
  std::string servers() const {
    std::ifstream file(resolver.path);
    std::string found;
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("nameserver ")) found += line.substr(11) + " ";
    }
    return found;
  }

  /// Nothing is left of a tunnel but the lock.
  bool forgotten() const {
    for (const auto& entry : std::filesystem::directory_iterator(resolver.state_folder)) {
      if (entry.path().extension() != ".lock") return false;
    }
    return true;
  }

  /// Somebody who is no more adds a tunnel.
  void add_and_die(const std::string& tunnel) const {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) _exit(resolver.add(tunnel, kFirst) ? 0 : 1);
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);
  }
};

}  // namespace

TEST_CASE("io/resolv_conf the tunnel's servers are in the place of the host's, and go again") {
  const Folder folder;
  REQUIRE(chmod(folder.resolver.path.c_str(), 0640) == 0);
  REQUIRE(folder.resolver.add("a", kFirst));
  CHECK(folder.servers() == "10.0.0.1 10.0.0.2 ");
  CHECK(folder.text().find("search office.example\noptions edns0\n") != std::string::npos);
  CHECK(folder.resolver.remove("a") == Undone::undone);
  CHECK(folder.text() == kBefore);
  struct stat status{};
  REQUIRE(stat(folder.resolver.path.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0640);
  CHECK(folder.forgotten());
  CHECK(folder.resolver.remove("a") == Undone::gone);
}

TEST_CASE("io/resolv_conf two tunnels restore in any order") {
  for (const bool first_goes_first : {true, false}) {
    const Folder folder;
    REQUIRE(folder.resolver.add("a", kFirst));
    REQUIRE(folder.resolver.add("b", kSecond));
    CHECK(folder.servers() == "172.16.0.1 10.0.0.1 10.0.0.2 ");
    CHECK(folder.resolver.remove(first_goes_first ? "a" : "b") == Undone::undone);
    CHECK(folder.servers() == (first_goes_first ? "172.16.0.1 " : "10.0.0.1 10.0.0.2 "));
    CHECK(folder.resolver.remove(first_goes_first ? "b" : "a") == Undone::undone);
    CHECK(folder.text() == kBefore);
    CHECK(folder.forgotten());
  }
}

TEST_CASE("io/resolv_conf what somebody else has written since stays") {
  const Folder folder;
  REQUIRE(folder.resolver.add("a", kFirst));
  const std::string theirs = "nameserver 198.51.100.1\n";
  folder.write(theirs);
  SUBCASE("when the tunnel goes") {
    CHECK(folder.resolver.remove("a") == Undone::left_alone);
    CHECK(folder.text() == theirs);
    CHECK(folder.forgotten());
  }
  SUBCASE("and is what the next tunnel finds, and leaves") {
    REQUIRE(folder.resolver.add("b", kSecond));
    CHECK(folder.servers() == "172.16.0.1 ");
    CHECK(folder.resolver.remove("a") == Undone::gone);
    CHECK(folder.resolver.remove("b") == Undone::undone);
    CHECK(folder.text() == theirs);
  }
}

TEST_CASE("io/resolv_conf a link is a link again, and what was not there is not there") {
  const Folder folder;
  const std::string target = folder.parent.path() + "/elsewhere";
  std::filesystem::rename(folder.resolver.path, target);
  SUBCASE("a link") {
    REQUIRE(symlink("elsewhere", folder.resolver.path.c_str()) == 0);
    REQUIRE(folder.resolver.add("a", kFirst));
    CHECK_FALSE(std::filesystem::is_symlink(folder.resolver.path));
    CHECK(folder.text().find("search office.example") != std::string::npos);
    CHECK(folder.resolver.remove("a") == Undone::undone);
    CHECK(std::filesystem::read_symlink(folder.resolver.path) == "elsewhere");
    CHECK(read_file(target) == kBefore);
  }
  SUBCASE("a link that leads nowhere") {
    REQUIRE(symlink("nowhere", folder.resolver.path.c_str()) == 0);
    REQUIRE(folder.resolver.add("a", kFirst));
    CHECK(folder.servers() == "10.0.0.1 10.0.0.2 ");
    CHECK(folder.resolver.remove("a") == Undone::undone);
    CHECK(std::filesystem::read_symlink(folder.resolver.path) == "nowhere");
  }
  SUBCASE("nothing") {
    REQUIRE(folder.resolver.add("a", kFirst));
    CHECK(folder.servers() == "10.0.0.1 10.0.0.2 ");
    CHECK(folder.resolver.remove("a") == Undone::undone);
    CHECK_FALSE(std::filesystem::exists(folder.resolver.path));
  }
}

TEST_CASE("io/resolv_conf tunnels of dead processes are taken out, those of living ones stay") {
  const Folder folder;
  CHECK(folder.resolver.recover().value() == std::nullopt);
  folder.add_and_die("dead");
  CHECK(folder.servers() == "10.0.0.1 10.0.0.2 ");
  SUBCASE("alone") {
    CHECK(folder.resolver.recover().value() == Undone::undone);
    CHECK(folder.text() == kBefore);
    CHECK(folder.forgotten());
  }
  SUBCASE("beside one that lives") {
    REQUIRE(folder.resolver.add("b", kSecond));
    CHECK(folder.resolver.recover().value() == Undone::undone);
    CHECK(folder.servers() == "172.16.0.1 ");
    CHECK(folder.resolver.recover().value() == std::nullopt);
    CHECK(folder.resolver.remove("b") == Undone::undone);
    CHECK(folder.text() == kBefore);
  }
  SUBCASE("after somebody else has changed the file") {
    folder.write("nameserver 198.51.100.1\n");
    CHECK(folder.resolver.recover().value() == Undone::left_alone);
    CHECK(folder.servers() == "198.51.100.1 ");
    CHECK(folder.forgotten());
  }
  SUBCASE("of a boot before this one") {
    const std::string path = folder.resolver.state_folder + "/resolv.conf";
    std::string state = read_file(path).value();
    const std::size_t at = state.find("boot_id\":\"");
    REQUIRE(at != std::string::npos);
    state[at + 10] = state[at + 10] == '0' ? '1' : '0';
    std::ofstream(path) << state;
    CHECK(folder.resolver.recover().value() == Undone::undone);
    CHECK(folder.text() == kBefore);
  }
}

TEST_CASE("io/resolv_conf a process that died between writing it down and doing it left no harm") {
  const Folder folder;
  folder.add_and_die("dead");
  folder.write(kBefore);  // as if the file had not been replaced yet
  REQUIRE(folder.resolver.add("b", kSecond));
  CHECK(folder.resolver.recover().value() == Undone::undone);
  CHECK(folder.servers() == "172.16.0.1 ");
  CHECK(folder.resolver.remove("b") == Undone::undone);
  CHECK(folder.text() == kBefore);
}

TEST_CASE("io/resolv_conf a state that cannot be read is as none") {
  const Folder folder;
  REQUIRE(folder.resolver.add("a", kFirst));
  std::ofstream(folder.resolver.state_folder + "/resolv.conf") << "{\"original\": 5}";
  CHECK(folder.resolver.remove("a") == Undone::gone);
  CHECK(folder.resolver.recover().value() == std::nullopt);
}

TEST_CASE("io/resolv_conf a folder that cannot be written to is an error with a remedy") {
  const Folder folder;
  const ResolvConf resolver{.path = "/proc/self/resolv.conf",
                            .state_folder = folder.resolver.state_folder};
  const auto added = resolver.add("a", kFirst);
  REQUIRE_FALSE(added);
  CHECK(added.error().hint.find("dns = \"none\"") != std::string::npos);
}
