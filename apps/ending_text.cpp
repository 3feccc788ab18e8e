// How an Ending is shown.
#include <nlohmann/json.hpp>

#include "apps/ending.h"
#include "apps/finding_text.h"
#include "apps/terminal.h"

namespace pptp::app {

diagnosis::Problem problem_of(const Ending& ending) {
  return {ending.id, ending.summary, ending.evidence, ending.remedy};
}

std::string describe(const Ending& ending) {
  diagnosis::Problem problem = problem_of(ending);
  // What the operating system said is in the summary already.
  std::erase_if(problem.evidence,
                [&](const std::string& line) { return ending.summary.ends_with(line); });
  std::string text = "pptpd-user: " + to_text(problem);
  if (!ending.others.empty()) text += "and, less likely or as a consequence:\n";
  for (const diagnosis::Problem& other : ending.others)
    text += to_text(other);
  return text;
}

void print(std::FILE* out, const Ending& ending) {
  put_text(out, describe(ending));
}

int failed(const Ending& ending) {
  print(stderr, ending);
  return ending.status();
}

nlohmann::json to_json(const Ending& ending) {
  nlohmann::json document = to_json(problem_of(ending));
  for (const diagnosis::Problem& other : ending.others)
    document["others"].push_back(to_json(other));
  return document;
}

}  // namespace pptp::app
