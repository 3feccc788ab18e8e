#pragma once

#include <expected>
#include <memory>
#include <string>

#include "apps/ending.h"
#include "apps/profile.h"
#include "auth/credentials.h"

namespace pptp::app {

/// What to authenticate with, from where the profile says: reads a file or what a program prints,
/// takes systemd's credential, or asks on the terminal. Fails with Trouble::config_invalid or
/// Trouble::interrupted.
std::expected<Credentials, Ending> credentials_for(const Profile& profile);

/// The profile's user with this password.
std::shared_ptr<const Credentials> credentials_with(const Profile& profile, SecretText password);

/// The first line of the profile's password file, which nobody but its owner may be able to read.
std::expected<SecretText, ConfigError> read_password_file(const Profile& profile,
                                                          const PasswordFile& file);

/// The first line that the profile's password command prints. Its standard input and error are
/// ours, so that it can ask; no shell is in between.
std::expected<SecretText, ConfigError> run_password_command(const Profile& profile,
                                                            const PasswordCommand& command);

/// What to tell when the server has taken a new password: where the old one still is.
std::string password_changed(const Profile& profile);

/// To word the endings of calls with, to this server (as the user named it) and with these.
EndingContext context_for(const std::string& server, const Credentials& credentials);

}  // namespace pptp::app
