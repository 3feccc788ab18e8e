#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/runtime.h"
#include "apps/terminal.h"

namespace pptp::app {

namespace {

constexpr Duration kWatchInterval = std::chrono::seconds(1);

/// Of the profile `name`, or of all where it is empty.
std::vector<StatusReport> gather(const io::RuntimeDir& directory, const std::string& name) {
  if (!name.empty()) return {ask_status(directory, name)};
  std::vector<StatusReport> reports;
  for (const std::string& profile : directory.profiles_with_socket()) {
    StatusReport report = ask_status(directory, profile);
    // A socket that a killed process has left is no call; one that dials on demand has an
    // interface, one whose packets a program takes has none.
    const bool calls = report.state != CallState::idle && report.state != CallState::failed;
    if (calls || !report.interface.empty()) {
      reports.push_back(std::move(report));
    }
  }
  return reports;
}

std::string as_json(const std::vector<StatusReport>& reports, const std::string& name) {
  if (!name.empty()) return to_json(reports.front()).dump() + "\n";
  nlohmann::json document = nlohmann::json::array();
  for (const StatusReport& report : reports)
    document.push_back(to_json(report));
  return document.dump() + "\n";
}

std::string as_text(const std::vector<StatusReport>& reports) {
  if (reports.empty()) return "nothing is up\n";
  std::string text;
  for (const StatusReport& report : reports)
    text += to_text(report, std::chrono::system_clock::now());
  return text;
}

/// Until interrupted, or nobody reads.
void watch(const io::RuntimeDir& directory, const std::string& name, bool json) {
  const bool replaces = !json && TerminalTraits::of(stdout).is_terminal;
  constexpr std::string_view kHomeAndClear = "\x1b[H\x1b[J";
  while (std::ferror(stdout) == 0) {
    const std::vector<StatusReport> reports = gather(directory, name);
    const std::string text = json ? as_json(reports, name) : as_text(reports);
    put_text(stdout, replaces ? std::string(kHomeAndClear) + text : text);
    std::this_thread::sleep_for(kWatchInterval);
  }
}

}  // namespace

int run_status(const StatusArguments& arguments, const Globals& globals) {
  ProgramLog log(globals.log);
  const std::expected<io::RuntimeDir, Ending> directory = open_runtime_dir(log);
  if (!directory) return failed(directory.error());
  std::string name;
  if (!arguments.profile.empty()) {
    std::optional<std::string> running = running_name(arguments.profile);
    if (!running)
      return failed(ending_of(Trouble::config_invalid, "no profile can be called that"));
    name = *std::move(running);
  }
  if (arguments.watch) watch(*directory, name, arguments.json);
  const std::vector<StatusReport> reports = gather(*directory, name);
  fmt::print("{}", arguments.json ? as_json(reports, name) : as_text(reports));
  const bool up = std::any_of(reports.begin(), reports.end(), [](const StatusReport& report) {
    return report.state == CallState::up;
  });
  return up ? 0 : 1;
}

}  // namespace pptp::app
