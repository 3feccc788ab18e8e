#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/ending.h"
#include "apps/nearest.h"
#include "apps/terminal.h"
#include "diagnosis/catalogue.h"
#include "diagnosis/words.h"

namespace pptp::app {

namespace {

using diagnosis::Symptom;

nlohmann::json to_json(const Symptom& symptom) {
  nlohmann::json patterns = nlohmann::json::array();
  for (const diagnosis::SymptomPattern& pattern : symptom.patterns) {
    patterns.push_back(
        {{"program", pattern.program}, {"regex", pattern.regex}, {"example", pattern.example}});
  }
  return {{"id", symptom.id},
          {"title", symptom.title},
          {"class", words(symptom.symptom_class)},
          {"side", symptom.side},
          {"cause", symptom.cause},
          {"remedy", std::vector<std::string_view>(symptom.remedy.begin(), symptom.remedy.end())},
          {"answer", symptom.answer},
          {"patterns", patterns}};
}

std::string to_text(const Symptom& symptom) {
  std::string text = fmt::format("{} [{}]\n    {}, {}\n    {}\n", symptom.title, symptom.id,
                                 words(symptom.symptom_class), symptom.side, symptom.cause);
  for (const std::string_view line : symptom.remedy)
    text += fmt::format("    - {}\n", line);
  text += fmt::format("    pptpd-user: {}\n", symptom.answer);
  for (const diagnosis::SymptomPattern& pattern : symptom.patterns)
    text += fmt::format("    {} says: {}\n", pattern.program, pattern.example);
  return text;
}

std::string list_as_text() {
  std::string text;
  for (const Symptom& symptom : diagnosis::symptoms())
    text +=
        fmt::format("{:<32} {:<10} {}\n", symptom.id, words(symptom.symptom_class), symptom.title);
  return text;
}

std::string list_as_json() {
  nlohmann::json list = nlohmann::json::array();
  for (const Symptom& symptom : diagnosis::symptoms())
    list.push_back(to_json(symptom));
  return list.dump() + "\n";
}

Ending unknown(const std::string& id) {
  std::vector<std::string_view> ids;
  for (const Symptom& symptom : diagnosis::symptoms())
    ids.push_back(symptom.id);
  const Nearest found = nearest(id, ids);
  std::vector<std::string> remedy;
  if (found.close) remedy.push_back(fmt::format("did you mean '{}'?", found.word));
  remedy.emplace_back("pptpd-user symptoms lists them");
  return {ExitStatus::config_invalid,
          "config-invalid",
          fmt::format("there is no symptom '{}'", diagnosis::escaped(id)),
          std::move(remedy),
          {}};
}

}  // namespace

int run_symptoms(const SymptomsArguments& arguments, const Globals&) {
  if (arguments.id.empty()) {
    put_text(stdout, arguments.json ? list_as_json() : list_as_text());
    return 0;
  }
  const Symptom* symptom = diagnosis::find_symptom(arguments.id);
  if (symptom == nullptr) {
    const Ending ending = unknown(arguments.id);
    print(stderr, ending);
    return ending.status();
  }
  put_text(stdout, arguments.json ? to_json(*symptom).dump() + "\n" : to_text(*symptom));
  return 0;
}

}  // namespace pptp::app
