#include <csignal>
#include <cstdio>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "apps/commands.h"
#include "apps/runtime.h"
#include "apps/server_session.h"
#include "tunnel/io/privileges.h"

namespace pptp::app {
namespace {

/// Servers are told apart by where they listen. No profile is called that: '@' begins no file of
/// theirs.
std::string lock_name(const ServerConfig& config) {
  return fmt::format("@serve-{}-{}", config.listen.text(), config.port);
}

}  // namespace

int run_serve(const ServeArguments& arguments, const Globals& globals) {
  std::signal(SIGPIPE, SIG_IGN);
  ProgramLog log(globals.log);
  if (const io::IoResult<void> guarded = io::guard_memory(); !guarded) {
    return log.failed(ending_of(guarded.error()));
  }
  std::expected<ServerConfig, ConfigErrors> config =
      load_server_config(arguments.config, arguments.settings);
  if (!config) return log.failed(config.error());
  std::expected<ChapSecrets, ConfigError> users = ChapSecrets::load(config->users);
  if (!users) return log.failed(ConfigErrors{users.error()});
  print_warnings(stderr, users->warnings());
  print(stderr, users->errors());
  if (arguments.check) {
    fmt::print("{} user(s), listening on {}:{}\n", users->size(), config->listen.text(),
               config->port);
    return users->errors().empty() ? 0 : static_cast<int>(ExitStatus::config_invalid);
  }
  if (const io::IoResult<void> able =
          io::check_privileges({.raw_socket = true, .network_admin = true, .tun = true});
      !able) {
    return log.failed(ending_of(able.error()));
  }
  std::expected<io::RuntimeDir, Ending> directory = open_runtime_dir(log);
  if (!directory) return log.failed(directory.error());
  io::IoResult<io::ProfileLock> lock = directory->lock(lock_name(*config));
  if (!lock) return log.failed(ending_of(lock.error()));
  const auto recorder = recorder_for(globals, arguments.capture, log);
  if (!recorder) return log.failed(recorder.error());
  const Ending ending = ServerSession(*std::move(config), *std::move(users), *directory,
                                      *std::move(lock), log, **recorder)
                            .run();
  if (ending.exit != ExitStatus::interrupted) return log.failed(ending);
  return ending.status();
}

}  // namespace pptp::app
