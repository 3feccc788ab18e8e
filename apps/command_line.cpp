#include "apps/command_line.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <fmt/core.h>

#include "apps/config_error.h"
#include "apps/ending.h"
#include "apps/nearest.h"

namespace pptp::app {
namespace {

constexpr std::string_view kProgram = "pptpd-user";
constexpr unsigned kMaxDemoSeconds = 3600;

/// The command line as CLI11 sees it, and what it fills in.
class CommandLine {
 public:
  explicit CommandLine(const Commands& commands)
      : commands_(commands),
        app_("PPTP in user space: client, server, tools.", std::string(kProgram)) {
    app_.require_subcommand(1);
    app_.fallthrough();
    add_globals();
    add_connect();
    add_exec();
    add_disconnect();
    add_reconnect();
    add_passwd();
    add_status();
    add_profile();
    add_serve();
    add_doctor();
    add_explain();
    add_symptoms();
    add_demo();
    add_version();
    app_.footer("pptpd-user COMMAND --help says more about a command.");
  }

  int run(std::span<const char* const> arguments) {
    // CLI11 takes them without the program's name, the last one first.
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    if (!reversed.empty()) reversed.pop_back();
    try {
      app_.parse(reversed);
    } catch (const CLI::CallForHelp&) {
      fmt::print("{}", app_.help());
      return 0;
    } catch (const CLI::ParseError& error) {
      return usage_error(error);
    }
    globals_.log.format = log_format_ == "json" ? LogFormat::json : LogFormat::text;
    return run_();
  }

 private:
  // The command that was named last: "profile show" rather than "profile".
  const CLI::App* deepest() const {
    const CLI::App* app = &app_;
    while (!app->get_subcommands().empty())
      app = app->get_subcommands().front();
    return app;
  }

  int usage_error(const CLI::ParseError& error) const {
    const CLI::App* app = deepest();
    std::string command(kProgram);
    for (const CLI::App* part = &app_; part != app;) {
      part = part->get_subcommands().front();
      command += " " + part->get_name();
    }
    std::string message = error.what();
    const bool command_wanted = !app->get_subcommands([](const CLI::App*) { return true; }).empty();
    std::string hint;
    // What nobody wanted is the reason, also where CLI11 goes on to miss a command.
    const std::vector<std::string> extras = app_.remaining(true);
    const auto option = std::ranges::find_if(
        extras, [](const std::string& word) { return word.size() > 1 && word.starts_with('-'); });
    if (!extras.empty()) {
      const std::string& word = option == extras.end() ? extras.front() : *option;
      if (option == extras.end() && !command_wanted) {
        message = fmt::format("'{}' is one argument too many", word);
      } else {
        message =
            fmt::format("there is no {} '{}'", option == extras.end() ? "command" : "option", word);
      }
      hint = suggestion_for(*app, word);
    }

    if (extras.empty() && command_wanted) message = "a command is missing";
    if (!hint.empty()) hint += "; ";
    fmt::print(stderr, "{}: {} [config-invalid]\n    {}see {} --help\n", kProgram,
               printable(message), printable(hint), command);
    return static_cast<int>(ExitStatus::config_invalid);
  }

  static std::string suggestion_for(const CLI::App& app, std::string_view word) {
    word = word.substr(0, word.find('='));
    std::vector<std::string> names;
    for (const CLI::App* part = &app; part != nullptr; part = part->get_parent()) {
      for (const CLI::Option* option : part->get_options()) {
        for (const std::string& name : option->get_lnames())
          names.push_back("--" + name);
      }
    }
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
      names.push_back(command->get_name());
    const std::vector<std::string_view> candidates(names.begin(), names.end());
    const Nearest found = nearest(word, candidates);
    return found.close ? fmt::format("did you mean '{}'?", found.word) : std::string();
  }

  template <class Arguments>
  CLI::App* add(CLI::App& parent, const std::string& name, const std::string& about,
                const Commands::Run<Arguments>& run, const Arguments& arguments) {
    CLI::App* command = parent.add_subcommand(name, about);
    command->final_callback(
        [this, &run, &arguments] { run_ = [&] { return run(arguments, globals_); }; });
    return command;
  }

