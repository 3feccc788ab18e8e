#include "tunnel/io/state_dir.h"

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "tests/io/temporary_dir.h"
#include "tunnel/io/file.h"

using namespace pptp::io;

namespace {

/// An environment variable for as long as this lives.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* const before = std::getenv(name)) before_ = before;
    set(value);
  }

  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

  ~Variable() { set(before_ ? before_->c_str() : nullptr); }

 private:
  void set(const char* value) {
    if (value == nullptr)
      ::unsetenv(name_);
    else
      ::setenv(name_, value, 1);
  }

  const char* name_;
  std::optional<std::string> before_;
};

unsigned mode_of(const std::string& path) {
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}

}  // namespace

TEST_CASE("io/state_dir is where the environment says, for root /var/lib") {
  const Variable systemd("STATE_DIRECTORY", "/var/lib/a:/var/lib/b");
  const Variable xdg("XDG_STATE_HOME", "/x");
  CHECK(StateDir::of_this_user().path() == "/var/lib/a");
  const Variable no_systemd("STATE_DIRECTORY", nullptr);
  if (::geteuid() == 0) {
    CHECK(StateDir::of_this_user().path() == "/var/lib/pptpd-user");
    return;
  }
  CHECK(StateDir::of_this_user().path() == "/x/pptpd-user");
  const Variable relative("XDG_STATE_HOME", "x");
  const Variable home("HOME", "/h");
  CHECK(StateDir::of_this_user().path() == "/h/.local/state/pptpd-user");
  const Variable no_home("HOME", nullptr);
  CHECK(StateDir::of_this_user().path().empty());
}

TEST_CASE("io/state_dir keeps a text for each profile, for its owner alone") {
  const TemporaryDir parent;
  const StateDir directory(parent.path() + "/share/pptpd-user");
  CHECK_FALSE(directory.read_encrypted("office").has_value());
  REQUIRE(directory.write_encrypted("office", "one").has_value());
  REQUIRE(directory.write_encrypted("home", "two").has_value());
  CHECK(directory.read_encrypted("office") == "one");
  CHECK(directory.read_encrypted("home") == "two");
  CHECK(mode_of(directory.path()) == 0700);
  CHECK(mode_of(directory.encrypted_path("office")) == 0600);
  REQUIRE(directory.write_encrypted("office", "three").has_value());
  CHECK(directory.read_encrypted("office") == "three");
}

TEST_CASE("io/state_dir that is not there says what to do") {
  const StateDir nowhere("");
  CHECK_FALSE(nowhere.read_encrypted("office").has_value());
  const auto written = nowhere.write_encrypted("office", "x");
  REQUIRE_FALSE(written.has_value());
  CHECK(written.error().text().find("HOME is not set") != std::string::npos);

  const TemporaryDir parent;
  REQUIRE(replace_file(parent.path() + "/file", "").has_value());
  const auto below_a_file = StateDir(parent.path() + "/file/state").write_encrypted("office", "x");
  REQUIRE_FALSE(below_a_file.has_value());
  CHECK(below_a_file.error().text().find(parent.path() + "/file/state") != std::string::npos);
}
