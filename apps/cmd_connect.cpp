#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>

#include "apps/client_session.h"
#include "apps/commands.h"
#include "apps/password.h"
#include "apps/progress.h"
#include "apps/runtime.h"
#include "tunnel/io/privileges.h"

namespace pptp::app {
namespace {

Ending call(Profile profile, Credentials credentials, ProgramLog& log, Progress& progress) {
  std::expected<io::RuntimeDir, Ending> directory = open_runtime_dir(log);
  if (!directory) return std::move(directory.error());
  io::IoResult<io::ProfileLock> lock = directory->lock(profile.name);
  if (!lock) return ending_of(lock.error());
  const std::string name = profile.name;
  Ending ending = ClientSession(std::move(profile), std::move(credentials), *directory,
                                *std::move(lock), log, progress)
                      .run();
  remember_ending(*directory, name, ending);
  return ending;
}

/// A session of its own, and nothing of the terminal but what the pipe tells.
void leave_terminal(ProgramLog& log) {
  ::setsid();
  const io::UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    ::dup2(null.fd(), fd);
  log.to_system_log();
}

/// Who interrupts the waiting means the call.
void forward_signals_to(pid_t child) {
  static volatile std::sig_atomic_t target = 0;
  target = child;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    std::signal(signal, [](int which) { ::kill(target, which); });
  }
}

int failed(const Ending& ending) {
  print(stderr, ending);
  return ending.status();
}

}  // namespace

int run_connect(const ConnectArguments& arguments, const Globals& globals) {
  // Whoever reads our output may go; the host is put back all the same.
  std::signal(SIGPIPE, SIG_IGN);
  const rlimit no_core{0, 0};  // a password must not end up in a file
  ::setrlimit(RLIMIT_CORE, &no_core);
  ProgramLog log(globals.log);
  std::expected<Profile, ConfigErrors> profile =
      load_profile(arguments.profile, ProfileFolders::from_environment());
  if (!profile) {
    print(stderr, std::move(profile.error()));
    return static_cast<int>(ExitStatus::config_invalid);
  }
  if (const io::IoResult<void> able =
          io::check_privileges({.raw_socket = true, .network_admin = true, .tun = true});
      !able) {
    return failed(ending_of(able.error()));
  }
  std::expected<Credentials, Ending> credentials = credentials_for(*profile);
  if (!credentials) return failed(credentials.error());

  std::unique_ptr<Progress> progress;
  if (arguments.background) {
    // Forked before anything is opened: the child owns all of it from the beginning.
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return failed(ending_of(io::io_error(errno, "pipe")));
    io::UniqueFd reading(ends[0]);
    io::UniqueFd writing(ends[1]);
    const pid_t child = ::fork();
    if (child < 0) return failed(ending_of(io::io_error(errno, "cannot go to the background")));
    if (child > 0) {
      writing.reset();
      forward_signals_to(child);
      return relay_progress(std::move(reading), log);
    }
    reading.reset();
    leave_terminal(log);
    progress = std::make_unique<PipedProgress>(std::move(writing));
  } else {
    progress = std::make_unique<ShownProgress>(log);
  }
  const Ending ending = call(*std::move(profile), *std::move(credentials), log, *progress);
  progress->ended(ending);
  if (arguments.background) {
    log.line(ending.status() == 0 ? LogLevel::notice : LogLevel::error, describe(ending));
  }
  return ending.status();
}

}  // namespace pptp::app
