#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/address_text.h"
#include "apps/config_error.h"
#include "apps/settings.h"
#include "auth/credentials.h"
#include "auth/method.h"
#include "ppp/link.h"
#include "tunnel/address_pool.h"

namespace pptp::app {

/// What `serve` is to do, checked.
struct ServerConfig {
  Ipv4Address listen;  ///< zero: every address of the host
  std::uint16_t port = kPptpPort;
  std::string users;    ///< the chap-secrets file
  std::string name;     ///< ours, in the Challenge and in the secrets' second field; empty: any
  Ipv4Address address;  ///< our end inside every tunnel; in none of the ranges
  std::vector<AddressRange> pool;     ///< what the peers get: in order, apart from each other
  std::array<Ipv4Address, 2> dns{};   ///< zero: none
  std::array<Ipv4Address, 2> wins{};  ///< zero: none
  std::vector<AuthMethod> methods;
  PasswordText password_text = PasswordText::utf8;
  unsigned retries = 0;
  EncryptionConfig encryption;
  std::vector<ShownSetting> settings;
};

/// Where the configuration is looked for when none is named. It need not be there.
inline constexpr std::string_view kServerConfigPath = "/etc/pptpd-user/server.toml";

std::span<const SettingInfo> server_keys() noexcept;

/// Checks everything and gathers all that is wrong. `folder`: what a relative `users` starts from.
std::expected<ServerConfig, ConfigErrors> make_server_config(const std::filesystem::path& folder,
                                                             std::vector<Layer> layers);

/// Reads and checks. `path` empty: kServerConfigPath, or the defaults where that is not there.
std::expected<ServerConfig, ConfigErrors> load_server_config(
    const std::string& path, const std::vector<std::string>& set_arguments);

}  // namespace pptp::app
