// A log of any octets, read and explained: no finding shows a control character, and the more
// likely stands first.
#include "diagnosis/explain.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

bool is_shown(char c) {
  return c >= 0x20 && c < 0x7f;
}

const pptp::diagnosis::Explainer& explainer() {
  static const pptp::diagnosis::Explainer one;
  return one;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  const auto explanation = explainer().explain(text);
  require(explanation.recognised || explanation.findings.empty());
  for (const pptp::diagnosis::Finding& finding : explanation.findings) {
    require(finding.symptom != nullptr && !finding.evidence.empty());
    for (const std::string& line : finding.evidence)
      require(std::ranges::all_of(line, is_shown));
  }
  for (const std::string& step : explanation.steps)
    require(std::ranges::all_of(step, is_shown));
  return 0;
}
