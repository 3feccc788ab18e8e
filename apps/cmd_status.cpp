#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/runtime.h"

namespace pptp::app {

int run_status(const StatusArguments& arguments, const Globals& globals) {
  ProgramLog log(globals.log);
  const std::expected<io::RuntimeDir, Ending> directory = open_runtime_dir(log);
  if (!directory) {
    print(stderr, directory.error());
    return directory.error().status();
  }
  std::vector<StatusReport> reports;
  if (arguments.profile.empty()) {
    for (const std::string& name : directory->profiles_with_socket()) {
      StatusReport report = ask_status(*directory, name);
      // A socket that a killed process has left is no call.
      if (report.state != CallState::idle && report.state != CallState::failed) {
        reports.push_back(std::move(report));
      }
    }
  } else {
    const std::optional<std::string> name = running_name(arguments.profile);
    if (!name) {
      const Ending ending = ending_of(Trouble::config_invalid, "no profile can be called that");
      print(stderr, ending);
      return ending.status();
    }
    reports.push_back(ask_status(*directory, *name));
  }
  if (arguments.json) {
    nlohmann::json document = nlohmann::json::array();
    for (const StatusReport& report : reports)
      document.push_back(to_json(report));
    if (!arguments.profile.empty()) document = document.front();
    fmt::print("{}\n", document.dump());
  } else if (reports.empty()) {
    fmt::print("nothing is up\n");
  } else {
    for (const StatusReport& report : reports) {
      fmt::print("{}", to_text(report, std::chrono::system_clock::now()));
    }
  }
  const bool up = std::any_of(reports.begin(), reports.end(), [](const StatusReport& report) {
    return report.state == CallState::up;
  });
  return up ? 0 : 1;
}

}  // namespace pptp::app
