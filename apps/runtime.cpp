#include "apps/runtime.h"

#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "apps/undo_words.h"
#include "tunnel/io/control_client.h"
#include "tunnel/io/host_state.h"
#include "tunnel/io/resolv_conf.h"

namespace pptp::app {
namespace {

constexpr Duration kAnswerTimeout = std::chrono::seconds(2);

void report_recovery(ProgramLog& log, const io::Recovered& recovered) {
  if (!recovered.result) {
    return log.line(LogLevel::warning,
                    fmt::format("what the call {} left on this host is still there: {}",
                                recovered.profile, recovered.result.error().text()));
  }
  if (recovered.result->undone > 0) {
    log.line(LogLevel::notice,
             fmt::format("the call {} did not end well: took back {} change(s) that it "
                         "had made on this host",
                         recovered.profile, recovered.result->undone));
  }
  if (recovered.result->elsewhere > 0) {
    log.line(LogLevel::notice,
             fmt::format("the call {} did not end well: {} change(s) that it had made in another "
                         "network namespace are taken back when this program next runs there",
                         recovered.profile, recovered.result->elsewhere));
  }
  log_what_is_left(Log(&log), LogLevel::warning, *recovered.result);
}

/// The file outlives a boot, and the journals do not.
void report_resolv_conf(ProgramLog& log, const io::IoResult<std::optional<io::Undone>>& recovered) {
  const std::string path = io::ResolvConf().path;
  if (!recovered) {
    log.line(LogLevel::warning, recovered.error().text());
  } else if (*recovered == io::Undone::undone) {
    log.line(LogLevel::notice,
             fmt::format("took the name servers of a call that did not end well out of {}", path));
  } else if (*recovered == io::Undone::left_alone) {
    log.line(LogLevel::notice,
             fmt::format("left alone, as somebody else has changed it: {}", path));
  }
}

std::optional<StatusReport::Last> read_last(const io::RuntimeDir& directory,
                                            const std::string& profile) {
  const std::optional<std::string> text = directory.read_last(profile);
  if (!text) return std::nullopt;
  const nlohmann::json document = nlohmann::json::parse(*text, nullptr, false);
  if (!document.is_object()) return std::nullopt;
  return StatusReport::Last{document.value("exit", 0), document.value("id", std::string()),
                            document.value("summary", std::string())};
}

}  // namespace

std::expected<io::RuntimeDir, Ending> open_runtime_dir(ProgramLog& log) {
  const io::IoResult<std::string> path = io::RuntimeDir::default_path();
  if (!path) return std::unexpected(ending_of(path.error()));
  io::IoResult<io::RuntimeDir> directory = io::RuntimeDir::open(*path);
  if (!directory) return std::unexpected(ending_of(directory.error()));
  for (const io::Recovered& recovered : io::recover_all(*directory)) {
    report_recovery(log, recovered);
  }
  report_resolv_conf(log, io::ResolvConf().recover());
  return *std::move(directory);
}

std::optional<std::string> running_name(const std::string& profile) {
  if (profile == "-") return "stdin";
  const bool is_path = profile.find('/') != std::string::npos;
  std::string name = is_path ? std::filesystem::path(profile).stem().string() : profile;
  if (!io::valid_profile_name(name)) return std::nullopt;
  return name;
}

namespace {

std::vector<std::string> running_profiles(const io::RuntimeDir& directory) {
  std::vector<std::string> names;
  for (const std::string& name : directory.profiles_with_socket()) {
    // A socket that a killed process has left is no call.
    if (io::control_request(directory.socket_path(name), {{"command", "status"}}, kAnswerTimeout)) {
      names.push_back(name);
    }
  }
  return names;
}

}  // namespace

std::expected<std::string, std::optional<Ending>> which_call(const io::RuntimeDir& directory,
                                                             const std::string& profile) {
  if (!profile.empty()) {
    if (std::optional<std::string> name = running_name(profile)) return *std::move(name);
    return std::unexpected(ending_of(Trouble::config_invalid, "no profile can be called that"));
  }
  std::vector<std::string> names = running_profiles(directory);
  if (names.empty()) return std::unexpected(std::nullopt);
  if (names.size() == 1) return std::move(names.front());
  Ending ending = ending_of(Trouble::config_invalid);
  ending.summary = "several are up";
  ending.remedy = {fmt::format("name one of them: {}", fmt::join(names, ", "))};
  return std::unexpected(std::move(ending));
}

StatusReport ask_status(const io::RuntimeDir& directory, const std::string& profile) {
  const auto answer =
      io::control_request(directory.socket_path(profile), {{"command", "status"}}, kAnswerTimeout);
  StatusReport report;
  if (answer) {
    if (auto said = status_from_json(*answer)) report = *std::move(said);
  }
  report.profile = profile;
  if (!report.last) report.last = read_last(directory, profile);
  if (!answer && report.last && report.last->exit != 0) report.state = CallState::failed;
  return report;
}

void remember_ending(const io::RuntimeDir& directory, const std::string& profile,
                     const Ending& ending) {
  const nlohmann::json last = {
      {"exit", ending.status()}, {"id", ending.id}, {"summary", ending.summary}};
  (void)directory.write_last(profile, last.dump() + "\n");  // a convenience: its loss is no failure
}

}  // namespace pptp::app
