#include <csignal>
#include <fcntl.h>
#include <memory>
#include <unistd.h>
#include <utility>

#include "apps/client_session.h"
#include "apps/commands.h"
#include "apps/password.h"
#include "apps/progress.h"
#include "apps/runtime.h"
#include "apps/terminal.h"
#include "tunnel/io/privileges.h"

namespace pptp::app {
namespace {

/// Who interrupts the waiting means the call.
void forward_signals_to(pid_t child) {
  static volatile std::sig_atomic_t target = 0;
  target = child;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    std::signal(signal, [](int which) { ::kill(target, which); });
  }
}

}  // namespace

int run_connect(const ConnectArguments& arguments, const Globals& globals) {
  // Whoever reads our output may go; the host is put back all the same.
  std::signal(SIGPIPE, SIG_IGN);
  ProgramLog log(globals.log);
  if (const io::IoResult<void> guarded = io::guard_memory(); !guarded) {
    return log.failed(ending_of(guarded.error()));
  }
  std::expected<Profile, ConfigErrors> profile =
      load_profile(arguments.profile, ProfileFolders::from_environment());
  if (!profile) return log.failed(profile.error());
  const bool has_device = profile->network.tun_program.empty();
  if (const io::IoResult<void> able = io::check_privileges(
          {.raw_socket = true, .network_admin = has_device, .tun = has_device});
      !able) {
    return log.failed(ending_of(able.error()));
  }
  std::expected<Credentials, Ending> credentials = credentials_for(*profile);
  if (!credentials) return log.failed(credentials.error());
  std::expected<io::RuntimeDir, Ending> directory = open_runtime_dir(log);
  if (!directory) return log.failed(directory.error());

  const auto recorder = recorder_for(globals, arguments.capture, log);
  if (!recorder) return log.failed(recorder.error());

  std::unique_ptr<Progress> progress;
  if (arguments.background) {
    // Forked before anything is opened or changed: the child owns all of it from the beginning.
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return log.failed(ending_of(io::io_error(errno, "pipe")));
    io::UniqueFd reading(ends[0]);
    io::UniqueFd writing(ends[1]);
    const pid_t child = ::fork();
    if (child < 0) return log.failed(ending_of(io::io_error(errno, "cannot go to the background")));
    if (child > 0) {
      writing.reset();
      forward_signals_to(child);
      return relay_progress(std::move(reading), log);
    }
    reading.reset();
    progress = std::make_unique<PipedProgress>(std::move(writing));
    if (const io::IoResult<void> left = leave_terminal(); !left) {
      const Ending ending = ending_of(left.error());
      progress->ended(ending);
      return ending.status();
    }
    log.to_system_log();
  } else {
    progress = std::make_unique<ShownProgress>(log);
  }
  const Ending ending = run_session(*std::move(profile), *std::move(credentials), *directory, log,
                                    *progress, **recorder);
  progress->ended(ending);
  if (arguments.background) {
    log.line(ending.status() == 0 ? LogLevel::notice : LogLevel::error, describe(ending));
  }
  return ending.status();
}

}  // namespace pptp::app
