#pragma once

#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/config_error.h"
#include "apps/profile.h"

namespace pptp::app {

/// What the command line says about the profile to use: its name, or a server and a user.
struct ProfileRequest {
  std::string profile;                ///< empty where `server` is given
  std::string server;                 ///< --server
  std::string user;                   ///< --user
  bool password_stdin = false;        ///< --password-stdin: its first line is the password
  std::vector<std::string> settings;  ///< --set, in order
};

/// The folders that profiles live in, the first to look in first.
struct ProfileFolders {
  std::vector<std::filesystem::path> folders;

  /// The user's own and the host's. `config_home` and `home` are $XDG_CONFIG_HOME and $HOME, null
  /// where they are not set.
  static ProfileFolders of(const char* config_home, const char* home);
  static ProfileFolders from_environment();
};

struct FoundProfile {
  std::string name;  ///< "office" for ".../office.toml"; "stdin" for "-"
  std::string path;  ///< "-": standard input
};

/// Finds a profile the way vpnc does: what has a '/' in it is a path, "-" is standard input, else
/// the folders are searched for NAME.toml.
std::expected<FoundProfile, ConfigError> find_profile(const std::string& profile,
                                                      const ProfileFolders& folders);

/// Finds, reads and checks.
std::expected<Profile, ConfigErrors> load_profile(const ProfileRequest& request,
                                                  const ProfileFolders& folders,
                                                  ProfileUse use = ProfileUse::host);

}  // namespace pptp::app
