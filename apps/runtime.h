#pragma once

#include <expected>
#include <optional>
#include <string>

#include "apps/ending.h"
#include "apps/program_log.h"
#include "apps/status_report.h"
#include "tunnel/io/runtime_dir.h"

namespace pptp::app {

/// The directory where this user's running calls are found. First puts the host back where a call
/// that was killed had changed it.
std::expected<io::RuntimeDir, Ending> open_runtime_dir(ProgramLog& log);

/// The name under which a profile runs, from what names it on the command line: a path stands for
/// the file it leads to. nullopt: nothing can be called that.
std::optional<std::string> running_name(const std::string& profile);

/// The name of the call that a command is about: of the profile that was named, whether it runs or
/// not, or, for an empty `profile`, of the only one that runs. No ending: none runs.
std::expected<std::string, std::optional<Ending>> which_call(const io::RuntimeDir& directory,
                                                             const std::string& profile);

/// What a profile's process says of itself; where none runs, that it is idle and how its last call
/// ended.
StatusReport ask_status(const io::RuntimeDir& directory, const std::string& profile);

/// Keeps how a profile's call ended, for ask_status().
void remember_ending(const io::RuntimeDir& directory, const std::string& profile,
                     const Ending& ending);

}  // namespace pptp::app
