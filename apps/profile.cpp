#include "apps/profile.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <fmt/core.h>

#include "apps/nearest.h"
#include "apps/shared_settings.h"
#include "lib/bytes.h"

namespace pptp::app {
namespace {

// RFC 2759 4: the name field of a Response; longer names are refused by the peers.
constexpr std::size_t kMaxUserName = 256;
// linux/if.h: IFNAMSIZ, less the terminating zero.
constexpr std::size_t kMaxInterfaceName = 15;
// RFC 791 3.2: what every host must take; and the most that Ethernet carries.
constexpr std::int64_t kMinMtu = 576;
constexpr std::int64_t kMaxMtu = 1500;

constexpr double kDay = 86400;
constexpr std::int64_t kMaxEchoFailures = 100;
constexpr Duration kLeastRetry = std::chrono::milliseconds(100);

/// Turns Settings into a Profile; what is wrong is gathered, not thrown.
class ProfileMaker {
 public:
  ProfileMaker(Settings& settings, ConfigErrors& errors, const std::string& whole, ProfileUse use)
      : settings_(settings), errors_(errors), whole_(whole), use_(use) {}

  Profile make() {
    Profile profile;
    profile.servers = servers();
    profile.user = user();
    profile.methods = read_methods(settings_, errors_);
    profile.password_text = read_password_text(settings_, errors_);
    profile.encryption = read_encryption(settings_, errors_);
    check_keys_possible(settings_, profile.methods, profile.encryption, errors_);
    profile.password = password(profile.methods);
    profile.network = network();
    profile.link = link();
    check_place(profile);
    if (use_ == ProfileUse::one_command) fit_to_one_command(profile);
    profile.settings = settings_.shown();
    return profile;
  }

 private:
  void error(const Place& place, std::string message, std::string hint = {}) {
    errors_.push_back(error_at(place, std::move(message), std::move(hint)));
  }

  void error(std::string_view key, std::string message, std::string hint = {}) {
    error(settings_.place(key), std::move(message), std::move(hint));
  }

  std::vector<HostPort> servers() {
    if (!settings_.has("server")) {
      if (settings_.missing("server"))
        error(Place{whole_, 0, 0}, "'server' is missing", R"(add server = "vpn.example.com")");
      return {};
    }
    std::vector<HostPort> servers;
    const std::span<const TomlValue> list = settings_.list("server");
    for (const TomlValue& element : list) {
      auto server = parse_host_port(std::get<std::string>(element.data));
      if (server) {
        servers.push_back(std::move(*server));
      } else {
        error(element.place, "'server': " + server.error().message, server.error().hint);
      }
    }
    if (list.empty()) error("server", "'server' is an empty list", "name the server");
    return servers;
  }

  std::string user() {
    if (!settings_.has("user")) {
      if (settings_.missing("user"))
        error(Place{whole_, 0, 0}, "'user' is missing",
              R"(add user = "name" or user = 'DOMAIN\name')");
      return {};
    }
    const std::string& user = settings_.text("user");
    const std::string& domain = settings_.text("domain");
    check_name("user", user);
    check_name("domain", domain);
    if (user.empty()) error("user", "'user' is empty", "write the name that the server knows");
    if (user.find(R"(\\)") != std::string::npos)
      error("user", "'user' has two backslashes in a row",
            R"(in '...' and in --set one is enough: 'DOMAIN\user')");
    if (user.find('\\') != std::string::npos && !domain.empty())
      error(settings_.place("domain"), "'user' already names a domain, so 'domain' contradicts it",
            "keep one of the two");
    if (domain.find('\\') != std::string::npos)
      error("domain", "'domain' has a backslash in it", "write the domain's name alone");
    const std::string name = domain.empty() ? user : domain + '\\' + user;
    if (name.size() > kMaxUserName)
      error("user", fmt::format("the name is longer than {} octets", kMaxUserName));
    return name;
  }

