#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tunnel/io/io_error.h"
#include "tunnel/io/unique_fd.h"

namespace pptp::io {

/// Held for as long as a process runs a profile; the kernel drops it with the process, however that
/// ends.
class ProfileLock {
 public:
  const std::string& profile() const noexcept { return profile_; }

 private:
  friend class RuntimeDir;

  ProfileLock(UniqueFd fd, std::string profile) noexcept;

  UniqueFd fd_;
  std::string profile_;
};

/// The directory, mode 0700, where the running processes of one user leave what others need to find
/// them, for each profile NAME: NAME.lock, NAME.sock, NAME.journal, NAME.last, and
/// NAME.journal.INODE for the network namespace INODE.
class RuntimeDir {
 public:
  /// $PPTPD_USER_RUNTIME_DIR; else /run/pptpd-user for root; else $XDG_RUNTIME_DIR/pptpd-user.
  static IoResult<std::string> default_path();

  /// Makes the directory where it is missing (its parent must be there). Refuses what is not a
  /// directory, or belongs to somebody else; takes permissions for others away. A relative path is
  /// from the folder that is current now.
  static IoResult<RuntimeDir> open(std::string path);

  const std::string& path() const noexcept { return path_; }

  /// Fails with already_locked where another process, or this one, has it; bad_name.
  IoResult<ProfileLock> lock(std::string_view profile) const;

  /// Whether a process has it, without waiting. `profile` must be valid (valid_profile_name).
  bool is_locked(std::string_view profile) const;

  /// Paths of a profile's files. `profile` must be valid (valid_profile_name).
  std::string socket_path(std::string_view profile) const;
  std::string journal_path(std::string_view profile) const;

  /// Where a journal waits for somebody in the network namespace that it is about, when a process
  /// in another one needs its place. `network_namespace`: this_network_namespace().
  std::string journal_path(std::string_view profile, std::uint64_t network_namespace) const;

  /// The last result of a profile, one text replaced as a whole.
  IoResult<void> write_last(std::string_view profile, std::string_view text) const;

  /// nullopt: there is none.
  std::optional<std::string> read_last(std::string_view profile) const;

  /// Profiles that have a control socket, sorted; whether anybody listens on it is another matter.
  std::vector<std::string> profiles_with_socket() const;

  /// Profiles that have a journal, or one that waits for this thread's network namespace, sorted:
  /// those that run and those that did not end well.
  std::vector<std::string> profiles_with_journal() const;

 private:
  explicit RuntimeDir(std::string path) noexcept;

  std::string file(std::string_view profile, std::string_view suffix) const;
  std::vector<std::string> profiles_with(std::string_view suffix) const;

  std::string path_;
};

/// Whether a profile's name can be the beginning of a file name in a RuntimeDir: printable ASCII
/// other than '/', not starting with '.', 1 to 80 characters (what fits into a socket's address).
bool valid_profile_name(std::string_view profile) noexcept;

}  // namespace pptp::io
