#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tunnel/io/io_error.h"

namespace pptp::io {

/// The directory where the connections of one user leave what outlives a boot, and what they can do
/// without: for each profile NAME the file NAME.encrypted.
class StateDir {
 public:
  /// The environment says where: the first of $STATE_DIRECTORY (systemd); else /var/lib/pptpd-user
  /// for root; else $XDG_STATE_HOME/pptpd-user; else $HOME/.local/state/pptpd-user. What is not an
  /// absolute path does not count.
  static StateDir of_this_user();

  /// Empty: there is none, nothing is found and nothing kept.
  explicit StateDir(std::string path) noexcept;

  const std::string& path() const noexcept { return path_; }

  /// `profile` must be valid (valid_profile_name).
  std::string encrypted_path(std::string_view profile) const;

  /// nullopt: there is no such file, or none that can be read.
  std::optional<std::string> read_encrypted(std::string_view profile) const;

  /// One text replaced as a whole. Makes the directory where it is missing.
  IoResult<void> write_encrypted(std::string_view profile, std::string_view text) const;

 private:
  std::string path_;
};

}  // namespace pptp::io