  // "OFFICE\bob" in double quotes is OFFICE, a backspace and ob.
  void check_name(std::string_view key, const std::string& text) {
    const bool control = std::ranges::any_of(
        text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    if (control)
      error(key, fmt::format("'{}' has a control character in it", key),
            R"(in "..." a backslash begins an escape: write 'DOMAIN\user' in single quotes)");
  }

  PasswordSource password(const std::vector<AuthMethod>& methods) {
    static constexpr std::array<std::string_view, 4> kSources = {"password", "password-file",
                                                                 "password-command", "nt-hash"};
    std::string_view first;
    for (const std::string_view key : kSources) {
      if (!settings_.given(key)) continue;
      if (!first.empty())
        error(key, fmt::format("'{}' and '{}' both say where the password comes from", first, key),
              "keep one of the two");
      if (first.empty()) first = key;
    }
    if (first == "password") return SecretText(settings_.text("password"));
    if (first == "password-file") {
      const std::string& path = settings_.text("password-file");
      if (path.empty()) error("password-file", "'password-file' is empty", "write a file's name");
      return PasswordFile{path, settings_.place("password-file")};
    }
    if (first == "password-command") return password_command();
    if (first == "nt-hash") return nt_hash(methods);
    return AskPassword();
  }

  PasswordSource password_command() {
    PasswordCommand command{{}, settings_.place("password-command")};
    for (const TomlValue& element : settings_.list("password-command"))
      command.arguments.push_back(std::get<std::string>(element.data));
    if (command.arguments.empty() || command.arguments.front().empty())
      error("password-command", "'password-command' names no program",
            R"(write a program and its arguments: ["pass", "show", "vpn"])");
    return command;
  }

  PasswordSource nt_hash(const std::vector<AuthMethod>& methods) {
    for (const AuthMethod method : methods) {
      if (needs_password(method))
        error("nt-hash",
              fmt::format("'auth.methods' has '{}', which needs the password itself, not 'nt-hash'",
                          name(method)),
              fmt::format("take '{}' out of the methods, or give the password", name(method)));
    }
    const std::string& digits = settings_.text("nt-hash");
    const auto octets = from_hex(digits);
    if (digits.size() != 32 || !octets) {
      error("nt-hash", "'nt-hash' is not 32 hexadecimal digits",
            "it is MD4 over the password in UTF-16LE");
      return AskPassword();
    }
    return NtHash(as_bytes(*octets));
  }

  Profile::Network network() {
    Profile::Network network;
    network.interface = interface();
    network.mtu = mtu();
    network.probe_mtu = settings_.flag("network.probe-mtu");
    if (network.probe_mtu && network.mtu)
      error("network.probe-mtu", "'network.mtu' is set by hand, so that there is nothing to probe",
            "take one of the two out");
    network.mss_clamp = settings_.flag("network.mss-clamp");
    network.default_route = settings_.flag("network.default-route");
    network.routes = routes();
    network.dns = dns();
    network.ipv6 = settings_.flag("network.ipv6");
    network.netns = settings_.text("network.netns");
    network.script = settings_.text("network.script");
    network.ip_up_dir = settings_.text("network.ip-up-dir");
    network.tun_program = settings_.text("network.tun-program");
    return network;
  }

  /// Without an interface in this network namespace, some settings have nothing to work upon.
  void check_place(const Profile& profile) {
    const Profile::Network& network = profile.network;
    if (network.netns.find('/') != std::string::npos || network.netns.starts_with('.'))
      error("network.netns", "'network.netns' is not a name for a network namespace",
            "a name that ip netns list shows, not a path");
    if (!network.tun_program.empty()) {
      for (const auto& [key, is_set] : {std::pair("network.netns", !network.netns.empty()),
                                        std::pair("network.default-route", network.default_route),
                                        std::pair("network.routes", !network.routes.empty()),
                                        std::pair("network.script", !network.script.empty()),
                                        std::pair("network.ip-up-dir", !network.ip_up_dir.empty()),
                                        std::pair("link.demand", profile.link.demand)}) {
        if (is_set)
          error(
              key,
              fmt::format("'{}' needs an interface, which 'network.tun-program' does without", key),
              "keep one of the two");
      }
    }
    if (!network.netns.empty() && network.tun_program.empty()) refuse_scripts("network.netns");
  }

  void refuse_scripts(std::string_view because) {
    for (const std::string_view key : {"network.script", "network.ip-up-dir"}) {
      if (!settings_.text(key).empty())
        error(key,
              fmt::format("'{}' would be run outside of the network namespace of {}", key, because),
              fmt::format(R"(keep one of the two, or --set {}="")", key));
    }
  }

  /// What one command has to itself: everything that it sends goes through the tunnel, from its
  /// start on.
  void fit_to_one_command(Profile& profile) {
    Profile::Network& network = profile.network;
    if (!network.tun_program.empty())
      error("network.tun-program", "'network.tun-program' takes the packets, so that exec cannot",
            R"(--set network.tun-program="", or use connect)");
    profile.link.demand = false;
    if (!network.netns.empty()) return;
    refuse_scripts("exec");
    if (network.default_route)
      error("network.default-route",
            "'network.default-route' is for the whole host, and exec for one command",
            "everything that the command sends goes through the tunnel anyway: --set "
            "network.default-route=false; or name a namespace in network.netns");
    network.default_route = true;
    network.routes.clear();
  }

  std::string interface() {
    constexpr std::string_view kKey = "network.interface";
    const std::string& name = settings_.text(kKey);
    const auto refuse = [&](std::string_view why, std::string hint) {
      error(kKey, fmt::format("'{}' {}", kKey, why), std::move(hint));
    };
    if (name.empty() || name == "." || name == "..") {
      refuse("is not a name for an interface", R"(for example "pptp%d" or "office")");
    } else if (name.size() > kMaxInterfaceName) {
      refuse(fmt::format("is longer than {} characters", kMaxInterfaceName),
             "choose a shorter one");
    } else if (std::ranges::any_of(
                   name, [](char c) { return c <= 0x20 || c >= 0x7f || c == '/' || c == ':'; })) {
      refuse("has a character in it that no interface may have",
             "letters, digits, '-', '_' and '.' are fine");
    }
    const std::size_t percent = name.find('%');
    if (percent != std::string::npos &&
        (name.compare(percent, 2, "%d") != 0 || name.find('%', percent + 1) != std::string::npos))
      refuse("may have one %d in it, and no other %", R"(for example "pptp%d")");
    return name;
  }

  std::optional<std::uint16_t> mtu() {
    constexpr std::string_view kKey = "network.mtu";
    if (settings_.is_text(kKey)) {
      if (settings_.text(kKey) != "auto")
        error(kKey, fmt::format(R"('{}' must be "auto" or a number from {} to {})", kKey, kMinMtu,
                                kMaxMtu));
      return std::nullopt;
    }
    const std::int64_t octets = settings_.whole(kKey);
    if (octets < kMinMtu || octets > kMaxMtu) {
      error(kKey,
            fmt::format("'{}' is {}, which is not from {} to {}", kKey, octets, kMinMtu, kMaxMtu),
            R"("auto" finds out what fits)");
      return std::nullopt;
    }
    return static_cast<std::uint16_t>(octets);
  }

  std::vector<io::Ipv4Prefix> routes() {
    std::vector<io::Ipv4Prefix> routes;
    for (const TomlValue& element : settings_.list("network.routes")) {
      const auto prefix = parse_prefix(std::get<std::string>(element.data));
      if (!prefix) {
        error(element.place, "'network.routes': " + prefix.error().message, prefix.error().hint);
      } else if (prefix->length() == 0) {
        error(element.place, "'network.routes': 0.0.0.0/0 is everything",
              "write default-route = true instead");
      } else if (std::ranges::find(routes, *prefix) != routes.end()) {
        error(element.place,
              fmt::format("'network.routes': {} is in the list twice", prefix->text()),
              "take one out");
      } else {
        routes.push_back(*prefix);
      }
    }
    return routes;
  }

  DnsChoice dns() {
    constexpr std::string_view kKey = "network.dns";
    if (settings_.is_text(kKey)) {
      const std::string& word = settings_.text(kKey);
      if (word == "peer") return DnsFromPeer();
      if (word == "none") return NoDns();
      error(kKey, fmt::format(R"('{}' must be "peer", "none" or a list of addresses, not {})", kKey,
                              to_toml(word)));
      return DnsFromPeer();
    }
    std::vector<Ipv4Address> servers;
    for (const TomlValue& element : settings_.list(kKey)) {
      const auto address = parse_address(std::get<std::string>(element.data));
      if (address) {
        servers.push_back(*address);
      } else {
        error(element.place, fmt::format("'{}': {}", kKey, address.error().message),
              address.error().hint);
      }
    }
    if (settings_.list(kKey).empty())
      error(kKey, fmt::format("'{}' is an empty list", kKey), R"(write "none")");
    return servers;
  }

  Profile::Link link() {
    Profile::Link link;
    link.reconnect = settings_.flag("link.reconnect");
    link.max_attempts = count("link.max-attempts", 0, 1'000'000);
    link.retry_first = seconds("link.retry-first");
    link.retry_limit = seconds("link.retry-limit");
    if (link.retry_first < kLeastRetry)
      error("link.retry-first", "'link.retry-first' is less than a tenth of a second",
            "write 0.1 or more; to dial no more, reconnect = false");
    if (link.retry_limit < link.retry_first)
      error("link.retry-limit", "'link.retry-limit' is less than 'link.retry-first'",
            "the waits grow from the first to the limit");
    link.echo_interval = seconds("link.echo-interval");
    if (link.echo_interval > Duration::zero() && link.echo_interval < std::chrono::seconds(1))
      error("link.echo-interval", "'link.echo-interval' is less than a second",
            "write 1 or more, or 0 for no echoes");
    link.echo_failures = count("link.echo-failures", 1, kMaxEchoFailures);
    link.idle_timeout = seconds("link.idle-timeout");
    link.time_limit = seconds("link.time-limit");
    link.demand = settings_.flag("link.demand");
    link.pace_by_window = settings_.flag("link.pace-by-window");
    link.quirks = quirks();
    link.transmit = transmit();
    link.threads = threads();
    return link;
  }

  Quirks quirks() {
    constexpr std::string_view kKey = "link.quirks";
    Quirks quirks;
    for (const TomlValue& element : settings_.list(kKey)) {
      const auto& word = std::get<std::string>(element.data);
      const std::optional<Quirk> quirk = quirk_from_name(word);
      if (quirk) {
        quirks.add(*quirk);
      } else {
        error(element.place, fmt::format("'{}': there is no quirk '{}'", kKey, word),
              suggestion(word, quirk_names(), "quirk"));
      }
    }
    return quirks;
  }

  Transmit transmit() {
    constexpr std::string_view kKey = "link.transmit";
    const std::string& word = settings_.text(kKey);
    if (word == "packet") return Transmit::packet;
    if (word != "raw")
      error(kKey, fmt::format(R"('{}' must be "raw" or "packet", not {})", kKey, to_toml(word)),
            R"("raw" is right for every host)");
    return Transmit::raw;
  }

  unsigned count(std::string_view key, std::int64_t least, std::int64_t most) {
    const std::int64_t value = settings_.whole(key);
    if (value < least || value > most) {
      error(key, fmt::format("'{}' is {}, which is not from {} to {}", key, value, least, most));
      return 0;
    }
    return static_cast<unsigned>(value);
  }

  Duration seconds(std::string_view key) {
    const double value = settings_.number(key);
    // Written so that a NaN is refused as well.
    if (!(value >= 0 && value <= kDay)) {
      error(key, fmt::format("'{}' is not a number of seconds from 0 to {}", key, kDay));
      return Duration::zero();
    }
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(value));
  }

  unsigned threads() {
    constexpr std::string_view kKey = "link.threads";
    if (settings_.is_text(kKey)) {
      if (settings_.text(kKey) == "auto") return 0;
    } else if (const std::int64_t value = settings_.whole(kKey); value == 1 || value == 2) {
      return static_cast<unsigned>(value);
    }
    error(kKey, R"('link.threads' must be "auto", 1 or 2)");
    return 0;
  }

  Settings& settings_;
  ConfigErrors& errors_;
  const std::string& whole_;
  ProfileUse use_;
};

}  // namespace

std::expected<Profile, ConfigErrors> make_profile(std::string name, std::filesystem::path folder,
                                                  std::vector<Layer> layers,
                                                  const std::string& whole, ProfileUse use) {
  ConfigErrors errors;
  Settings settings(profile_keys());
  for (Layer& layer : layers)
    settings.add(std::move(layer), errors);
  Profile profile = ProfileMaker(settings, errors, whole, use).make();
  settings.wipe_secrets();
  if (!errors.empty()) return std::unexpected(std::move(errors));
  profile.name = std::move(name);
  profile.folder = std::move(folder);
  return profile;
}

}  // namespace pptp::app
