#include "apps/demo/subcommand.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <spawn.h>
#include <string_view>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "tunnel/io/clock.h"
#include "tunnel/io/file.h"
#include "tunnel/io/process.h"

namespace pptp::app::demo {
namespace {

/// Where a subcommand finds and leaves files.
constexpr std::array<std::string_view, 2> kPlaces = {"PPTPD_USER_RUNTIME_DIR=", "STATE_DIRECTORY="};
constexpr const char* kOutput = ".out";
constexpr const char* kLog = ".err";

std::vector<std::string> environment_with(const std::string& directory) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const auto is_this = [&](std::string_view name) {
      return std::string_view(*entry).starts_with(name);
    };
    if (std::ranges::none_of(kPlaces, is_this)) out.emplace_back(*entry);
  }
  for (const std::string_view name : kPlaces)
    out.push_back(std::string(name) + directory);
  return out;
}

/// Owns what posix_spawn wants to be told about the new process.
class SpawnActions {
 public:
  SpawnActions() { ::posix_spawn_file_actions_init(&actions_); }

  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;

  ~SpawnActions() { ::posix_spawn_file_actions_destroy(&actions_); }

  void open(int fd, const char* path, int flags) {
    ::posix_spawn_file_actions_addopen(&actions_, fd, path, flags, S_IRUSR | S_IWUSR);
  }

  const posix_spawn_file_actions_t* get() const noexcept { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

}  // namespace

io::IoResult<Subcommand> Subcommand::start(const std::string& directory,
                                           const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {"pptpd-user"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> environment = environment_with(directory);
  std::string files = directory + "/" + arguments.front();

  SpawnActions actions;
  constexpr int kNewFile = O_WRONLY | O_CREAT | O_TRUNC;
  actions.open(STDIN_FILENO, "/dev/null", O_RDONLY);
  actions.open(STDOUT_FILENO, (files + kOutput).c_str(), kNewFile);
  actions.open(STDERR_FILENO, (files + kLog).c_str(), kNewFile);

  pid_t pid = -1;
  const int error =
      ::posix_spawn(&pid, "/proc/self/exe", actions.get(), nullptr, io::pointers_to(words).data(),
                    io::pointers_to(environment).data());
  if (error != 0) return io::failure(error, "cannot start pptpd-user " + arguments.front());
  return Subcommand(pid, std::move(files));
}

Subcommand::Subcommand(pid_t pid, std::string files) noexcept
    : pid_(pid), files_(std::move(files)) {}

Subcommand::Subcommand(Subcommand&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      files_(std::move(other.files_)),
      status_(other.status_) {}

Subcommand::~Subcommand() {
  if (pid_ < 0 || status()) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::optional<int> Subcommand::status() {
  int state = 0;
  if (!status_ && ::waitpid(pid_, &state, WNOHANG) == pid_)
    status_ = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
  return status_;
}

std::optional<int> Subcommand::end(int signal, Duration patience) {
  constexpr auto kPause = std::chrono::milliseconds(5);
  if (!status()) ::kill(pid_, signal);
  for (const TimePoint limit = io::engine_now() + patience; !status();) {
    if (io::engine_now() > limit) return std::nullopt;
    std::this_thread::sleep_for(kPause);
  }
  return status_;
}

std::string Subcommand::output() const {
  return io::read_file(files_ + kOutput).value_or("");
}

std::string Subcommand::log() const {
  return io::read_file(files_ + kLog).value_or("");
}

}  // namespace pptp::app::demo
