#include "apps/command_line.h"

#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace pptp::app;

namespace {

/// Runs a command line in which every command exists and only notes what it was given.
struct Recorder {
  std::optional<ConnectArguments> connect;
  std::optional<ExecArguments> exec;
  std::optional<DisconnectArguments> disconnect;
  std::optional<ReconnectArguments> reconnect;
  std::optional<PasswdArguments> passwd;
  std::optional<StatusArguments> status;
  std::optional<ServeArguments> serve;
  std::optional<DemoArguments> demo;
  std::optional<ProfileShowArguments> profile_show;
  std::optional<ProfileCheckArguments> profile_check;
  std::optional<ProfileNewArguments> profile_new;
  bool version = false;
  Globals globals;

  int run(std::initializer_list<const char*> words) {
    Commands commands;
    commands.connect = keep(connect);
    commands.exec = keep(exec);
    commands.disconnect = keep(disconnect);
    commands.reconnect = keep(reconnect);
    commands.passwd = keep(passwd);
    commands.status = keep(status);
    commands.serve = keep(serve);
    commands.demo = keep(demo);
    commands.profile_show = keep(profile_show);
    commands.profile_check = keep(profile_check);
    commands.profile_new = keep(profile_new);
    commands.version = [this](const VersionArguments&, const Globals& given) {
      version = true;
      globals = given;
      return 7;
    };
    std::vector<const char*> arguments = {"pptpd-user"};
    arguments.insert(arguments.end(), words);
    return run_command_line(arguments, commands);
  }

 private:
  template <class Arguments>
  Commands::Run<Arguments> keep(std::optional<Arguments>& place) {
    return [this, &place](const Arguments& arguments, const Globals& given) {
      place = arguments;
      globals = given;
      return 7;
    };
  }
};

constexpr int kUsage = 2;

int usage_of(std::initializer_list<const char*> words) {
  return Recorder().run(words);
}

}  // namespace

TEST_CASE("command line: connect with a profile") {
  Recorder recorder;
  CHECK(recorder.run(
            {"connect", "office", "--background", "--set", "a.b=1", "--set", "c=[1, 2]"}) == 7);
  REQUIRE(recorder.connect);
  CHECK(recorder.connect->profile.profile == "office");
  CHECK(recorder.connect->background);
  CHECK(recorder.connect->profile.settings == std::vector<std::string>{"a.b=1", "c=[1, 2]"});
}

TEST_CASE("command line: exec takes everything behind -- as the command") {
  using Words = std::vector<std::string>;
  Recorder recorder;
  CHECK(recorder.run({"exec", "office", "--set", "a=1", "--", "sh", "-c", "echo -- $1", "--",
                      "--set", "status", "-v"}) == 7);
  REQUIRE(recorder.exec);
  CHECK(recorder.exec->profile.profile == "office");
  CHECK(recorder.exec->profile.settings == Words{"a=1"});
  CHECK(recorder.exec->command == Words{"sh", "-c", "echo -- $1", "--", "--set", "status", "-v"});
  CHECK(recorder.globals.log.verbosity == 0);
  CHECK(recorder.run({"exec", "office", "ls"}) == 7);
  CHECK(recorder.exec->command == Words{"ls"});
  CHECK(usage_of({"exec"}) == kUsage);
  CHECK(usage_of({"exec", "office"}) == kUsage);
  CHECK(usage_of({"exec", "office", "--"}) == kUsage);
  CHECK(usage_of({"exec", "office", "ls", "--long"}) == kUsage);
}

TEST_CASE("command line: passwd") {
  Recorder recorder;
  CHECK(recorder.run({"passwd", "office", "--password-stdin", "--set", "a=1"}) == 7);
  REQUIRE(recorder.passwd);
  CHECK(recorder.passwd->profile.profile == "office");
  CHECK(recorder.passwd->profile.settings == std::vector<std::string>{"a=1"});
  CHECK(recorder.passwd->password_stdin);
  CHECK(usage_of({"passwd"}) == kUsage);
  CHECK(usage_of({"passwd", "a", "b"}) == kUsage);
}

TEST_CASE("command line: --set takes one argument and leaves the profile alone") {
  Recorder recorder;
  CHECK(recorder.run({"connect", "--set", "a=1", "office"}) == 7);
  CHECK(recorder.connect->profile.profile == "office");
  CHECK(recorder.connect->profile.settings == std::vector<std::string>{"a=1"});
  CHECK(recorder.run({"connect", "office", "--set=network.routes=[\"10.0.0.0/8\"]"}) == 7);
  CHECK(recorder.connect->profile.settings ==
        std::vector<std::string>{"network.routes=[\"10.0.0.0/8\"]"});
}

TEST_CASE("command line: the profile may be standard input, or a path") {
  Recorder recorder;
  CHECK(recorder.run({"connect", "-"}) == 7);
  CHECK(recorder.connect->profile.profile == "-");
  CHECK(recorder.run({"profile", "check", "./a b.toml"}) == 7);
  CHECK(recorder.profile_check->profile.profile == "./a b.toml");
}

