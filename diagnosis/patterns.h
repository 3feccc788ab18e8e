#pragma once

#include <cstddef>
#include <re2/set.h>
#include <span>
#include <vector>

#include "diagnosis/attempt.h"
#include "diagnosis/catalogue.h"
#include "diagnosis/log_line.h"

namespace pptp::diagnosis {

/// A pattern of the catalogue, and whose it is.
struct OwnedPattern {
  const Symptom* symptom;
  const SymptomPattern* pattern;
};

/// All that the catalogue knows to look for, matched at once and in linear time.
class Patterns {
 public:
  Patterns();

  /// The lines that mean something, in order.
  std::vector<Event> events(std::span<const LogLine> lines) const;

  const OwnedPattern& pattern(std::size_t number) const { return owned_[number]; }

  /// Whether every expression of the catalogue could be used.
  bool valid() const { return valid_; }

 private:
  RE2::Set set_;
  std::vector<OwnedPattern> owned_;
  bool valid_ = true;
};

}  // namespace pptp::diagnosis
