#include "apps/server_config.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/core.h>

#include "apps/config_file.h"
#include "apps/pool_text.h"
#include "apps/shared_settings.h"

namespace pptp::app {
namespace {

constexpr SettingInfo kKeys[] = {
    {"listen", R"("0.0.0.0")", "the address to answer on, or address:port", kText},
    {"users", R"("/etc/ppp/chap-secrets")", "who may connect, in the format of pppd's chap-secrets",
     kText},
    {"name", R"("")", "our name, which the second field of a secret must have; empty: any will do",
     kText},
    {"address", R"("192.168.78.1")", "our end inside every tunnel", kText},
    {"pool", R"("192.168.78.10-192.168.78.200")",
     "the addresses that peers get: a range, a prefix, 192.168.78.10-200, or a list",
     kText | kTexts},
    {"dns", "[]", "name servers to tell the peers, at most two", kTexts},
    {"wins", "[]", "WINS servers to tell the peers, at most two", kTexts},
    {"auth.methods", R"(["mschapv2"])", "how the peers may prove who they are", kTexts},
    {"auth.password-text", R"("utf-8")",
     R"("utf-8", or "octets": each octet of a secret is a character, as pppd has it)", kText},
    {"auth.retries", "0", "how often a peer that is refused may try again in the same call",
     kWhole},
    {"encryption.mppe", R"("require")", R"("require", "prefer" or "off")", kText},
    {"encryption.key-bits", "[128]", "key lengths to accept, of 128, 56, 40", kWholes},
    {"encryption.stateful", "false", R"(true: where the peer insists; "only": ask for it)",
     kFlag | kText},
    {"encryption.mppc", "false", "compression (RFC 2118), together with encryption", kFlag},
};

// The name goes into every Challenge (RFC 1994 4.1).
constexpr std::size_t kMaxName = 255;

// Each is a guess at a password.
constexpr std::int64_t kMaxRetries = 10;

/// Turns Settings into a ServerConfig; what is wrong is gathered, not thrown.
class ServerConfigMaker {
 public:
  ServerConfigMaker(const Settings& settings, ConfigErrors& errors)
      : settings_(settings), errors_(errors) {}

  ServerConfig make(const std::filesystem::path& folder) {
    ServerConfig config;
    read_listen(config);
    config.users = users(folder);
    config.name = name();
    config.address = address();
    config.pool = pool(config.address);
    config.dns = two_addresses("dns");
    config.wins = two_addresses("wins");
    config.methods = read_methods(settings_, errors_);
    config.password_text = read_password_text(settings_, errors_);
    config.retries = retries();
    config.encryption = read_encryption(settings_, errors_);
    check_keys_possible(settings_, config.methods, config.encryption, errors_);
    config.settings = settings_.shown();
    return config;
  }

 private:
  void error(const Place& place, std::string message, std::string hint = {}) {
    errors_.push_back(error_at(place, std::move(message), std::move(hint)));
  }

  void error(std::string_view key, const TextError& wrong) {
    error(settings_.place(key), fmt::format("'{}': {}", key, wrong.message), wrong.hint);
  }

  void read_listen(ServerConfig& config) {
    const auto place = parse_host_port(settings_.text("listen"));
    if (!place) {
      error("listen", place.error());
      return;
    }
    const auto address = parse_address(place->host);
    if (!address) {
      error("listen", address.error());
      return;
    }
    config.listen = *address;
    config.port = place->port;
  }

  std::string users(const std::filesystem::path& folder) {
    const std::string& path = settings_.text("users");
    if (path.empty()) error("users", {"the name of the file is empty", "name a chap-secrets file"});
    return path.starts_with('/') ? path : (folder / path).string();
  }

  std::string name() {
    const std::string& name = settings_.text("name");
    if (name.size() > kMaxName)
      error("name", {fmt::format("it is longer than {} octets", kMaxName), "choose a shorter one"});
    return name;
  }

  unsigned retries() {
    constexpr std::string_view kKey = "auth.retries";
    const std::int64_t retries = settings_.whole(kKey);
    if (retries < 0 || retries > kMaxRetries) {
      error(kKey, {fmt::format("{} is not from 0 to {}", retries, kMaxRetries),
                   "a peer can call again whatever is written here"});
      return 0;
    }
    return static_cast<unsigned>(retries);
  }

