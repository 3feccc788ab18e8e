#include "apps/finding_text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace pptp::app {

std::string to_text(const diagnosis::Problem& problem, std::string_view cause) {
  std::string text = problem.summary;
  if (!problem.id.empty()) text += fmt::format(" [{}]", problem.id);
  text += "\n";
  if (!cause.empty()) text += fmt::format("    {}\n", cause);
  for (const std::string& line : problem.remedy)
    text += fmt::format("    - {}\n", line);
  for (const std::string& line : problem.evidence)
    text += fmt::format("    {}\n", line);
  return text;
}

nlohmann::json to_json(const diagnosis::Problem& problem) {
  return {{"id", problem.id},
          {"summary", problem.summary},
          {"evidence", problem.evidence},
          {"remedy", problem.remedy}};
}

}  // namespace pptp::app