  void add_globals() {
    app_.add_flag("-v,--verbose", globals_.log.verbosity,
                  "say more: -v each control message and packet, -vv everything");
    app_.add_option("--log-format", log_format_, "text or json")
        ->check(CLI::IsMember({"text", "json"}).description(""))
        ->type_name("FORMAT");
    app_.add_flag("--log-secrets", globals_.log_secrets,
                  "show passwords and what they can be guessed from, in the log and in captures");
  }

  static void add_capture(CLI::App& command, std::string& file) {
    command
        .add_option("--pcap", file,
                    "write the wire, PPP without its encryption, and the packets inside to FILE")
        ->type_name("FILE");
  }

  static void add_set(CLI::App& command, std::vector<std::string>& settings) {
    command.add_option("--set", settings, "another value for a key, such as network.mtu=1400")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
  }

  static CLI::Option* add_profile_argument(CLI::App& command, std::string& profile) {
    return command
        .add_option("PROFILE", profile,
                    "the name of a profile, a path with a slash in it, or - for standard input")
        ->type_name("");
  }

  void add_connect() {
    if (!commands_.connect) return;
    ConnectArguments& arguments = connect_;
    CLI::App* command = add(app_, "connect", "Connect to a server", commands_.connect, arguments);
    add_profile_argument(*command, arguments.profile.profile);
    command->add_option("--server", arguments.profile.server, "without a profile: the server")
        ->type_name("HOST[:PORT]");
    command->add_option("--user", arguments.profile.user, R"(with --server: who we are)")
        ->type_name("USER");
    command->add_flag("--password-stdin", arguments.profile.password_stdin,
                      "with --server: the first line of standard input is the password");
    command->add_flag("--background", arguments.background,
                      "go into the background once the connection is up");
    add_capture(*command, arguments.capture);
    add_set(*command, arguments.profile.settings);
    command->parse_complete_callback([command, &arguments] {
      const ProfileRequest& request = arguments.profile;
      const bool profile = command->count("PROFILE") != 0;
      const bool server = command->count("--server") != 0;
      const bool user = command->count("--user") != 0;
      if (profile == server)
        throw CLI::ValidationError(profile ? "PROFILE and --server exclude each other"
                                           : "name a PROFILE, or a --server and a --user");
      if (profile && (user || request.password_stdin))
        throw CLI::ValidationError(
            "--user and --password-stdin go with --server, not with PROFILE");
      if (server && !user) throw CLI::ValidationError("--server needs a --user");
    });
  }

  void add_exec() {
    if (!commands_.exec) return;
    CLI::App* command =
        add(app_, "exec", "Run a command that alone uses the tunnel", commands_.exec, exec_);
    add_profile_argument(*command, exec_.profile.profile)->required();
    command->add_option("COMMAND", exec_.command, "after --: the command and its arguments")
        ->type_name("...")
        ->required();
    add_set(*command, exec_.profile.settings);
    add_capture(*command, exec_.capture);
  }

  void add_disconnect() {
    if (!commands_.disconnect) return;
    CLI::App* command =
        add(app_, "disconnect", "End a connection", commands_.disconnect, disconnect_);
    command->add_option("PROFILE", disconnect_.profile, "which, if there are several")
        ->type_name("");
  }

  void add_passwd() {
    if (!commands_.passwd) return;
    CLI::App* command =
        add(app_, "passwd", "Change a password that has expired", commands_.passwd, passwd_);
    add_profile_argument(*command, passwd_.profile.profile)->required();
    command->add_flag("--password-stdin", passwd_.password_stdin,
                      "the first line of standard input is the new password");
    add_set(*command, passwd_.profile.settings);
  }

  void add_reconnect() {
    if (!commands_.reconnect) return;
    CLI::App* command = add(app_, "reconnect", "End a connection's call and make a new one",
                            commands_.reconnect, reconnect_);
    command->add_option("PROFILE", reconnect_.profile, "which, if there are several")
        ->type_name("");
  }

  void add_status() {
    if (!commands_.status) return;
    CLI::App* command =
        add(app_, "status", "Show how connections are doing", commands_.status, status_);
    command->add_option("PROFILE", status_.profile, "which; all without it")->type_name("");
    command->add_flag("--json", status_.json, "for scripts");
    command->add_flag("--watch", status_.watch, "show it every second, until interrupted");
  }

