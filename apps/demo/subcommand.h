#pragma once

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "lib/time.h"
#include "tunnel/io/io_error.h"

namespace pptp::app::demo {

/// This program, run once more with other arguments, as a user would run it. What it writes goes to
/// files. It is killed when this object goes.
class Subcommand {
 public:
  /// In the network namespace of the calling thread. Files are made in `directory`, their names
  /// beginning with the first argument; it is the subcommand's $PPTPD_USER_RUNTIME_DIR and
  /// $STATE_DIRECTORY too.
  static io::IoResult<Subcommand> start(const std::string& directory,
                                        const std::vector<std::string>& arguments);

  Subcommand(Subcommand&& other) noexcept;
  Subcommand& operator=(Subcommand&&) = delete;
  ~Subcommand();

  /// Its exit status, 128 and the signal's number when a signal ended it; nullopt while it runs.
  std::optional<int> status();

  /// Sends a signal and waits for the end; nullopt: it has not ended in time.
  std::optional<int> end(int signal, Duration patience);

  /// What it has written to its standard output, and to its standard error.
  std::string output() const;
  std::string log() const;

 private:
  Subcommand(pid_t pid, std::string files) noexcept;

  pid_t pid_;
  std::string files_;  // their names, up to the suffix
  std::optional<int> status_;
};

}  // namespace pptp::app::demo
