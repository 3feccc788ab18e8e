#include "tunnel/io/process.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "tunnel/io/file.h"

namespace pptp::io {
namespace {

constexpr const char* kPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct FreeActions {
  void operator()(posix_spawn_file_actions_t* actions) const noexcept {
    ::posix_spawn_file_actions_destroy(actions);
  }
};

struct FreeAttributes {
  void operator()(posix_spawnattr_t* attributes) const noexcept {
    ::posix_spawnattr_destroy(attributes);
  }
};

/// A file in memory, read from its beginning.
IoResult<UniqueFd> holding(const std::string& text) {
  UniqueFd fd(::memfd_create("input", MFD_CLOEXEC));
  if (!fd) return failure(errno, "cannot hold a program's input");
  if (const int error = write_all(fd.fd(), text); error != 0)
    return failure(error, "cannot hold a program's input");
  if (::lseek(fd.fd(), 0, SEEK_SET) != 0) return failure(errno, "cannot hold a program's input");
  return fd;
}

}  // namespace

Process::Process(std::string program, pid_t pid, UniqueFd ended) noexcept
    : program_(std::move(program)), pid_(pid), ended_(std::move(ended)) {}

Process::Process(Process&& other) noexcept
    : program_(std::move(other.program_)),
      pid_(std::exchange(other.pid_, 0)),
      ended_(std::move(other.ended_)) {}

Process::~Process() {
  if (pid_ == 0) return;
  ::kill(-pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

IoResult<Process> Process::start(const Command& command) {
  IoResult<UniqueFd> input = holding(command.input);
  if (!input) return std::unexpected(input.error());

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  const std::unique_ptr<posix_spawn_file_actions_t, FreeActions> free_actions(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input->fd(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  int first_closed = STDERR_FILENO + 1;
  if (command.handed_down >= 0) {
    ::posix_spawn_file_actions_adddup2(&actions, command.handed_down, kHandedDown);
    first_closed = kHandedDown + 1;
  }
  ::posix_spawn_file_actions_addclosefrom_np(&actions, first_closed);

  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  const std::unique_ptr<posix_spawnattr_t, FreeAttributes> free_attributes(&attributes);
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  std::vector<std::string> arguments = {command.program};
  arguments.insert(arguments.end(), command.arguments.begin(), command.arguments.end());
  std::vector<std::string> environment;
  if (!command.environment.contains("PATH")) environment.emplace_back(kPath);
  for (const auto& [name, value] : command.environment)
    environment.push_back(name + "=" + value);

  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, command.program.c_str(), &actions, &attributes,
                                  pointers_to(arguments).data(), pointers_to(environment).data());
  if (error != 0)
    return failure(IoFault::script_failed,
                   "cannot run " + command.program + ": " + std::strerror(error));
  Process process(command.program, pid, UniqueFd());
  process.ended_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process.ended_) return failure(errno, "cannot watch " + command.program);
  return process;
}

IoResult<void> Process::result() {
  siginfo_t how{};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &how, WEXITED) < 0) {
    if (errno != EINTR) return failure(errno, "cannot learn how " + program_ + " ended");
  }
  pid_ = 0;
  if (how.si_code == CLD_EXITED && how.si_status == 0) return {};
  return failure(IoFault::script_failed,
                 program_ +
                     (how.si_code == CLD_EXITED ? " ended with status " : " ended by signal ") +
                     std::to_string(how.si_status));
}

void Process::send(int signal) noexcept {
  if (pid_ != 0) ::kill(-pid_, signal);
}

IoResult<void> Process::wait(std::chrono::milliseconds limit) {
  pollfd ended{.fd = fd(), .events = POLLIN, .revents = 0};
  int ready = 0;
  do {
    ready = ::poll(&ended, 1, static_cast<int>(limit.count()));
  } while (ready < 0 && errno == EINTR);
  if (ready > 0) return result();
  return failure(IoFault::script_failed,
                 program_ + " did not end within " + std::to_string(limit.count() / 1000) + " s");
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts)
    pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

IoResult<void> run(const Command& command, std::chrono::milliseconds limit) {
  IoResult<Process> process = Process::start(command);
  if (!process) return std::unexpected(process.error());
  return process->wait(limit);
}

}  // namespace pptp::io
