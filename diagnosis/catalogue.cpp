#include "diagnosis/catalogue.h"

#include <algorithm>

namespace pptp::diagnosis {

std::string_view words(SymptomClass symptom_class) {
  switch (symptom_class) {
    case SymptomClass::impossible:
      return "impossible";
    case SymptomClass::prevented:
      return "prevented";
    case SymptomClass::diagnosed:
      return "diagnosed";
    case SymptomClass::explained:
      return "explained";
    case SymptomClass::not_ours:
      return "not ours";
  }
  return "";
}

const Symptom* find_symptom(std::string_view id) {
  const auto found = std::ranges::find(symptoms(), id, &Symptom::id);
  return found == symptoms().end() ? nullptr : &*found;
}

}  // namespace pptp::diagnosis
