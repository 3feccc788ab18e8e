#pragma once

#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "tunnel/io/namespace_tun.h"
#include "tunnel/io/unique_fd.h"

namespace pptp::io {

/// Whom a command is run as.
struct CommandUser {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups = {};  ///< all of the user's
  std::string name = {};           ///< empty: nothing is known but the number
  std::string home = {};
  std::string shell = {};

  /// Who called this process through sudo, doas or pkexec, or nullopt: the user that it runs as.
  static std::optional<CommandUser> behind_root();
};

/// A process in a network namespace that is not ours, in which there is nothing but a TUN interface
/// and a loopback interface; it waits there until it becomes the command that may use them.
///
/// Without CAP_SYS_ADMIN it has a user namespace too, in which the user is who he was.
class CommandRoom {
 public:
  /// Forks. The child has a copy of all memory, so that this has to come before any secret; and
  /// before there is a second thread. `user`: whom the command is run as, where we are root.
  static IoResult<CommandRoom> create(std::vector<std::string> command,
                                      std::optional<CommandUser> user);

  CommandRoom(CommandRoom&& other) noexcept;
  CommandRoom& operator=(CommandRoom&&) = delete;
  /// As end().
  ~CommandRoom();

  /// Makes the interface (`pattern` as Tun::open takes it) in a namespace of its own, or in the
  /// named one where `netns` is not empty. Once.
  IoResult<std::unique_ptr<NamespaceTun>> open(const std::string& pattern,
                                               const std::string& netns);

  /// Runs the command. `resolv_conf`: what it finds in /etc/resolv.conf; nullopt: what the host
  /// does. Fails where there is no such command. Once, after open().
  IoResult<void> start(const std::optional<std::string>& resolv_conf);

  /// Puts other text into the resolv.conf that the command was started with. Once it has started.
  IoResult<void> change_resolv_conf(const std::string& text);

  bool started() const noexcept { return started_; }

  /// Can be read from when the process has ended.
  int fd() const noexcept { return ended_.fd(); }

  void send(int signal) noexcept;

  /// Waits for the command, which is told to end if it has not by itself, and killed if that does
  /// not help. Its exit status, 128 more than the number of a signal that ended it.
  int end();

 private:
  CommandRoom(pid_t pid, UniqueFd ended, UniqueFd socket) noexcept;

  pid_t pid_;  ///< 0: reaped
  UniqueFd ended_;
  UniqueFd socket_;
  UniqueFd resolv_conf_;  ///< none: it is the host's
  bool started_ = false;
  int status_ = 0;
};

}  // namespace pptp::io