TEST_CASE("command line: connect without a profile") {
  Recorder recorder;
  CHECK(recorder.run({"connect", "--server", "vpn:1724", "--user", "OFFICE\\alice",
                      "--password-stdin"}) == 7);
  REQUIRE(recorder.connect);
  CHECK(recorder.connect->profile.profile.empty());
  CHECK(recorder.connect->profile.server == "vpn:1724");
  CHECK(recorder.connect->profile.user == "OFFICE\\alice");
  CHECK(recorder.connect->profile.password_stdin);
  CHECK_FALSE(recorder.connect->background);
}

TEST_CASE("command line: what connect cannot make sense of is a usage error") {
  CHECK(usage_of({"connect"}) == kUsage);
  CHECK(usage_of({"connect", "a", "b"}) == kUsage);
  CHECK(usage_of({"connect", "a", "--server", "b", "--user", "c"}) == kUsage);
  CHECK(usage_of({"connect", "--server", "b"}) == kUsage);
  CHECK(usage_of({"connect", "--user", "c"}) == kUsage);
  CHECK(usage_of({"connect", "a", "--user", "c"}) == kUsage);
  CHECK(usage_of({"connect", "a", "--password-stdin"}) == kUsage);
  CHECK(usage_of({"connect", "a", "--set"}) == kUsage);
  CHECK(usage_of({"connect", "a", "--bakground"}) == kUsage);
}

TEST_CASE("command line: disconnect, status, serve, demo, profile") {
  Recorder recorder;
  CHECK(recorder.run({"disconnect"}) == 7);
  CHECK(recorder.disconnect->profile.empty());
  CHECK(recorder.run({"reconnect", "office"}) == 7);
  CHECK(recorder.reconnect->profile == "office");
  CHECK(recorder.run({"disconnect", "office"}) == 7);
  CHECK(recorder.disconnect->profile == "office");
  CHECK(recorder.run({"status"}) == 7);
  CHECK_FALSE(recorder.status->json);
  CHECK(recorder.run({"status", "office", "--json"}) == 7);
  CHECK(recorder.status->profile == "office");
  CHECK(recorder.status->json);
  CHECK(recorder.run({"serve"}) == 7);
  CHECK(recorder.serve->config.empty());
  CHECK(recorder.run({"serve", "/etc/s.toml", "--check", "--set", "listen=10.0.0.1"}) == 7);
  CHECK(recorder.serve->config == "/etc/s.toml");
  CHECK(recorder.serve->check);
  CHECK(recorder.serve->settings.size() == 1);
  CHECK(recorder.run({"demo"}) == 7);
  CHECK(recorder.demo->seconds == 3);
  CHECK(recorder.run({"demo", "--seconds", "2", "--json"}) == 7);
  CHECK(recorder.demo->seconds == 2);
  CHECK(recorder.demo->json);
  CHECK(usage_of({"demo", "--seconds", "0"}) == kUsage);
  CHECK(usage_of({"demo", "--seconds", "-1"}) == kUsage);
  CHECK(usage_of({"demo", "--seconds", "x"}) == kUsage);
  CHECK(recorder.run({"profile", "show", "a", "--set", "b=c"}) == 7);
  CHECK(recorder.profile_show->profile.settings.size() == 1);
  CHECK(recorder.run({"profile", "new", "a"}) == 7);
  CHECK(recorder.profile_new->profile == "a");
  CHECK(usage_of({"profile"}) == kUsage);
  CHECK(usage_of({"profile", "show"}) == kUsage);
  CHECK(usage_of({"profile", "shwo", "a"}) == kUsage);
  CHECK(usage_of({}) == kUsage);
  CHECK(usage_of({"connekt", "a"}) == kUsage);
}

TEST_CASE("command line: the options of all commands go before or behind the command") {
  for (const auto& words :
       std::vector<std::vector<const char*>>{{"-vv", "--log-format", "json", "version"},
                                             {"version", "-v", "-v", "--log-format=json"}}) {
    Recorder recorder;
    Commands commands;
    Globals seen;
    commands.version = [&seen](const VersionArguments&, const Globals& given) {
      seen = given;
      return 0;
    };
    std::vector<const char*> arguments = {"pptpd-user"};
    arguments.insert(arguments.end(), words.begin(), words.end());
    CHECK(run_command_line(arguments, commands) == 0);
    CHECK(seen.log.verbosity == 2);
    CHECK(seen.log.format == LogFormat::json);
  }
  Recorder recorder;
  CHECK(recorder.run({"profile", "show", "a", "-v"}) == 7);
  CHECK(recorder.globals.log.verbosity == 1);
  CHECK(recorder.globals.log.format == LogFormat::text);
  CHECK(usage_of({"version", "--log-format", "xml"}) == kUsage);
  CHECK(usage_of({"version", "--log-passwords"}) == kUsage);
}

TEST_CASE("command line: a command that is not built does not exist") {
  Commands commands;
  commands.version = [](const VersionArguments&, const Globals&) { return 0; };
  const std::vector<const char*> connect = {"pptpd-user", "connect", "a"};
  CHECK(run_command_line(connect, commands) == kUsage);
  const std::vector<const char*> profile = {"pptpd-user", "profile", "show", "a"};
  CHECK(run_command_line(profile, commands) == kUsage);
}
