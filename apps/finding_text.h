#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "diagnosis/checkup.h"

namespace pptp::app {

/// A finding for people: what is wrong and its id, what to do, and what was seen. `cause`: where
/// that is to be told too.
std::string to_text(const diagnosis::Problem& problem, std::string_view cause = {});

/// {"id", "summary", "evidence": [], "remedy": []}
nlohmann::json to_json(const diagnosis::Problem& problem);

}  // namespace pptp::app
