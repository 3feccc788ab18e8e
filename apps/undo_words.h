#pragma once

#include "lib/log.h"
#include "tunnel/io/host_state.h"

namespace pptp::app {

/// Logs what undoing has left on this host: what somebody else has changed since, and, as `failed`,
/// what could not be undone.
void log_what_is_left(Log log, LogLevel failed, const io::UndoReport& report);

}  // namespace pptp::app