  Ipv4Address address() {
    const auto address = parse_address(settings_.text("address"));
    if (!address) {
      error("address", address.error());
      return {};
    }
    if (!is_usable(*address))
      error("address", {fmt::format("no host can have {}", address->text()),
                        "take one from a private network, such as 192.168.78.1"});
    return *address;
  }

  std::vector<AddressRange> pool(Ipv4Address own) {
    std::vector<AddressRange> ranges;
    const std::span<const TomlValue> list = settings_.list("pool");
    for (const TomlValue& element : list) {
      const auto parsed = parse_pool(std::get<std::string>(element.data));
      if (!parsed) {
        error(element.place, "'pool': " + parsed.error().message, parsed.error().hint);
        continue;
      }
      for (const AddressRange& range : *parsed) {
        const auto overlap = std::ranges::find_if(ranges, [&](const AddressRange& other) {
          return range.first <= other.last && other.first <= range.last;
        });
        if (overlap != ranges.end())
          error(element.place,
                fmt::format("'pool': {} is in two of its ranges",
                            std::max(range.first, overlap->first).text()),
                "each address can be given once");
        ranges.push_back(range);
      }
    }
    if (list.empty()) error("pool", {"it is an empty list", "give the peers some addresses"});
    const bool any = !ranges.empty();
    ranges = without(ranges, own);
    if (any && ranges.empty())
      error("pool", {"its only address is our own", "give the peers some addresses"});
    std::ranges::sort(ranges, {}, &AddressRange::first);
    return ranges;
  }

  // Our own address may lie in the pool, as it does in any prefix, and is then left out.
  static std::vector<AddressRange> without(const std::vector<AddressRange>& ranges,
                                           Ipv4Address own) {
    std::vector<AddressRange> result;
    for (const AddressRange& range : ranges) {
      if (own < range.first || range.last < own) {
        result.push_back(range);
        continue;
      }
      if (range.first < own) result.push_back({range.first, Ipv4Address(own.value() - 1)});
      if (own < range.last) result.push_back({Ipv4Address(own.value() + 1), range.last});
    }
    return result;
  }

  std::array<Ipv4Address, 2> two_addresses(std::string_view key) {
    std::array<Ipv4Address, 2> result{};
    std::size_t count = 0;
    for (const TomlValue& element : settings_.list(key)) {
      const auto address = parse_address(std::get<std::string>(element.data));
      if (!address) {
        error(element.place, fmt::format("'{}': {}", key, address.error().message),
              address.error().hint);
      } else if (count == result.size()) {
        // RFC 1877 1: a primary and a secondary one.
        error(element.place, fmt::format("'{}': IPCP can tell a peer two addresses, no more", key),
              "take one out");
      } else {
        result[count++] = *address;
      }
    }
    return result;
  }

  const Settings& settings_;
  ConfigErrors& errors_;
};

}  // namespace

std::span<const SettingInfo> server_keys() noexcept {
  return kKeys;
}

std::expected<ServerConfig, ConfigErrors> make_server_config(const std::filesystem::path& folder,
                                                             std::vector<Layer> layers) {
  ConfigErrors errors;
  Settings settings(server_keys());
  for (Layer& layer : layers)
    settings.add(std::move(layer), errors);
  ServerConfig config = ServerConfigMaker(settings, errors).make(folder);
  if (!errors.empty()) return std::unexpected(std::move(errors));
  return config;
}

std::expected<ServerConfig, ConfigErrors> load_server_config(
    const std::string& path, const std::vector<std::string>& set_arguments) {
  std::vector<Layer> layers;
  std::filesystem::path folder = ".";
  std::error_code ignored;
  const bool by_default = path.empty() && std::filesystem::exists(kServerConfigPath, ignored);
  const std::string file = by_default ? std::string(kServerConfigPath) : path;
  if (!file.empty()) {
    auto entries = read_config_file(file, {});
    if (!entries) return std::unexpected(std::move(entries.error()));
    layers.push_back({std::move(*entries), {}});
    if (file != "-") folder = std::filesystem::path(file).parent_path();
  }
  ConfigErrors errors = add_set_arguments(set_arguments, layers);
  auto config = make_server_config(folder, std::move(layers));
  if (!config) std::ranges::move(config.error(), std::back_inserter(errors));
  if (!errors.empty()) return std::unexpected(std::move(errors));
  return config;
}

}  // namespace pptp::app
