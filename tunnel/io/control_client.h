#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "lib/time.h"
#include "tunnel/io/io_error.h"

namespace pptp::io {

/// Sends one request to a profile's control socket (RuntimeDir::socket_path) and waits for the
/// reply, at most `timeout` in all. Faults: not_running (no socket, or nobody behind it),
/// timed_out, permission, peer_closed (it ended, or does not answer us), bad_message, system.
IoResult<nlohmann::json> control_request(const std::string& socket_path,
                                         const nlohmann::json& request, Duration timeout);

}  // namespace pptp::io
