#pragma once

#include <chrono>
#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

#include "tunnel/io/io_error.h"
#include "tunnel/io/unique_fd.h"

namespace pptp::io {

/// The number of a descriptor that is handed down.
inline constexpr int kHandedDown = 3;

/// A program of somebody else's, and what it is run with.
struct Command {
  std::string program;                                  ///< its path
  std::vector<std::string> arguments = {};              ///< without the program's name
  std::map<std::string, std::string> environment = {};  ///< all of it, but for a PATH
  std::string input = {};                               ///< its standard input
  int handed_down = -1;  ///< a descriptor that it gets as kHandedDown; stays the caller's

  bool operator==(const Command&) const = default;
};

/// A running Command. It has a session of its own, so that no key pressed on our terminal reaches
/// it; its output goes to our standard error; no other descriptor and no signal setting of ours is
/// handed down, but for Command::handed_down. What still runs of it is killed when this goes.
class Process {
 public:
  static IoResult<Process> start(const Command& command);

  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;
  ~Process();

  /// Can be read from when it has ended.
  int fd() const noexcept { return ended_.fd(); }

  /// Once it has ended; it need not be asked. IoFault::script_failed: not with status 0.
  IoResult<void> result();

  /// Sends a signal to it and to what it has started, unless it is known to have ended.
  void send(int signal) noexcept;

  /// Waits, and kills it when it takes longer; that is IoFault::script_failed too.
  IoResult<void> wait(std::chrono::milliseconds limit);

 private:
  Process(std::string program, pid_t pid, UniqueFd ended) noexcept;

  std::string program_;
  pid_t pid_;  ///< 0: reaped
  UniqueFd ended_;
};

/// A list as exec(3) and posix_spawn(3) take one: pointers into the texts, which are not changed,
/// and the null behind them.
std::vector<char*> pointers_to(std::vector<std::string>& texts);

/// Runs it to its end.
IoResult<void> run(const Command& command, std::chrono::milliseconds limit);

}  // namespace pptp::io
