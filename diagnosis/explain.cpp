#include "diagnosis/explain.h"

#include <algorithm>
#include <map>
#include <optional>
#include <re2/re2.h>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "diagnosis/attempt.h"
#include "diagnosis/evidence.h"
#include "diagnosis/log_line.h"
#include "diagnosis/terminate_reason.h"

namespace pptp::diagnosis {
namespace {

constexpr std::size_t kMostEvidence = 8;
constexpr std::size_t kMostSteps = 20;
constexpr unsigned kWindowsNumber = 75;
constexpr unsigned kTerminateNumber = 72;
constexpr unsigned kNamed = 95;

/// What speaks for a symptom in an attempt.
struct Candidate {
  unsigned strength = 0;
  std::set<std::size_t> lines;
};

using Candidates = std::map<const Symptom*, Candidate>;

void propose(Candidates& candidates, const Symptom& symptom, unsigned strength,
             const std::set<std::size_t>& lines) {
  Candidate& candidate = candidates[&symptom];
  candidate.strength = std::max(candidate.strength, strength);
  candidate.lines.insert(lines.begin(), lines.end());
}

bool any(const Facts& facts, std::span<const Fact> wanted) {
  return std::ranges::any_of(wanted, [&](Fact fact) { return facts.has(fact); });
}

bool all(const Facts& facts, std::span<const Fact> wanted) {
  return std::ranges::all_of(wanted, [&](Fact fact) { return facts.has(fact); });
}

const Symptom* with_number(std::uint32_t number,
                           std::span<const std::uint16_t> Symptom::* numbers) {
  const auto found = std::ranges::find_if(symptoms(), [&](const Symptom& symptom) {
    return std::ranges::find(symptom.*numbers, number) != (symptom.*numbers).end();
  });
  return found == symptoms().end() ? nullptr : &*found;
}

/// A number that Windows shows or logs.
std::optional<std::uint32_t> windows_number(const LogLine& line) {
  static const RE2 kNumber(
      R"((?i)(?:\berror|\berr\.|\bfehler|\berreur|\berrore|\bfout|ras\w*|code returned)[^0-9]{0,48}\b([678]\d\d)\b)",
      RE2::Latin1);
  // What a program of this host's logs is not Windows'.
  if (!line.program.empty()) return std::nullopt;
  std::uint32_t number = 0;
  if (!RE2::PartialMatch(line.text, kNumber, &number)) return std::nullopt;
  return number;
}

/// The symptom whose id a line of this program's has in brackets, or as the "id" of a JSON object.
const Symptom* named_symptom(const LogLine& line) {
  static const RE2 kId(R"re((?: \[|"id": ?")([a-z][a-z0-9]*(?:-[a-z0-9]+)+)["\]])re");
  std::string id;
  return RE2::PartialMatch(line.text, kId, &id) ? find_symptom(id) : nullptr;
}

/// The strongest first, else in the catalogue's order.
void sort_by_strength(std::vector<Finding>& findings) {
  std::ranges::sort(findings, [](const Finding& a, const Finding& b) {
    return std::pair(b.strength, a.symptom) < std::pair(a.strength, b.symptom);
  });
}

/// One attempt, judged.
class Judgement {
 public:
  Judgement(std::span<const LogLine> lines, const Patterns& patterns, const Attempt& attempt)
      : lines_(lines),
        patterns_(patterns),
        attempt_(attempt),
        facts_(derive_facts(lines, attempt)) {
    judge_patterns();
    judge_sequences();
    judge_numbers();
    judge_own_words();
  }

  bool up() const { return facts_.has(Fact::up); }

  bool is_server() const { return facts_.has(Fact::server); }

  const Facts& facts() const { return facts_; }

  const Attempt& attempt() const { return attempt_; }

  unsigned strongest() const {
    unsigned strongest = 0;
    for (const auto& [symptom, candidate] : candidates_)
      strongest = std::max(strongest, candidate.strength);
    return strongest;
  }

  bool alarms() const { return strongest() >= kAlarm; }

  std::vector<Finding> findings() const {
    std::vector<Finding> findings;
    for (const Symptom& symptom : symptoms()) {
      const auto found = candidates_.find(&symptom);
      if (found == candidates_.end() || found->second.strength < kAlarm) continue;
      findings.push_back({&symptom, found->second.strength, evidence(found->second.lines)});
    }
    sort_by_strength(findings);
    return findings;
  }

