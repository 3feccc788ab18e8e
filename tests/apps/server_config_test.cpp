#include "apps/server_config.h"

#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "apps/pool_text.h"
#include "tests/apps/temporary_folder.h"

using namespace pptp;
using namespace pptp::app;

namespace {

std::expected<ServerConfig, ConfigErrors> parse(const std::string& text) {
  auto entries = read_toml(text, "server.toml");
  if (!entries) return std::unexpected(ConfigErrors{entries.error()});
  std::vector<Layer> layers;
  layers.push_back({std::move(*entries), {}});
  return make_server_config("/srv", std::move(layers));
}

std::string ranges(const std::vector<AddressRange>& pool) {
  std::string text;
  for (const AddressRange& range : pool)
    text += range.first.text() + "-" + range.last.text() + " ";
  return text;
}

std::string pool_of(const std::string& text) {
  const auto config = parse(text);
  return config ? ranges(config->pool) : describe(config.error().front());
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

TEST_CASE("pool: every form it can be written in") {
  struct Form {
    std::string_view text;
    std::string_view ranges;
  };

  static constexpr Form kForms[] = {
      {"192.168.78.10", "192.168.78.10-192.168.78.10 "},
      {"192.168.78.10-192.168.78.200", "192.168.78.10-192.168.78.200 "},
      {"192.168.78.10 - 192.168.79.3", "192.168.78.10-192.168.79.3 "},
      {"192.168.78.10-200", "192.168.78.10-192.168.78.200 "},
      {"192.168.78.10-10", "192.168.78.10-192.168.78.10 "},
      {"10.0.0.0/24", "10.0.0.1-10.0.0.254 "},
      {"10.0.0.0/30", "10.0.0.1-10.0.0.2 "},
      {"10.0.0.2/31", "10.0.0.2-10.0.0.3 "},
      {"10.0.0.2/32", "10.0.0.2-10.0.0.2 "},
      {"10.0.0.0/8", "10.0.0.1-10.255.255.254 "},
      {"192.168.0.234,192.168.0.245-249,192.168.0.254",
       "192.168.0.234-192.168.0.234 192.168.0.245-192.168.0.249 192.168.0.254-192.168.0.254 "},
      {" 10.0.0.1 , 10.0.0.3-4 ", "10.0.0.1-10.0.0.1 10.0.0.3-10.0.0.4 "},
  };
  for (const Form& form : kForms) {
    INFO(std::string(form.text));
    const auto pool = parse_pool(form.text);
    REQUIRE(pool);
    CHECK(ranges(*pool) == form.ranges);
  }
}

TEST_CASE("pool: what is not one says why") {
  struct Mistake {
    std::string_view text;
    std::string_view message;
  };

  static constexpr Mistake kMistakes[] = {
      {"", "'' is not an IPv4 address"},
      {"192.168.78", "not an IPv4 address"},
      {"192.168.78.10-", "does not end in a number"},
      {"192.168.78.10-256", "does not end in a number"},
      {"192.168.78.10-2x", "does not end in a number"},
      {"192.168.78.200-10", "ends before it begins"},
      {"192.168.78.20-192.168.78.10", "ends before it begins"},
      {"192.168.78.10-78.20", "not an IPv4 address"},
      {"192.168.78.10/24", "bits set beyond"},
      {"192.168.78.0/33", "not a prefix length"},
      {"10.0.0.1,", "'' is not an IPv4 address"},
      {"10.0.0.1,,10.0.0.2", "'' is not an IPv4 address"},
      {"127.0.0.1-9", "no host can have"},
      {"0.0.0.0/8", "no host can have"},
      {"224.0.0.1", "no host can have"},
      {"10.0.0.0-255.255.255.255", "no host can have"},
      {"2001:db8::/64", "IPv6"},
  };
  for (const Mistake& mistake : kMistakes) {
    INFO(std::string(mistake.text));
    const auto pool = parse_pool(mistake.text);
    REQUIRE_FALSE(pool);
    INFO(pool.error().message);
    CHECK(has(pool.error().message, mistake.message));
  }
}

TEST_CASE("server configuration: every default") {
  const auto config = parse("");
  REQUIRE(config);
  CHECK(config->listen.is_zero());
  CHECK(config->port == 1723);
  CHECK(config->users == "/etc/ppp/chap-secrets");
  CHECK(config->name.empty());
  CHECK(config->address == Ipv4Address(192, 168, 78, 1));
  CHECK(ranges(config->pool) == "192.168.78.10-192.168.78.200 ");
  CHECK(config->dns[0].is_zero());
  CHECK(config->wins[0].is_zero());
  CHECK(config->methods == std::vector{AuthMethod::mschapv2});
  CHECK(config->encryption.policy == EncryptionPolicy::require);
  CHECK(config->encryption.allow_128);
  CHECK_FALSE(config->encryption.allow_56);
  CHECK_FALSE(config->encryption.allow_40);
  CHECK_FALSE(config->encryption.allow_stateful);
  CHECK_FALSE(config->encryption.mppc);
  CHECK(config->settings.size() == server_keys().size());
}

TEST_CASE("server configuration: every key") {
  const auto config = parse(R"(
listen = "10.9.8.7:1724"
users = "secrets"
name = "vpn"
address = "10.1.0.1"
pool = ["10.1.0.0/29", "10.2.0.5-6"]
dns = ["10.1.0.1", "9.9.9.9"]
wins = ["10.1.0.2"]
[encryption]
mppe = "prefer"
key-bits = [40, 128]
)");
  REQUIRE(config);
  CHECK(config->listen == Ipv4Address(10, 9, 8, 7));
  CHECK(config->port == 1724);
  CHECK(config->users == "/srv/secrets");
  CHECK(config->name == "vpn");
  CHECK(ranges(config->pool) == "10.1.0.2-10.1.0.6 10.2.0.5-10.2.0.6 ");
  CHECK(config->dns[1] == Ipv4Address(9, 9, 9, 9));
  CHECK(config->wins[0] == Ipv4Address(10, 1, 0, 2));
  CHECK(config->wins[1].is_zero());
  CHECK(config->encryption.policy == EncryptionPolicy::prefer);
  CHECK(config->encryption.allow_40);
}

TEST_CASE("server configuration: our own address is never in the pool") {
  CHECK(pool_of("address = '10.0.0.1'\npool = '10.0.0.0/24'\n") == "10.0.0.2-10.0.0.254 ");
  CHECK(pool_of("address = '10.0.0.9'\npool = '10.0.0.8-10'\n") ==
        "10.0.0.8-10.0.0.8 10.0.0.10-10.0.0.10 ");
  CHECK(pool_of("address = '10.0.0.9'\npool = '10.0.0.7-9'\n") == "10.0.0.7-10.0.0.8 ");
  CHECK(has(pool_of("address = '10.0.0.9'\npool = '10.0.0.9'\n"), "only address is our own"));
}

TEST_CASE("server configuration: the ranges come out in order") {
  CHECK(pool_of("pool = ['10.0.0.7-9', '10.0.0.1-3']\n") == "10.0.0.1-10.0.0.3 10.0.0.7-10.0.0.9 ");
}

TEST_CASE("server configuration: each mistake is reported with line and column") {
  struct Mistake {
    std::string_view text;
    unsigned line;
    unsigned column;
    std::string_view message;
    std::string_view hint;
  };

  static constexpr Mistake kMistakes[] = {
      {"listne = '0.0.0.0'\n", 1, 1, "unknown key 'listne'", "'listen'"},
      {"listen = 'vpn.example.com'\n", 1, 10, "not an IPv4 address", ""},
      {"listen = '0.0.0.0:0'\n", 1, 10, "not a port", ""},
      {"listen = '::'\n", 1, 10, "IPv6", ""},
      {"users = ''\n", 1, 9, "empty", ""},
      {"address = '127.0.0.1'\n", 1, 11, "no host can have 127.0.0.1", ""},
      {"address = '192.168.78.1/24'\n", 1, 11, "not an IPv4 address", ""},
      {"pool = []\n", 1, 8, "empty list", ""},
      {"pool = ['10.0.0.1-9',\n '10.0.0.5-7']\n", 2, 2, "10.0.0.5 is in two of its ranges", ""},
      {"pool = '10.0.0.1-9,10.0.0.9'\n", 1, 8, "10.0.0.9 is in two", ""},
      {"dns = '9.9.9.9'\n", 1, 7, "list of texts", "dns = [\"9.9.9.9\"]"},
      {"dns = ['9.9.9.9', '9.9.9.10', '9.9.9.11']\n", 1, 31, "two addresses, no more", ""},
      {"wins = ['x']\n", 1, 9, "'wins': 'x' is not an IPv4 address", ""},
      {"[auth]\nretries = 11\n", 2, 11, "11 is not from 0 to 10", ""},
      {"[auth]\npassword-text = 'octet'\n", 2, 17, "must be \"utf-8\" or \"octets\"", "octets"},
      {"[auth]\nmethods = ['pap']\n", 2, 11, "none of 'auth.methods' makes keys", ""},
      {"[encryption]\nmppe = 'on'\n", 2, 8, "must be", ""},
      {"[encryption]\nkey-bits = [1]\n", 2, 13, "no keys of 1 bits", ""},
      {"[encryption]\nstateful = 'always'\n", 2, 12, "must be true, false or \"only\"", ""},
      {"server = 'a'\n", 1, 1, "unknown key 'server'", ""},
  };
  for (const Mistake& mistake : kMistakes) {
    INFO(std::string(mistake.text));
    const auto config = parse(std::string(mistake.text));
    REQUIRE_FALSE(config);
    bool found = false;
    for (const ConfigError& error : config.error()) {
      INFO(describe(error));
      found = found || (error.line == mistake.line && error.column == mistake.column &&
                        has(error.message, mistake.message) && has(error.hint, mistake.hint));
    }
    CHECK_MESSAGE(found, describe(config.error().front()));
  }
}

TEST_CASE("server configuration: compression goes with encryption") {
  const TemporaryFolder folder;
  const std::string file = folder.write("s.toml", "[encryption]\nmppc = true\n", 0644);
  const auto config = load_server_config(file, {});
  REQUIRE(config);
  CHECK(config->encryption.mppc);
  CHECK_FALSE(load_server_config(file, {"encryption.mppe=off"}));
}

TEST_CASE("server configuration: from a file, with --set on top") {
  const TemporaryFolder folder;
  const std::string file = folder.write("s.toml", "pool = '10.0.0.2-9'\n", 0644);
  const auto config = load_server_config(file, {"address=10.0.0.1", "listen=10.66.0.2"});
  REQUIRE(config);
  CHECK(config->address == Ipv4Address(10, 0, 0, 1));
  CHECK(config->listen == Ipv4Address(10, 66, 0, 2));
  CHECK(load_server_config(folder.write("t.toml", "users = 'secrets'\n", 0644), {})->users ==
        (folder.path() / "secrets").string());
  CHECK_FALSE(load_server_config((folder.path() / "none").string(), {}));
  CHECK_FALSE(load_server_config(file, {"address"}));
}
