#pragma once

#include <expected>
#include <filesystem>
#include <string>

#include "apps/config_error.h"
#include "apps/profile_source.h"

namespace pptp::app {

/// A profile to be filled in: the needed keys with an example each, every other key that can be set
/// today as a comment with its default.
std::string profile_template();

/// Where `profile new` puts a profile: a path as it stands, a name into the first of the folders.
std::expected<std::filesystem::path, ConfigError> new_profile_path(const std::string& profile,
                                                                   const ProfileFolders& folders);

}  // namespace pptp::app
