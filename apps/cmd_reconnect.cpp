#include <cstdio>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/runtime.h"
#include "apps/terminal.h"
#include "tunnel/io/control_client.h"

namespace pptp::app {
namespace {

constexpr Duration kAnswerTimeout = std::chrono::seconds(2);

int not_up(std::string_view what) {
  put_text(stderr, fmt::format("{} is not up\n", what));
  return 1;
}

}  // namespace

int run_reconnect(const ReconnectArguments& arguments, const Globals& globals) {
  ProgramLog log(globals.log);
  const std::expected<io::RuntimeDir, Ending> directory = open_runtime_dir(log);
  if (!directory) return failed(directory.error());
  const auto name = which_call(*directory, arguments.profile);
  if (!name) return name.error() ? failed(*name.error()) : not_up("nothing");
  const auto answer = io::control_request(directory->socket_path(*name), {{"command", "reconnect"}},
                                          kAnswerTimeout);
  if (!answer) {
    if (answer.error().fault == io::IoFault::not_running) return not_up(*name);
    return failed(ending_of(answer.error()));
  }
  if (answer->contains("error")) {
    put_text(stderr, fmt::format("{}: {}\n", *name, answer->value("error", "")));
    return 1;
  }
  return 0;
}

}  // namespace pptp::app
