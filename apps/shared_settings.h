#pragma once

#include <string_view>
#include <vector>

#include "apps/settings.h"
#include "auth/credentials.h"
#include "auth/method.h"
#include "ppp/link.h"

namespace pptp::app {

// The sections that a profile and a server's configuration have in common: [auth] and [encryption].

/// auth.methods. What is not a method becomes an error.
std::vector<AuthMethod> read_methods(const Settings& settings, ConfigErrors& errors);

/// auth.password-text.
PasswordText read_password_text(const Settings& settings, ConfigErrors& errors);

/// encryption.mppe, key-bits, stateful and mppc.
EncryptionConfig read_encryption(const Settings& settings, ConfigErrors& errors);

/// Encryption that is required and methods of which none makes keys (RFC 3079) cannot both be had.
void check_keys_possible(const Settings& settings, const std::vector<AuthMethod>& methods,
                         const EncryptionConfig& encryption, ConfigErrors& errors);

}  // namespace pptp::app
