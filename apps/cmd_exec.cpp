#include <csignal>
#include <utility>

#include "apps/client_session.h"
#include "apps/commands.h"
#include "apps/password.h"
#include "apps/progress.h"
#include "apps/runtime.h"
#include "tunnel/io/command_room.h"
#include "tunnel/io/privileges.h"

namespace pptp::app {

int run_exec(const ExecArguments& arguments, const Globals& globals) {
  // Before anything secret is in this process's memory, which the command's begins with a copy of.
  io::IoResult<io::CommandRoom> room =
      io::CommandRoom::create(arguments.command, io::CommandUser::behind_root());
  if (!room) return failed(ending_of(room.error()));
  std::signal(SIGPIPE, SIG_IGN);
  ProgramLog log(globals.log);
  if (const io::IoResult<void> guarded = io::guard_memory(); !guarded) {
    return log.failed(ending_of(guarded.error()));
  }
  std::expected<Profile, ConfigErrors> profile =
      load_profile(arguments.profile, ProfileFolders::from_environment(), ProfileUse::one_command);
  if (!profile) return log.failed(profile.error());
  if (const io::IoResult<void> able = io::check_privileges({.raw_socket = true, .tun = true});
      !able) {
    return log.failed(ending_of(able.error()));
  }
  std::expected<Credentials, Ending> credentials = credentials_for(*profile);
  if (!credentials) return log.failed(credentials.error());
  std::expected<io::RuntimeDir, Ending> directory = open_runtime_dir(log);
  if (!directory) return log.failed(directory.error());
  const auto recorder = recorder_for(globals, arguments.capture, log);
  if (!recorder) return log.failed(recorder.error());
  ShownProgress progress(log);
  const Ending ending = run_session(*std::move(profile), *std::move(credentials), *directory, log,
                                    progress, **recorder, &*room);
  progress.ended(ending);
  return room->started() ? room->end() : ending.status();
}

}  // namespace pptp::app
