#include "diagnosis/patterns.h"

#include <re2/re2.h>
#include <utility>

#include "diagnosis/marks.h"
#include "diagnosis/ppp_text.h"

namespace pptp::diagnosis {
namespace {

RE2::Options options() {
  RE2::Options options(RE2::Latin1);
  options.set_log_errors(false);
  options.set_max_mem(std::int64_t{64} << 20);
  return options;
}

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

Patterns::Patterns() : set_(options(), RE2::UNANCHORED) {
  for (const MarkPattern& mark : mark_patterns())
    valid_ &= set_.Add(piece(mark.regex), nullptr) >= 0;
  for (const Symptom& symptom : symptoms()) {
    for (const SymptomPattern& pattern : symptom.patterns) {
      valid_ &= set_.Add(piece(pattern.regex), nullptr) >= 0;
      owned_.push_back({&symptom, &pattern});
    }
  }
  valid_ &= set_.Compile();
}

std::vector<Event> Patterns::events(std::span<const LogLine> lines) const {
  const std::span<const MarkPattern> marks = mark_patterns();
  std::vector<Event> events;
  std::vector<int> hits;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    Event event;
    event.line = i;
    event.packet = parse_packet(lines[i].message);
    hits.clear();
    set_.Match(lines[i].text, &hits);
    for (const int hit : hits) {
      const auto number = static_cast<std::size_t>(hit);
      if (number >= marks.size()) {
        event.patterns.push_back(number - marks.size());
      } else if (!event.has(marks[number].mark)) {
        event.marks.push_back(marks[number].mark);
      }
    }
    if (event.packet || !event.marks.empty() || !event.patterns.empty())
      events.push_back(std::move(event));
  }
  return events;
}

}  // namespace pptp::diagnosis
