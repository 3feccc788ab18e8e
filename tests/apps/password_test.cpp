#include "apps/password.h"

#include <array>
#include <pty.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "apps/profile_source.h"
#include "apps/profile_template.h"
#include "tests/apps/temporary_folder.h"

using namespace pptp;
using namespace pptp::app;

namespace {

Profile profile_with(const TemporaryFolder& folder, const std::string& line) {
  ProfileRequest request;
  request.profile =
      folder.write("p.toml", "server = 'vpn'\nuser = 'OFFICE\\alice'\n" + line + "\n", 0600);
  auto profile = load_profile(request, {});
  REQUIRE(profile);
  return std::move(*profile);
}

struct Asked {
  std::string shown;   ///< on the terminal
  std::string result;  ///< the password, or the ending's summary after an "!"
};

std::string read_until(int descriptor, std::string_view end) {
  std::string text;
  std::array<char, 256> buffer{};
  while (end.empty() || text.find(end) == std::string::npos) {
    const ssize_t count = read(descriptor, buffer.data(), buffer.size());
    if (count <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return text;
}

// A process with a terminal of its own asks, and `typed` is typed when the prompt is there.
Asked ask_on_terminal(std::string_view typed) {
  std::array<int, 2> pipe_ends{};
  REQUIRE(pipe(pipe_ends.data()) == 0);
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, nullptr);
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto password = ask_password("Password: ");
    const std::string result =
        password ? std::string(password->view()) : "!" + password.error().summary;
    const bool written = write(pipe_ends[1], result.data(), result.size()) >= 0;
    _exit(written ? 0 : 1);
  }
  close(pipe_ends[1]);
  Asked asked;
  asked.shown = read_until(terminal, "Password: ");
  CHECK(write(terminal, typed.data(), typed.size()) == static_cast<ssize_t>(typed.size()));
  asked.result = read_until(pipe_ends[0], "");
  asked.shown += read_until(terminal, "");
  close(pipe_ends[0]);
  close(terminal);
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  return asked;
}

std::string password_from(const std::string& text) {
  return std::string(first_line(text).view());
}

}  // namespace

TEST_CASE("password: from the profile itself, or its hash") {
  const TemporaryFolder folder;
  const auto text = credentials_for(profile_with(folder, "password = 'a b'"));
  REQUIRE(text);
  CHECK(text->user() == "OFFICE\\alice");
  CHECK(*text->password() == "a b");
  const auto hash =
      credentials_for(profile_with(folder, "nt-hash = '44EBBA8D5312B8D611474411F56989AE'"));
  REQUIRE(hash);
  CHECK_FALSE(hash->password());
  CHECK(hex(hash->nt_hash().bytes()) == "44ebba8d5312b8d611474411f56989ae");
}

TEST_CASE("password: the first line of its file, found from the profile's folder") {
  const TemporaryFolder folder;
  const Profile profile = profile_with(folder, "password-file = 'secret'");
  CHECK(credentials_for(profile).error().id == "config-invalid");
  folder.write("secret", " p\xc3\xa4ss # word \r\nmore\n", 0600);
  CHECK(*credentials_for(profile)->password() == " p\xc3\xa4ss # word ");
  folder.write("secret", "word", 0644);
  const auto exposed = credentials_for(profile);
  REQUIRE_FALSE(exposed);
  CHECK(exposed.error().status() == 2);
  CHECK(exposed.error().remedy.front().starts_with("chmod 600 "));
  folder.write("secret", "\nword", 0600);
  CHECK_FALSE(credentials_for(profile));
}

TEST_CASE("password: the end of the line is no part of it") {
  CHECK(password_from("word") == "word");
  CHECK(password_from("word\n") == "word");
  CHECK(password_from("word\r\n") == "word");
  CHECK(password_from("wo\rrd\nx") == "wo\rrd");
  CHECK(password_from("") == "");
}

TEST_CASE("password: what is typed on the terminal is read and not shown") {
  const Asked asked = ask_on_terminal("hunter 2\n");
  CHECK(asked.result == "hunter 2");
  CHECK(asked.shown == "Password: \r\n");
}

TEST_CASE("password: a signal or the end of the terminal's input ends the asking") {
  CHECK(ask_on_terminal("hunt\x03").result == "!interrupted");
  CHECK(ask_on_terminal("\x04").result.starts_with("!the configuration cannot be used: "));
}

TEST_CASE("password: what an ending can say about it") {
  EndingContext context;
  describe_password(Credentials("a", SecretText("word ")), context);
  CHECK(context.password_edge_blanks);
  CHECK_FALSE(context.password_beyond_ascii);
  describe_password(Credentials("a", SecretText("w\xc3\xb6rd")), context);
  CHECK_FALSE(context.password_edge_blanks);
  CHECK(context.password_beyond_ascii);
}

TEST_CASE("profile template: is a valid profile, and so is every line of it") {
  const TemporaryFolder folder;
  std::string text = profile_template();
  ProfileRequest request;
  request.profile = folder.write("p.toml", text, 0600);
  CHECK(load_profile(request, {}));
  // Without the comment signs it still holds nothing but known keys and good values, but for the
  // places that are to be filled in.
  std::string all;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = text.find('\n', start);
    std::string line = text.substr(start, end - start);
    start = end + 1;
    if (line.starts_with('#') && !line.starts_with("# ")) line.erase(0, 1);
    if (line.find("\"...\"") == std::string::npos) all += line + "\n";
  }
  request.profile = folder.write("all.toml", all, 0600);
  const auto profile = load_profile(request, {});
  REQUIRE(profile);
  CHECK(profile->network.interface == "pptp%d");
}

TEST_CASE("profile template: where a new profile goes") {
  const ProfileFolders folders{{"/x", "/y"}};
  CHECK(*new_profile_path("office", folders) == "/x/office.toml");
  CHECK(*new_profile_path("office.toml", folders) == "/x/office.toml");
  CHECK(*new_profile_path("./office.toml", folders) == "./office.toml");
  CHECK_FALSE(new_profile_path("-", folders));
  CHECK_FALSE(new_profile_path("..", folders));
  CHECK_FALSE(new_profile_path(".x", folders));
  CHECK_FALSE(new_profile_path("/x/", folders));
}
