#include <cstdio>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/runtime.h"
#include "apps/terminal.h"
#include "tunnel/io/control_client.h"
#include "tunnel/io/host_change.h"

namespace pptp::app {
namespace {

/// Taking down may last 2 s; the routes go after that.
constexpr Duration kAnswerTimeout = std::chrono::seconds(2);
constexpr Duration kEndTimeout = std::chrono::seconds(5) + 2 * io::kScriptLimit;
constexpr Duration kPollInterval = std::chrono::milliseconds(20);

int disconnect(const io::RuntimeDir& directory, const std::string& profile) {
  const auto answer = io::control_request(directory.socket_path(profile),
                                          {{"command", "disconnect"}}, kAnswerTimeout);
  if (!answer) {
    if (answer.error().fault == io::IoFault::not_running) {
      put_text(stderr, fmt::format("{} is not up\n", profile));
      return 0;
    }
    return failed(ending_of(answer.error()));
  }
  // It is down when its process has let go of the lock.
  for (Duration waited{}; waited < kEndTimeout; waited += kPollInterval) {
    if (!directory.is_locked(profile)) return 0;
    std::this_thread::sleep_for(kPollInterval);
  }
  return failed(ending_of(Trouble::internal_error, profile + " does not end its call"));
}

}  // namespace

int run_disconnect(const DisconnectArguments& arguments, const Globals& globals) {
  ProgramLog log(globals.log);
  const std::expected<io::RuntimeDir, Ending> directory = open_runtime_dir(log);
  if (!directory) return failed(directory.error());
  const auto name = which_call(*directory, arguments.profile);
  if (name) return disconnect(*directory, *name);
  if (!name.error()) {
    put_text(stderr, "nothing is up\n");
    return 0;
  }
  return failed(*name.error());
}

}  // namespace pptp::app
