#include "tunnel/io/runtime_dir.h"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

#include "tests/io/temporary_dir.h"
#include "tunnel/io/file.h"
#include "tunnel/io/journal.h"

using namespace pptp::io;

namespace {

unsigned mode_of(const std::string& path) {
  struct stat status{};
  REQUIRE(stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}

}  // namespace

TEST_CASE("io/runtime_dir is made for its owner alone") {
  const TemporaryDir parent;
  const std::string path = parent.path() + "/run";
  REQUIRE(RuntimeDir::open(path).has_value());
  CHECK(mode_of(path) == 0700);

  std::filesystem::permissions(path, std::filesystem::perms(0755));
  REQUIRE(RuntimeDir::open(path).has_value());
  CHECK(mode_of(path) == 0700);
}

TEST_CASE("io/runtime_dir stays where it is when the process goes to another folder") {
  const TemporaryDir parent;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(parent.path());
  const auto directory = RuntimeDir::open("run");
  std::filesystem::current_path(before);
  REQUIRE(directory.has_value());
  CHECK(directory->path() == parent.path() + "/run");
  CHECK(directory->lock("office").has_value());
}

TEST_CASE("io/runtime_dir refuses what is not a directory of its own") {
  const TemporaryDir parent;
  std::filesystem::create_directory_symlink(parent.path(), parent.path() + "/link");
  CHECK_FALSE(RuntimeDir::open(parent.path() + "/link").has_value());
  CHECK_FALSE(RuntimeDir::open(parent.path() + "/no/parent").has_value());
  if (geteuid() == 0) {
    const std::string foreign = parent.path() + "/foreign";
    std::filesystem::create_directory(foreign);
    REQUIRE(chown(foreign.c_str(), 65534, 65534) == 0);
    const auto refused = RuntimeDir::open(foreign);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().fault == IoFault::permission);
  }
}

TEST_CASE("io/runtime_dir that cannot be made says where another one is named") {
  const auto directory = RuntimeDir::open("/nowhere/pptpd-user");
  REQUIRE_FALSE(directory.has_value());
  CHECK(directory.error().text().find("/nowhere/pptpd-user") != std::string::npos);
  CHECK(directory.error().hint.find("PPTPD_USER_RUNTIME_DIR") != std::string::npos);
}

TEST_CASE("io/runtime_dir follows PPTPD_USER_RUNTIME_DIR") {
  setenv("PPTPD_USER_RUNTIME_DIR", "/somewhere/else", 1);
  const auto overridden = RuntimeDir::default_path();
  unsetenv("PPTPD_USER_RUNTIME_DIR");
  REQUIRE(overridden.has_value());
  CHECK(*overridden == "/somewhere/else");
  if (geteuid() == 0) CHECK(RuntimeDir::default_path().value() == "/run/pptpd-user");
}

TEST_CASE("io/runtime_dir takes no name that would leave the directory") {
  CHECK(valid_profile_name("office"));
  CHECK(valid_profile_name("vpn.example.com"));
  CHECK(valid_profile_name(std::string(80, 'x')));
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string(".hidden"),
        std::string("a/b"), std::string("/etc/x"), std::string("a\nb"), std::string("a\0b", 3),
        std::string(81, 'x'), std::string("caf\xc3\xa9")}) {
    CAPTURE(name);
    CHECK_FALSE(valid_profile_name(name));
    const TemporaryDir parent;
    const auto directory = RuntimeDir::open(parent.path()).value();
    const auto refused = directory.lock(name);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().fault == IoFault::bad_name);
  }
}

TEST_CASE("io/runtime_dir locks a profile once, and not another") {
  const TemporaryDir parent;
  const auto directory = RuntimeDir::open(parent.path()).value();
  std::optional<ProfileLock> lock = directory.lock("office").value();
  CHECK(lock->profile() == "office");

  const auto second = directory.lock("office");
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().fault == IoFault::already_locked);
  CHECK(directory.lock("home").has_value());

  lock.reset();
  CHECK(directory.lock("office").has_value());
}

TEST_CASE("io/runtime_dir is asked whether a profile is locked, and leaves nothing by that") {
  const TemporaryDir parent;
  const auto directory = RuntimeDir::open(parent.path()).value();
  CHECK_FALSE(directory.is_locked("office"));
  CHECK(std::filesystem::is_empty(parent.path()));
  std::optional<ProfileLock> lock = directory.lock("office").value();
  CHECK(directory.is_locked("office"));
  CHECK_FALSE(directory.is_locked("home"));
  lock.reset();
  CHECK_FALSE(directory.is_locked("office"));
}

TEST_CASE("io/runtime_dir lists the journals of this network namespace, once each") {
  const TemporaryDir parent;
  const auto directory = RuntimeDir::open(parent.path()).value();
  const std::uint64_t here = this_network_namespace();
  for (const std::string& path :
       {directory.journal_path("b"), directory.journal_path("b", here),
        directory.journal_path("a", here), directory.journal_path("c", here + 1)})
    REQUIRE(replace_file(path, "").has_value());
  CHECK(directory.profiles_with_journal() == std::vector<std::string>{"a", "b"});
}

TEST_CASE("io/runtime_dir lock is gone with the process that was killed") {
  const TemporaryDir parent;
  const auto directory = RuntimeDir::open(parent.path()).value();
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto held = directory.lock("office");
    _exit(held ? 7 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WEXITSTATUS(status) == 7);
  CHECK(directory.lock("office").has_value());
}

TEST_CASE("io/runtime_dir keeps the last result, replaced as a whole") {
  const TemporaryDir parent;
  const auto directory = RuntimeDir::open(parent.path()).value();
  CHECK_FALSE(directory.read_last("office").has_value());
  REQUIRE(directory.write_last("office", "a longer first result").has_value());
  REQUIRE(directory.write_last("office", "second").has_value());
  CHECK(directory.read_last("office") == "second");
  CHECK(mode_of(parent.path() + "/office.last") == 0600);
  CHECK_FALSE(std::filesystem::exists(parent.path() + "/office.last.new"));
}
