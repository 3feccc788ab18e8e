#pragma once

#include <string>

#include "lib/cause.h"

namespace pptp::app {

/// How a call ended, as the server tells it: what the client did, and the id of the ending
/// (apps/ending.h) where something is wrong. What the client said is escaped.
std::string served_call_end(const End& end);

}  // namespace pptp::app
