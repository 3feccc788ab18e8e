#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "diagnosis/facts.h"

namespace pptp::diagnosis {

/// What becomes of a trouble in this program.
enum class SymptomClass : std::uint8_t {
  impossible,  ///< nothing of that kind is there
  prevented,   ///< it is seen to that it does not arise
  diagnosed,   ///< it is found out and named
  explained,   ///< it is known from other programs' logs
  not_ours,    ///< neither this program nor the tunnel
};

std::string_view words(SymptomClass symptom_class);

/// A message that tells of a symptom. `strength` says how much, see FindingStrength; 0: it goes
/// with the symptom and does not tell of it by itself.
struct SymptomPattern {
  std::string_view program;
  std::string_view regex;
  std::string_view example;
  std::uint8_t strength;
  std::span<const Fact> unless;  ///< any of these, and it says nothing
};

/// Facts that together tell of a symptom, and facts that must not be there.
struct SymptomSequence {
  std::span<const Fact> facts;
  std::span<const Fact> absent;
  std::uint8_t strength;
};

struct Symptom {
  std::string_view id;
  std::string_view title;
  SymptomClass symptom_class;
  std::string_view side;  ///< "client", "server", "both" or "host"
  std::string_view cause;
  std::span<const std::string_view> remedy;  ///< in this program's terms, the most likely first
  std::string_view answer;                   ///< what this program does about it
  std::span<const std::string_view> proof;   ///< "file: title" of the tests
  std::span<const SymptomPattern> patterns;
  std::span<const SymptomSequence> sequences;
  std::span<const std::uint16_t> windows;     ///< Windows shows such a number
  std::span<const std::uint16_t> terminates;  ///< Windows ends a link with such a number
  bool usual;  ///< its messages are those of a call that is well, too
};

/// All, in the order of their areas.
std::span<const Symptom> symptoms();

/// Null where there is none of that id.
const Symptom* find_symptom(std::string_view id);

}  // namespace pptp::diagnosis