  std::vector<std::string> evidence(const std::set<std::size_t>& lines) const {
    std::vector<std::string> shown;
    for (const std::size_t line : lines) {
      if (shown.size() == kMostEvidence) break;
      shown.push_back(evidence_of(lines_[line], event_of(line)));
    }
    return shown;
  }

 private:
  const Event* event_of(std::size_t line) const {
    const auto found = std::ranges::find(attempt_.events, line, &Event::line);
    return found == attempt_.events.end() ? nullptr : &*found;
  }

  // What came before the call was up did not keep it from coming up.
  bool was_overcome(std::size_t line) const {
    return up() && line <= *facts_.lines(Fact::up).begin();
  }

  void judge_patterns() {
    for (const Event& event : attempt_.events) {
      if (was_overcome(event.line)) continue;
      for (const std::size_t number : event.patterns) {
        const OwnedPattern& owned = patterns_.pattern(number);
        if (owned.pattern->strength == 0 || any(facts_, owned.pattern->unless)) continue;
        propose(candidates_, *owned.symptom, owned.pattern->strength, {event.line});
      }
    }
  }

  void judge_sequences() {
    for (const Symptom& symptom : symptoms()) {
      for (const SymptomSequence& sequence : symptom.sequences) {
        if (!all(facts_, sequence.facts) || any(facts_, sequence.absent)) continue;
        std::set<std::size_t> lines;
        for (const Fact fact : sequence.facts) {
          // Of who speaks and how far it came every line would be evidence.
          if (fact == Fact::client || fact == Fact::server || fact == Fact::detailed ||
              fact == Fact::lcp_open)
            continue;
          lines.insert(facts_.lines(fact).begin(), facts_.lines(fact).end());
        }
        propose(candidates_, symptom, sequence.strength, lines);
      }
    }
  }

  // This program names what happened itself: "... [chap-e691-bad-password]".
  void judge_own_words() {
    for (const Event& event : attempt_.events) {
      if (const Symptom* symptom = named_symptom(lines_[event.line]))
        propose(candidates_, *symptom, kNamed, {event.line});
    }
  }

  void judge_numbers() {
    for (const Event& event : attempt_.events) {
      const bool terminates = event.has(Mark::terminated_by_peer) ||
                              (event.packet && event.packet->direction == Direction::received &&
                               event.packet->code == PacketCode::terminate_request);
      if (terminates) judge_termination(event);
    }
  }

  void judge_termination(const Event& event) {
    const TerminateReason reason = terminate_reason(lines_[event.line].text, event.packet);
    if (!reason.windows_error || *reason.windows_error == 0) return;
    if (const Symptom* symptom = with_number(*reason.windows_error, &Symptom::terminates))
      propose(candidates_, *symptom, kTerminateNumber, {event.line});
  }

