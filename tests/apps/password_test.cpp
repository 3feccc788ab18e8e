#include "apps/password.h"

#include <array>
#include <cstdlib>
#include <functional>
#include <pty.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

#include "apps/credentials_prompt.h"
#include "apps/profile_source.h"
#include "apps/profile_template.h"
#include "apps/terminal_prompt.h"
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

using Asking = std::function<std::expected<SecretText, Ending>()>;

// A process with a terminal of its own asks, and each of `typed` is typed when its prompt is there.
Asked ask_on_terminal(const std::vector<std::string>& prompts,
                      const std::vector<std::string>& typed, const Asking& ask) {
  std::array<int, 2> pipe_ends{};
  REQUIRE(pipe(pipe_ends.data()) == 0);
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, nullptr);
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto password = ask();
    const std::string result =
        password ? std::string(password->view()) : "!" + password.error().summary;
    const bool written = write(pipe_ends[1], result.data(), result.size()) >= 0;
    _exit(written ? 0 : 1);
  }
  close(pipe_ends[1]);
  Asked asked;
  for (std::size_t i = 0; i < typed.size(); ++i) {
    asked.shown += read_until(terminal, prompts[i]);
    CHECK(write(terminal, typed[i].data(), typed[i].size()) ==
          static_cast<ssize_t>(typed[i].size()));
  }
  asked.result = read_until(pipe_ends[0], "");
  asked.shown += read_until(terminal, "");
  close(pipe_ends[0]);
  close(terminal);
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  return asked;
}

Asked ask_on_terminal(const std::string& typed) {
  return ask_on_terminal({"Password: "}, {typed}, [] { return ask_password("Password: "); });
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

TEST_CASE("password: the first line that a command prints, which no shell reads") {
  const TemporaryFolder folder;
  const auto printed = [&](const std::string& command) {
    return credentials_for(profile_with(folder, "password-command = " + command));
  };
  CHECK(*printed("['printf', 'p%s ss\\nmore\\n', '$HOME']")->password() == "p$HOME ss");
  folder.write("ask", "#!/bin/sh\necho \"$# $1\"\n", 0700);
  CHECK(*printed("['./ask', 'a b']")->password() == "1 a b");
  for (const char* const wrong :
       {"['false']", "['true']", "['./is-not-there']", "['sh', '-c', 'kill $$']",
        "['sh', '-c', 'echo hunter2; exit 1']"}) {
    INFO(std::string(wrong));
    const auto failed = printed(wrong);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().status() == 2);
    CHECK(failed.error().summary.find("hunter2") == std::string::npos);
  }
}

TEST_CASE("password: systemd's credential, where the profile says nothing") {
  const TemporaryFolder folder;
  const Profile profile = profile_with(folder, "");
  folder.write("pptpd-user.p", "from systemd\n", 0440);
  REQUIRE(setenv("CREDENTIALS_DIRECTORY", folder.path().c_str(), 1) == 0);
  const auto found = credentials_for(profile);
  const auto given = credentials_for(profile_with(folder, "password = 'mine'"));
  folder.write("pptpd-user.p", "", 0440);
  const auto empty = credentials_for(profile);
  unsetenv("CREDENTIALS_DIRECTORY");
  REQUIRE(found);
  CHECK(*found->password() == "from systemd");
  CHECK(*given->password() == "mine");
  CHECK_FALSE(empty);
}

TEST_CASE("password: octets as characters, as pppd has it (note 3.27)") {
  const TemporaryFolder folder;
  const auto hash = [&](const std::string& text) {
    return hex(credentials_for(profile_with(folder,
                                            "password = 'Gr\xc3\xbc\xc3\x9f"
                                            "e'\nauth.password-text = '" +
                                                text + "'"))
                   ->nt_hash()
                   .bytes());
  };
  CHECK(hash("utf-8") == "2816114083c3d8e78cfa2bdb9cde7ae6");
  CHECK(hash("octets") == "ada998ce9dab72e363b5b48290f1656c");
}

TEST_CASE("password: where the old one is left when the server has a new one") {
  const TemporaryFolder folder;
  const auto told = [&](const std::string& line) {
    return password_changed(profile_with(folder, line));
  };
  CHECK(told("") == "the server has the new password");
  CHECK(told("password-file = '/etc/word'").ends_with("put it into /etc/word too"));
  CHECK(told("password = 'x'").ends_with("put it into the profile too"));
}

TEST_CASE("password: a new one is typed twice, until the two are the same") {
  const Asked asked = ask_on_terminal(
      {"New password of alice: ", "The same again: ", "New password of alice: ",
       "New password of alice: ", "The same again: "},
      {"one\n", "two\n", "\n", "three\n", "three\n"}, [] { return ask_new_password("alice"); });
  CHECK(asked.result == "three");
  CHECK(asked.shown.find("These two are not the same.") != std::string::npos);
  CHECK(asked.shown.find("An empty one will not do.") != std::string::npos);
}

std::expected<SecretText, Ending> ask_in_loop(CredentialsPrompt::Question question) {
  io::EventLoop loop;
  std::expected<SecretText, Ending> result = std::unexpected(Ending());
  CredentialsPrompt prompt(loop, question, "alice", [&](std::optional<SecretText> answer) {
    if (answer) result = *std::move(answer);
    loop.stop();
  });
  loop.run();
  return result;
}

TEST_CASE("password: another one in the middle of a call, while the event loop runs") {
  const Asked other = ask_on_terminal({"Refused. Password of alice: "}, {"right\n"}, [] {
    return ask_in_loop(CredentialsPrompt::Question::other_password);
  });
  CHECK(other.result == "right");
  CHECK(other.shown.find("right") == std::string::npos);
  const Asked changed =
      ask_on_terminal({"The password has expired. New password of alice: ", "The same again: ",
                       "New password of alice: ", "The same again: "},
                      {"one\n", "two\n", "new\n", "new\n"},
                      [] { return ask_in_loop(CredentialsPrompt::Question::new_password); });
  CHECK(changed.result == "new");
  CHECK(ask_on_terminal({"alice: "}, {"\x04"}, [] {
          return ask_in_loop(CredentialsPrompt::Question::other_password);
        }).result == "!");
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
  EndingContext context = context_for("vpn", Credentials("a", SecretText("word ")));
  CHECK(context.server == "vpn");
  CHECK(context.user == "a");
  CHECK(context.password_edge_blanks);
  CHECK_FALSE(context.password_beyond_ascii);
  context = context_for("vpn", Credentials("a", SecretText("w\xc3\xb6rd")));
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
