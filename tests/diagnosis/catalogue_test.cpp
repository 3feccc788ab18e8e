#include "diagnosis/catalogue.h"

#include <re2/re2.h>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "diagnosis/marks.h"
#include "diagnosis/patterns.h"

using namespace pptp::diagnosis;

namespace {

bool matches(std::string_view regex, std::string_view text) {
  const RE2 compiled(re2::StringPiece(regex.data(), regex.size()), RE2::Latin1);
  return compiled.ok() && RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), compiled);
}

}  // namespace

TEST_CASE("catalogue: every expression compiles and finds its example") {
  CHECK(Patterns().valid());
  for (const MarkPattern& mark : mark_patterns()) {
    INFO(std::string(mark.regex));
    CHECK(matches(mark.regex, mark.example));
  }
  for (const Symptom& symptom : symptoms()) {
    for (const SymptomPattern& pattern : symptom.patterns) {
      INFO(std::string(symptom.id), ": ", std::string(pattern.regex));
      CHECK(matches(pattern.regex, pattern.example));
    }
  }
}

TEST_CASE("catalogue: an entry is found by its id, and by no other") {
  REQUIRE(symptoms().size() > 190);
  std::set<std::string_view> ids;
  for (const Symptom& symptom : symptoms()) {
    CHECK(find_symptom(symptom.id) == &symptom);
    CHECK(ids.insert(symptom.id).second);
    CHECK_FALSE(symptom.remedy.empty());
    CHECK_FALSE(words(symptom.symptom_class).empty());
  }
  CHECK(find_symptom("chap") == nullptr);
  CHECK(find_symptom("") == nullptr);
}

TEST_CASE("catalogue: a number of Windows means one thing") {
  std::set<std::uint16_t> shown;
  std::set<std::uint16_t> terminates;
  for (const Symptom& symptom : symptoms()) {
    for (const std::uint16_t number : symptom.windows)
      CHECK(shown.insert(number).second);
    for (const std::uint16_t number : symptom.terminates)
      CHECK(terminates.insert(number).second);
  }
  CHECK(shown.contains(619));
  CHECK(terminates.contains(742));
}