  std::span<const LogLine> lines_;
  const Patterns& patterns_;
  const Attempt& attempt_;
  Facts facts_;
  Candidates candidates_;
};

/// The log of one link that is not PPTP's is not ours to explain.
bool is_ours(const Attempt& attempt) {
  return attempt.link == LinkKind::unknown || attempt.link == LinkKind::pptp;
}

bool is_only_about_links(const Event& event) {
  return !event.packet && event.patterns.empty() &&
         std::ranges::all_of(event.marks, [](Mark mark) { return mark >= Mark::pptp_link; });
}

std::string step_of(std::span<const LogLine> lines, const Judgement& judgement) {
  static constexpr std::pair<Fact, std::string_view> kSteps[] = {
      {Fact::call_granted, "the call was granted"},
      {Fact::lcp_open, "the link was agreed on"},
      {Fact::auth_succeeded, "authenticated"},
      {Fact::ccp_open, "encrypted"},
      {Fact::up, "up"},
      {Fact::ended_on_purpose, "ended on purpose"},
  };
  const auto& events = judgement.attempt().events;
  const auto first = lines[events.front().line].number;
  const auto last = lines[events.back().line].number;
  std::string step = first == last ? fmt::format("line {}: ", first)
                                   : fmt::format("lines {} to {}: ", first, last);
  std::string reached;
  for (const auto& [fact, words] : kSteps) {
    if (!judgement.facts().has(fact)) continue;
    if (!reached.empty()) reached += ", ";
    reached += words;
  }
  return step + (reached.empty() ? "nothing was agreed on" : reached);
}

/// Which attempt tells what is wrong: the last one that failed, or an earlier one that says more;
/// none where a later one came up and stayed.
const Judgement* most_telling(const std::vector<Judgement>& judgements) {
  const Judgement* chosen = nullptr;
  for (const Judgement& judgement : judgements) {
    if (judgement.alarms()) {
      const bool says_less =
          chosen != nullptr && chosen->strongest() >= kTelling && judgement.strongest() < kTelling;
      if (!says_less) chosen = &judgement;
    } else if (judgement.up() && chosen != nullptr) {
      // A server's log has other clients in it: one that gets in does not help the others.
      const std::string& failed = chosen->attempt().peer;
      const bool same =
          !judgement.is_server() || failed.empty() || failed == judgement.attempt().peer;
      if (same) chosen = nullptr;
    }
  }
  return chosen;
}

}  // namespace

namespace {

bool is_request(const Event& event) {
  return event.packet && event.packet->code == PacketCode::configure_request;
}

/// Who gives a single line asks what it means, whatever it would mean among others. What every
/// call says, a good one too, is told apart.
std::vector<Finding> explain_line(const LogLine& line, const Event& event, const Patterns& patterns,
                                  std::vector<Finding>& usual) {
  std::map<const Symptom*, unsigned> strengths;
  for (const std::size_t number : event.patterns) {
    const OwnedPattern& owned = patterns.pattern(number);
    unsigned& strength = strengths[owned.symptom];
    strength = std::max<unsigned>(strength, owned.pattern->strength);
  }
  std::vector<Finding> findings;
  findings.reserve(strengths.size());
  for (const auto& [symptom, strength] : strengths) {
    Finding finding{symptom, std::max<unsigned>(strength, kAlarm), {evidence_of(line, &event)}};
    // Every call begins with requests, and whoever is asked may well agree.
    const bool is_harmless = symptom->usual || is_request(event);
    (is_harmless && strength < kAlarm ? usual : findings).push_back(std::move(finding));
  }
  sort_by_strength(findings);
  return findings;
}

void add_missing(std::vector<Finding>& findings, std::vector<Finding> more) {
  for (Finding& finding : more) {
    const bool known =
        std::ranges::find(findings, finding.symptom, &Finding::symptom) != findings.end();
    if (!known) findings.push_back(std::move(finding));
  }
}

/// Numbers that Windows shows need no call around them.
std::vector<Finding> windows_findings(std::span<const LogLine> lines) {
  std::vector<Finding> findings;
  for (const LogLine& line : lines) {
    const auto number = windows_number(line);
    const Symptom* symptom = number ? with_number(*number, &Symptom::windows) : nullptr;
    const bool known = std::ranges::find(findings, symptom, &Finding::symptom) != findings.end();
    if (symptom != nullptr && !known)
      findings.push_back({symptom, kWindowsNumber, {evidence_of(line, nullptr)}});
  }
  return findings;
}

}  // namespace

Explanation Explainer::explain(std::string_view text) const {
  const std::vector<LogLine> lines = read_lines(text);
  Explanation explanation;
  std::vector<Event> events = patterns_.events(lines);
  std::vector<Finding> windows = windows_findings(lines);
  std::erase_if(events, [](const Event& event) {
    return event.marks.empty() && !event.packet && event.patterns.empty();
  });
  const std::vector<Attempt> attempts = sort_attempts(lines, events);
  std::vector<Judgement> judgements;
  for (const Attempt& attempt : attempts) {
    if (!is_ours(attempt) || std::ranges::all_of(attempt.events, is_only_about_links)) continue;
    judgements.emplace_back(lines, patterns_, attempt);
    if (explanation.steps.size() == kMostSteps) explanation.steps.erase(explanation.steps.begin());
    explanation.steps.push_back(step_of(lines, judgements.back()));
  }
  explanation.recognised = !judgements.empty() || !windows.empty();
  if (const Judgement* told = most_telling(judgements)) explanation.findings = told->findings();
  add_missing(explanation.findings, std::move(windows));
  sort_by_strength(explanation.findings);
  if (lines.size() == 1 && events.size() == 1)
    add_missing(explanation.findings,
                explain_line(lines[0], events[0], patterns_, explanation.usual));
  return explanation;
}

}  // namespace pptp::diagnosis