  void add_profile() {
    if (!commands_.profile_show && !commands_.profile_check && !commands_.profile_new) return;
    CLI::App* profile = app_.add_subcommand("profile", "Look at profiles, or make one");
    profile->require_subcommand(1);
    if (commands_.profile_show) {
      CLI::App* command = add(*profile, "show", "Every key, its value and where that came from",
                              commands_.profile_show, profile_show_);
      add_profile_argument(*command, profile_show_.profile.profile)->required();
      add_set(*command, profile_show_.profile.settings);
    }
    if (commands_.profile_check) {
      CLI::App* command = add(*profile, "check", "Say what is wrong with a profile, if anything",
                              commands_.profile_check, profile_check_);
      add_profile_argument(*command, profile_check_.profile.profile)->required();
      add_set(*command, profile_check_.profile.settings);
    }
    if (commands_.profile_new) {
      CLI::App* command = add(*profile, "new", "Write a new profile to be filled in",
                              commands_.profile_new, profile_new_);
      command->add_option("NAME", profile_new_.profile, "its name, or a path with a slash in it")
          ->type_name("")
          ->required();
    }
  }

  void add_serve() {
    if (!commands_.serve) return;
    CLI::App* command = add(app_, "serve", "Be a server", commands_.serve, serve_);
    command
        ->add_option("CONFIG", serve_.config,
                     "a configuration file; without it /etc/pptpd-user/server.toml, if it is there")
        ->type_name("");
    command->add_flag("--check", serve_.check, "only say what is wrong with the configuration");
    add_set(*command, serve_.settings);
    add_capture(*command, serve_.capture);
  }

  void add_doctor() {
    if (!commands_.doctor) return;
    CLI::App* command = add(app_, "doctor", "Find out why a connection does not come up",
                            commands_.doctor, doctor_);
    command
        ->add_option(
            "PROFILE|HOST", doctor_.patient,
            "a profile, which is logged in with, or a server, up to where it asks who we are")
        ->type_name("")
        ->required();
    command->add_flag("--json", doctor_.json, "for scripts");
    command
        ->add_option("--report", doctor_.report,
                     "make a page of it as well, with a diagram of what was said")
        ->type_name("FILE.html");
  }

  void add_explain() {
    if (!commands_.explain) return;
    CLI::App* command =
        add(app_, "explain", "Say what is wrong by a log, of this or another program",
            commands_.explain, explain_);
    command->add_option("FILE", explain_.file, "a log; without it or with - standard input")
        ->type_name("");
    command->add_flag("--json", explain_.json, "for scripts");
  }

  void add_symptoms() {
    if (!commands_.symptoms) return;
    CLI::App* command =
        add(app_, "symptoms", "List the troubles that are known", commands_.symptoms, symptoms_);
    command->add_option("ID", symptoms_.id, "only this one, with its cause and what to do")
        ->type_name("");
    command->add_flag("--json", symptoms_.json, "for scripts");
  }

  void add_demo() {
    if (!commands_.demo) return;
    CLI::App* command =
        add(app_, "demo", "Show a tunnel between two ends on this host", commands_.demo, demo_);
    command
        ->add_option("--seconds", demo_.seconds,
                     "how long data is sent in each direction; 3 without it")
        ->type_name("N")
        ->check(CLI::Range(1U, kMaxDemoSeconds).description(""));
    command->add_flag("--json", demo_.json, "for scripts");
  }

  void add_version() {
    if (!commands_.version) return;
    add(app_, "version", "Say which version this is", commands_.version, version_);
  }

  const Commands& commands_;
  CLI::App app_;
  Globals globals_;
  std::string log_format_ = "text";
  ConnectArguments connect_;
  ExecArguments exec_;
  DisconnectArguments disconnect_;
  ReconnectArguments reconnect_;
  PasswdArguments passwd_;
  StatusArguments status_;
  ServeArguments serve_;
  DoctorArguments doctor_;
  ExplainArguments explain_;
  SymptomsArguments symptoms_;
  DemoArguments demo_;
  ProfileShowArguments profile_show_;
  ProfileCheckArguments profile_check_;
  ProfileNewArguments profile_new_;
  VersionArguments version_;
  std::function<int()> run_;
};

}  // namespace

int run_command_line(std::span<const char* const> arguments, const Commands& commands) {
  return CommandLine(commands).run(arguments);
}

}  // namespace pptp::app
