#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "apps/address_text.h"
#include "apps/config_error.h"
#include "apps/settings.h"
#include "auth/credentials.h"
#include "auth/method.h"
#include "lib/secret.h"
#include "lib/time.h"
#include "ppp/link.h"
#include "tunnel/quirks.h"

namespace pptp::app {

/// The systemd credential "pptpd-user.NAME" where there is one, else the terminal.
struct AskPassword {};

struct PasswordFile {
  std::string path;  ///< as written; relative to the profile's folder
  Place place;
};

struct PasswordCommand {
  std::vector<std::string> arguments;  ///< the program and its arguments; at least one
  Place place;
};

/// Where the password comes from.
using PasswordSource = std::variant<AskPassword, SecretText, PasswordFile, PasswordCommand, NtHash>;

struct DnsFromPeer {};

struct NoDns {};

using DnsChoice = std::variant<DnsFromPeer, NoDns, std::vector<Ipv4Address>>;

/// What the packets of the tunnel are sent by.
enum class Transmit : std::uint8_t {
  raw,     ///< a raw socket
  packet,  ///< a packet socket wherever it can; see io::GrePacketSender
};

/// Which server to dial, as whom and how: everything the user may say about a connection, checked.
struct Profile {
  struct Network {
    std::string interface;             ///< at most one %d: the first free number
    std::optional<std::uint16_t> mtu;  ///< nullopt: found out
    bool probe_mtu = false;
    bool mss_clamp = true;
    bool default_route = false;
    std::vector<io::Ipv4Prefix> routes;
    DnsChoice dns;
    bool ipv6 = true;
    std::string netns;        ///< empty: the one we are in
    std::string script;       ///< empty: none
    std::string ip_up_dir;    ///< empty: none
    std::string tun_program;  ///< empty: a TUN device
  };

  struct Link {
    bool reconnect = true;
    unsigned max_attempts = 0;  ///< 0: no limit
    Duration retry_first{};
    Duration retry_limit{};
    Duration echo_interval{};  ///< zero: no echoes
    unsigned echo_failures = 0;
    Duration idle_timeout{};  ///< zero: none
    Duration time_limit{};    ///< zero: none
    bool demand = false;
    bool pace_by_window = false;
    Quirks quirks;
    Transmit transmit = Transmit::raw;
    unsigned threads = 0;  ///< 0: as many as pay
  };

  std::string name;
  std::filesystem::path folder;   ///< what relative paths in it start from
  std::vector<HostPort> servers;  ///< at least one, tried in order
  std::string user;               ///< as it goes over the wire, DOMAIN\user
  PasswordSource password;
  std::vector<AuthMethod> methods;
  PasswordText password_text = PasswordText::utf8;
  EncryptionConfig encryption;
  Network network;
  Link link;
  std::vector<ShownSetting> settings;
};

/// Every key of a profile, in the order of the manual.
std::span<const SettingInfo> profile_keys() noexcept;

/// What a connection is to be used by.
enum class ProfileUse : std::uint8_t {
  host,         ///< who may, on this host
  one_command,  ///< one command, in a network namespace
};

/// Checks everything and gathers all that is wrong. `whole`: what to call the profile where an
/// error is about something that is not in it.
std::expected<Profile, ConfigErrors> make_profile(std::string name, std::filesystem::path folder,
                                                  std::vector<Layer> layers,
                                                  const std::string& whole,
                                                  ProfileUse use = ProfileUse::host);

}  // namespace pptp::app
