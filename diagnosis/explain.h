#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "diagnosis/catalogue.h"
#include "diagnosis/patterns.h"

namespace pptp::diagnosis {

/// How much a finding says. The cause of a trouble has more than what follows from it.
enum FindingStrength : std::uint8_t {
  kRemark = 10,   ///< worth a word to who asks about that line alone
  kAlarm = 20,    ///< below it nothing is wrong
  kTelling = 50,  ///< a cause of an attempt that failed, even if later ones failed less clearly
};

struct Finding {
  const Symptom* symptom = nullptr;
  unsigned strength = 0;
  std::vector<std::string> evidence;  ///< "line 12: ...", secrets masked, numbers put into words
};

struct Explanation {
  bool recognised = false;         ///< some of it was PPTP's
  std::vector<Finding> findings;   ///< the most likely first; empty where nothing is wrong
  std::vector<std::string> steps;  ///< each attempt in the log, and how far it came
  /// Of a single line in which nothing is wrong: what it means, and where else it is seen.
  std::vector<Finding> usual;
};

/// Reads logs. Building one compiles the catalogue's expressions: keep it for several logs.
class Explainer {
 public:
  /// What a log, of this or another program, tells.
  Explanation explain(std::string_view text) const;

 private:
  Patterns patterns_;
};

}  // namespace pptp::diagnosis
