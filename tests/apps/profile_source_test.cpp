#include "apps/profile_source.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>

#include <doctest/doctest.h>

#include "tests/apps/temporary_folder.h"

using namespace pptp;
using namespace pptp::app;

namespace {

const std::string kPlain = "server = 'vpn'\nuser = 'alice'\n";
const std::string kSecret = kPlain + "password = 'hunter2'\n";
const std::string kHash = kPlain + "nt-hash = '44EBBA8D5312B8D611474411F56989AE'\n";

ProfileRequest named(std::string profile) {
  ProfileRequest request;
  request.profile = std::move(profile);
  return request;
}

}  // namespace

TEST_CASE("profile source: a name is looked up in the user's folder, then in the host's") {
  const TemporaryFolder user;
  const TemporaryFolder host;
  const ProfileFolders folders{{user.path(), host.path()}};
  host.write("office.toml", kPlain, 0644);
  CHECK(find_profile("office", folders)->path == (host.path() / "office.toml").string());
  user.write("office.toml", kPlain, 0644);
  const auto found = find_profile("office", folders);
  REQUIRE(found);
  CHECK(found->path == (user.path() / "office.toml").string());
  CHECK(found->name == "office");

  const auto missing = find_profile("home", folders);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().message.find((user.path() / "home.toml").string()) != std::string::npos);
  CHECK(missing.error().message.find((host.path() / "home.toml").string()) != std::string::npos);
  CHECK(missing.error().hint.find("profile new home") != std::string::npos);
  CHECK(find_profile("office.toml", folders).error().hint.find("./office.toml") !=
        std::string::npos);
}

TEST_CASE("profile source: what has a slash in it is a path, - is standard input") {
  const ProfileFolders folders{{"/nowhere"}};
  CHECK(find_profile("./a/office.toml", folders)->path == "./a/office.toml");
  CHECK(find_profile("./a/office.toml", folders)->name == "office");
  CHECK(find_profile("/x/office", folders)->name == "office");
  CHECK(find_profile("/x/office.conf", folders)->name == "office.conf");
  CHECK(find_profile("-", folders)->name == "stdin");
  CHECK(find_profile("-", folders)->path == "-");
}

TEST_CASE("profile source: names that cannot be part of a file name are refused") {
  const ProfileFolders folders{{"/nowhere"}};
  for (const char* name : {"", ".", "..", ".hidden", "-x", "a\nb", "/x/.toml", "/x/", "/x/..", "/"})
    CHECK_MESSAGE(!find_profile(name, folders), name);
  CHECK_FALSE(find_profile(std::string(81, 'a'), folders));
}

TEST_CASE("profile source: the folders come from XDG_CONFIG_HOME, else HOME, and /etc") {
  using Paths = std::vector<std::filesystem::path>;
  CHECK(ProfileFolders::of("/x", "/people/a").folders == Paths{"/x/pptpd-user", "/etc/pptpd-user"});
  CHECK(ProfileFolders::of(nullptr, "/people/a").folders ==
        Paths{"/people/a/.config/pptpd-user", "/etc/pptpd-user"});
  CHECK(ProfileFolders::of("", "/people/a").folders ==
        Paths{"/people/a/.config/pptpd-user", "/etc/pptpd-user"});
  CHECK(ProfileFolders::of("relative", "/people/a").folders ==
        Paths{"/people/a/.config/pptpd-user", "/etc/pptpd-user"});
  CHECK(ProfileFolders::of(nullptr, nullptr).folders == Paths{"/etc/pptpd-user"});
}

TEST_CASE("profile source: a file with a secret in it must be the owner's alone") {
  const TemporaryFolder folder;
  for (const std::string& text : {kSecret, kHash}) {
    for (const mode_t mode : std::initializer_list<mode_t>{0644, 0640, 0604, 0620, 0602, 0666}) {
      const auto profile = load_profile(named(folder.write("a.toml", text, mode)), {});
      REQUIRE_FALSE(profile);
      REQUIRE(profile.error().size() == 1);
      CHECK(profile.error()[0].hint == "chmod 600 " + (folder.path() / "a.toml").string());
    }
    for (const mode_t mode : std::initializer_list<mode_t>{0600, 0400, 0700})
      CHECK(load_profile(named(folder.write("a.toml", text, mode)), {}));
  }
  CHECK(load_profile(named(folder.write("a.toml", kPlain, 0644)), {}));
  // A secret on the command line is no secret of the file.
  ProfileRequest request = named(folder.write("a.toml", kPlain, 0644));
  request.settings = {"password=x"};
  CHECK(load_profile(request, {}));
}

TEST_CASE("profile source: what cannot be read says why") {
  const TemporaryFolder folder;
  const auto missing = load_profile(named((folder.path() / "none.toml").string()), {});
  REQUIRE_FALSE(missing);
  CHECK(missing.error()[0].message == "No such file or directory");
  const auto directory = load_profile(named(folder.path().string() + "/."), {});
  CHECK_FALSE(directory);
  std::filesystem::create_directory(folder.path() / "d.toml");
  const auto also = load_profile(named((folder.path() / "d.toml").string()), {});
  REQUIRE_FALSE(also);
  CHECK(also.error()[0].message == "Is a directory");
  const std::string large(2 << 20, '#');
  CHECK_FALSE(load_profile(named(folder.write("large.toml", large, 0600)), {}));
}

TEST_CASE("profile source: without a file, from --server and --user") {
  ProfileRequest request;
  request.server = "vpn.example.com:1724";
  request.user = "OFFICE\\alice";
  request.settings = {"network.mtu=1400"};
  const auto profile = load_profile(request, {});
  REQUIRE(profile);
  CHECK(profile->name == "vpn.example.com");
  CHECK(profile->servers[0].port == 1724);
  CHECK(profile->user == "OFFICE\\alice");
  CHECK(profile->network.mtu == 1400);
  CHECK(profile->settings[0].origin == "--server");
  CHECK(profile->settings[1].origin == "--user");

  request.server = "a b";
  const auto wrong = load_profile(request, {});
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error()[0].file == "--server");
}

TEST_CASE("profile source: mistakes of file and arguments are gathered together") {
  const TemporaryFolder folder;
  ProfileRequest request = named(folder.write("a.toml", "user = 'a'\ncolour = 1\n", 0600));
  request.settings = {"nonsense", "network.mtu=1"};
  const auto profile = load_profile(request, {});
  REQUIRE_FALSE(profile);
  CHECK(profile.error().size() == 4);
}

TEST_CASE("profile source: a profile knows the folder that its relative paths start from") {
  const TemporaryFolder folder;
  CHECK(load_profile(named(folder.write("a.toml", kPlain, 0600)), {})->folder == folder.path());
}
