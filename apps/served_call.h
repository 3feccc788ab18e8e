#pragma once

#include <string>

#include "lib/cause.h"
#include "tunnel/acceptor.h"

namespace pptp::app {

/// Whose call it was: "call of alice". A name that nobody has proven to be may be anything: it is
/// told as a claim, escaped and cut.
std::string served_call_name(const SessionDown& down);

/// How a call ended, as the server tells it: what the client did, and the id of the ending
/// (apps/ending.h) where something is wrong. What the client said is escaped.
std::string served_call_end(const End& end);

}  // namespace pptp::app
