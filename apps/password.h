#pragma once

#include <expected>

#include "apps/ending.h"
#include "apps/profile.h"
#include "auth/credentials.h"

namespace pptp::app {

/// What to authenticate with: reads the password's file, or asks on the terminal, where the profile
/// wants that. Fails with Trouble::config_invalid or Trouble::interrupted.
std::expected<Credentials, Ending> credentials_for(const Profile& profile);

/// The first line of the profile's password file, which nobody but its owner may be able to read.
std::expected<SecretText, ConfigError> read_password_file(const Profile& profile,
                                                          const PasswordFile& file);

/// The first line of a text, without its line end; the text is wiped.
SecretText first_line(std::string text);

/// Asks on the controlling terminal, without showing what is typed. INT, TERM and the like while it
/// asks are Trouble::interrupted.
std::expected<SecretText, Ending> ask_password(const std::string& prompt);

/// Fills in what an ending can say about the password.
void describe_password(const Credentials& credentials, EndingContext& context);

}  // namespace pptp::app
