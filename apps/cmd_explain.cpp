#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <expected>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/ending.h"
#include "apps/finding_text.h"
#include "apps/terminal.h"
#include "diagnosis/checkup.h"
#include "diagnosis/explain.h"
#include "diagnosis/log_line.h"
#include "diagnosis/words.h"
#include "tunnel/io/unique_fd.h"

namespace pptp::app {

namespace {

using diagnosis::escaped;
using diagnosis::Explanation;
using diagnosis::Finding;

Ending unreadable(const std::string& shown) {
  return {
      ExitStatus::config_invalid,
      "config-invalid",
      fmt::format("{} cannot be read: {}", escaped(shown), std::generic_category().message(errno)),
      {"name a log file, or - for standard input"},
      {}};
}

/// All there is, of more than can be explained the end.
std::expected<std::string, Ending> read_log(const std::string& path) {
  const bool from_stdin = path.empty() || path == "-";
  const io::UniqueFd file(from_stdin ? -1 : open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!from_stdin && !file) return std::unexpected(unreadable(path));
  std::string text;
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t count = read(from_stdin ? STDIN_FILENO : file.fd(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::unexpected(unreadable(from_stdin ? "standard input" : path));
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
    if (text.size() > 2 * diagnosis::kLongestText)
      text.erase(0, text.size() - diagnosis::kLongestText);
  }
}

diagnosis::Problem problem_of(const Finding& finding) {
  return {std::string(finding.symptom->id),
          std::string(finding.symptom->title),
          finding.evidence,
          {finding.symptom->remedy.begin(), finding.symptom->remedy.end()}};
}

nlohmann::json to_json(const std::vector<Finding>& findings) {
  nlohmann::json list = nlohmann::json::array();
  for (const Finding& finding : findings) {
    list.push_back(app::to_json(problem_of(finding)));
    list.back()["cause"] = finding.symptom->cause;
  }
  return list;
}

nlohmann::json to_json(const Explanation& explanation) {
  nlohmann::json document = {{"findings", to_json(explanation.findings)},
                             {"steps", explanation.steps}};
  if (!explanation.usual.empty()) document["usual"] = to_json(explanation.usual);
  return document;
}

/// What a line means in which nothing is wrong, and after that where else it is seen.
std::string usual_words(const std::vector<Finding>& usual) {
  std::string meaning;
  std::string elsewhere;
  for (const Finding& finding : usual) {
    const diagnosis::Symptom& symptom = *finding.symptom;
    if (meaning.empty()) meaning = fmt::format("{}\n", fmt::join(finding.evidence, "\n"));
    if (symptom.usual) {
      meaning += fmt::format("{} [{}]\n    {}\n", symptom.title, symptom.id, symptom.cause);
    } else {
      elsewhere += fmt::format("it is also seen with: {} [{}]\n", symptom.title, symptom.id);
    }
  }
  return meaning + elsewhere;
}

std::string to_text(const Explanation& explanation) {
  if (!explanation.recognised) return "nothing recognised\n";
  std::string text;
  for (const Finding& finding : explanation.findings) {
    if (!text.empty()) text += "\nand, less likely or as a consequence:\n";
    text += app::to_text(problem_of(finding), finding.symptom->cause);
  }
  if (text.empty()) text = "nothing wrong found\n";
  text += usual_words(explanation.usual);
  for (const std::string& step : explanation.steps)
    text += step + "\n";
  return text;
}

}  // namespace

int run_explain(const ExplainArguments& arguments, const Globals&) {
  const std::expected<std::string, Ending> log = read_log(arguments.file);
  if (!log) {
    print(stderr, log.error());
    return log.error().status();
  }
  const Explanation explanation = diagnosis::Explainer().explain(*log);
  put_text(stdout, arguments.json ? to_json(explanation).dump() + "\n" : to_text(explanation));
  return 0;
}

}  // namespace pptp::app
