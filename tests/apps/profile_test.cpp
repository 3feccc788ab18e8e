#include "apps/profile.h"

#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "apps/toml_reader.h"

using namespace pptp;
using namespace pptp::app;

namespace {

// `text`, with [section] where the key belongs, below the two keys that every profile needs.
constexpr std::string_view kNeeded = "server = \"vpn.example.com\"\nuser = \"alice\"\n";

std::expected<Profile, ConfigErrors> parse(const std::string& text,
                                           const std::vector<std::string>& set = {},
                                           ProfileUse use = ProfileUse::host) {
  auto entries = read_toml(text, "office.toml");
  if (!entries) return std::unexpected(ConfigErrors{entries.error()});
  std::vector<Layer> layers;
  layers.push_back({std::move(*entries), {}});
  for (const std::string& argument : set) {
    auto entry = read_set_argument(argument);
    if (!entry) return std::unexpected(ConfigErrors{entry.error()});
    layers.push_back({{std::move(*entry)}, "--set"});
  }
  return make_profile("office", ".", std::move(layers), "office.toml", use);
}

std::string everything(const ConfigErrors& errors) {
  std::string text;
  for (const ConfigError& error : errors)
    text += describe(error);
  return text;
}

ConfigErrors errors_of(const std::string& text, const std::vector<std::string>& set = {}) {
  const auto profile = parse(text, set);
  return profile ? ConfigErrors() : profile.error();
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string_view password_of(const Profile& profile) {
  const auto* text = std::get_if<SecretText>(&profile.password);
  return text == nullptr ? "(none)" : text->view();
}

}  // namespace

TEST_CASE("profile: what it takes at least, and every default") {
  const auto profile = parse(std::string(kNeeded));
  REQUIRE(profile);
  CHECK(profile->name == "office");
  REQUIRE(profile->servers.size() == 1);
  CHECK(profile->servers[0].host == "vpn.example.com");
  CHECK(profile->servers[0].port == 1723);
  CHECK(profile->user == "alice");
  CHECK(std::holds_alternative<AskPassword>(profile->password));
  CHECK(profile->methods == std::vector{AuthMethod::mschapv2});
  CHECK(profile->encryption.policy == EncryptionPolicy::require);
  CHECK(profile->encryption.allow_128);
  CHECK_FALSE(profile->encryption.allow_56);
  CHECK_FALSE(profile->encryption.allow_40);
  CHECK_FALSE(profile->encryption.allow_stateful);
  CHECK_FALSE(profile->encryption.ask_stateful);
  CHECK_FALSE(profile->encryption.mppc);
  CHECK(profile->network.interface == "pptp%d");
  CHECK_FALSE(profile->network.mtu);
  CHECK_FALSE(profile->network.probe_mtu);
  CHECK(profile->network.mss_clamp);
  CHECK_FALSE(profile->network.default_route);
  CHECK(profile->network.routes.empty());
  CHECK(std::holds_alternative<DnsFromPeer>(profile->network.dns));
  CHECK(profile->network.ipv6);
  CHECK(profile->network.netns.empty());
  CHECK(profile->network.script.empty());
  CHECK(profile->network.ip_up_dir.empty());
  CHECK(profile->network.tun_program.empty());
  CHECK(profile->link.reconnect);
  CHECK(profile->link.max_attempts == 0);
  CHECK(profile->link.retry_first == std::chrono::seconds(1));
  CHECK(profile->link.retry_limit == std::chrono::seconds(60));
  CHECK(profile->link.echo_interval == std::chrono::seconds(30));
  CHECK(profile->link.echo_failures == 4);
  CHECK(profile->link.idle_timeout == Duration::zero());
  CHECK(profile->link.time_limit == Duration::zero());
  CHECK_FALSE(profile->link.demand);
  CHECK_FALSE(profile->link.pace_by_window);
  for (const std::string_view quirk : quirk_names())
    CHECK_FALSE(profile->link.quirks.has(*quirk_from_name(quirk)));
  CHECK(profile->link.transmit == Transmit::raw);
  CHECK(profile->link.threads == 0);
}

TEST_CASE("profile: every key that can be set today") {
  const auto profile = parse(R"(
server = ["10.1.2.3:1724"]
user = 'alice'
domain = 'OFFICE'
password = "pa ss # \u00e4"
[auth]
methods = ["mschapv2"]
[encryption]
mppe = "prefer"
key-bits = [40, 56, 128]
[network]
interface = "office0"
mtu = 1400
default-route = true
routes = ["10.0.0.0/8", "192.168.7.9/32"]
dns = "none"
script = "scripts/vpnc"
ip-up-dir = "/etc/ppp"
ipv6 = false
[link]
reconnect = false
echo-interval = 2.5
echo-failures = 7
)");
  REQUIRE(profile);
  CHECK(profile->servers[0].host == "10.1.2.3");
  CHECK(profile->servers[0].port == 1724);
  CHECK(profile->user == "OFFICE\\alice");
  CHECK(password_of(*profile) == "pa ss # \xc3\xa4");
  CHECK(profile->encryption.policy == EncryptionPolicy::prefer);
  CHECK(profile->encryption.allow_40);
  CHECK(profile->encryption.allow_56);
  CHECK(profile->encryption.allow_128);
  CHECK(profile->network.interface == "office0");
  CHECK(profile->network.mtu == 1400);
  CHECK(profile->network.default_route);
  REQUIRE(profile->network.routes.size() == 2);
  CHECK(profile->network.routes[0].text() == "10.0.0.0/8");
  CHECK(profile->network.routes[1].text() == "192.168.7.9/32");
  CHECK(std::holds_alternative<NoDns>(profile->network.dns));
  CHECK(profile->network.script == "scripts/vpnc");
  CHECK(profile->network.ip_up_dir == "/etc/ppp");
  CHECK_FALSE(profile->network.ipv6);
  CHECK_FALSE(profile->link.reconnect);
  CHECK(profile->link.echo_interval == std::chrono::milliseconds(2500));
  CHECK(profile->link.echo_failures == 7);
}

TEST_CASE("profile: byte order mark, carriage returns and blanks at the end lose nothing") {
  const auto profile = parse(
      "\xef\xbb\xbfserver = \"vpn.example.com\"  \r\nuser = 'OFFICE\\alice'\t\r\n\r\n"
      "[network]  # here\r\nmtu = 1400 \r\n");
  REQUIRE(profile);
  CHECK(profile->servers[0].host == "vpn.example.com");
  CHECK(profile->user == "OFFICE\\alice");
  CHECK(profile->network.mtu == 1400);
}

TEST_CASE("profile: an nt-hash in place of the password") {
  const auto profile =
      parse(std::string(kNeeded) + "nt-hash = \"44EBBA8D5312B8D611474411F56989AE\"\n");
  REQUIRE(profile);
  const auto* hash = std::get_if<NtHash>(&profile->password);
  REQUIRE(hash != nullptr);
  CHECK(hex(hash->bytes()) == "44ebba8d5312b8d611474411f56989ae");
}

TEST_CASE("profile: pacing, and quirks by name") {
  const auto profile =
      parse(std::string(kNeeded) + "[link]\npace-by-window = true\nquirks = [\"always-ack\"]\n");
  REQUIRE(profile);
  CHECK(profile->link.pace_by_window);
  CHECK(profile->link.quirks.has(Quirk::always_ack));
  CHECK_FALSE(profile->link.quirks.has(Quirk::bezeq_israel));
}

TEST_CASE("profile: what GRE is sent by") {
  const auto transmit = [](std::string_view value) {
    const auto profile = parse(std::string(kNeeded) + "[link]\ntransmit = " + std::string(value));
    REQUIRE(profile);
    return profile->link.transmit;
  };
  CHECK(transmit("\"raw\"") == Transmit::raw);
  CHECK(transmit("\"packet\"") == Transmit::packet);
}

TEST_CASE("profile: each mistake is reported with its line, its column and what to do") {
  struct Mistake {
    std::string_view text;  // from line 3 on
    unsigned line;
    unsigned column;
    std::string_view message;
    std::string_view hint;
  };

  static constexpr Mistake kMistakes[] = {
      // unknown keys
      {"[network]\nmtuu = 1400\n", 4, 1, "unknown key 'network.mtuu'", "'network.mtu'"},
      {"[network]\n  default_route = true\n", 4, 3, "unknown key 'network.default_route'",
       "did you mean 'network.default-route'?"},
      {"mppe = \"off\"\n", 3, 1, "unknown key 'mppe'", "did you mean 'encryption.mppe'?"},
      {"passwrod = 'x'\n", 3, 1, "unknown key 'passwrod'", "did you mean 'password'?"},
      {"[netwrok]\nmtu = 1400\n", 4, 1, "unknown key 'netwrok.mtu'", "'network.mtu'"},
      {"colour = 'red'\n", 3, 1, "unknown key 'colour'", "the nearest valid key is"},
      {"\"auth.methods\" = ['pap']\n", 3, 1, "unknown key '\"auth.methods\"'", "auth.methods"},
      {"network = 3\n", 3, 1, "'network' is a section", "[network]"},
      {"[domain]\nname = 'x'\n", 4, 1, "unknown key 'domain.name'", "text in quotes"},
      {"[strange]\n", 3, 2, "unknown key 'strange'", "nearest"},
      // types
      {"domain = 3\n", 3, 10, "'domain' must be text in quotes, not a whole number", ""},
      {"[network]\nmtu = true\n", 4, 7, "'network.mtu' must be text in quotes or a whole number",
       ""},
      {"[network]\ndefault-route = \"yes\"\n", 4, 17, "must be true or false, not text", ""},
      {"[network]\nroutes = \"10.0.0.0/8\"\n", 4, 10, "must be a list of texts, not text",
       "network.routes = [\"10.0.0.0/8\"]"},
      {"[network]\nroutes = [\"10.0.0.0/8\", 7]\n", 4, 25, "this one is a whole number", ""},
      {"[encryption]\nkey-bits = 128\n", 4, 12, "must be a list of whole numbers",
       "encryption.key-bits = [128]"},
      {"[encryption]\nkey-bits = [128, \"56\"]\n", 4, 18, "this one is text", ""},
      {"[link]\necho-failures = 2.5\n", 4, 17, "must be a whole number, not a number with", ""},
      {"[link]\necho-interval = 2020-01-01\n", 4, 17, "must be a number, not a date", ""},
      // values
      {"[encryption]\nmppe = \"requre\"\n", 4, 8, "must be \"require\", \"prefer\" or \"off\"",
       "did you mean 'require'?"},
      {"[encryption]\nkey-bits = []\n", 4, 12, "'encryption.key-bits' is an empty list",
       "mppe = \"off\""},
      {"[encryption]\nkey-bits = [128, 64]\n", 4, 18, "MPPE has no keys of 64 bits", "128, 56"},
      {"[auth]\nmethods = []\n", 4, 11, "'auth.methods' is an empty list", ""},
      {"[auth]\nmethods = [\"mschap-v2\"]\n", 4, 12, "there is no method 'mschap-v2'",
       "did you mean 'mschapv2'?"},
      {"[network]\ninterface = \"\"\n", 4, 13, "not a name for an interface", ""},
      {"[network]\ninterface = \"pptp-office-home\"\n", 4, 13, "longer than 15 characters", ""},
      {"[network]\ninterface = \"a/b\"\n", 4, 13, "a character", ""},
      {"[network]\ninterface = \"a b\"\n", 4, 13, "a character", ""},
      {"[network]\ninterface = \"p%dq%d\"\n", 4, 13, "one %d", ""},
      {"[network]\ninterface = \"p%s\"\n", 4, 13, "one %d", ""},
      {"[network]\nmtu = 575\n", 4, 7, "'network.mtu' is 575, which is not from 576 to 1500", ""},
      {"[network]\nmtu = 1501\n", 4, 7, "is 1501", "\"auto\""},
      {"[network]\nmtu = \"big\"\n", 4, 7, "must be \"auto\" or a number", ""},
      {"[network]\nroutes = [\"10.0.0.0\"]\n", 4, 11, "has no prefix length", "10.0.0.0/32"},
      {"[network]\nroutes = [\"10.0.0.1/8\"]\n", 4, 11, "bits set beyond", "10.0.0.0/8"},
      {"[network]\nroutes = [\"10.0.0.0/33\"]\n", 4, 11, "'33' is not a prefix length", ""},
      {"[network]\nroutes = [\"office/8\"]\n", 4, 11, "'office' is not an IPv4 address", ""},
      {"[network]\nroutes = [\"2001:db8::/32\"]\n", 4, 11, "not yet possible", ""},
      {"[network]\nroutes = [\"0.0.0.0/0\"]\n", 4, 11, "everything", "default-route = true"},
      {"[network]\nroutes = [\"10.0.0.0/8\",\n          \"10.0.0.0/8\"]\n", 5, 11, "twice", ""},
      {"[network]\nmtu = 1400\nprobe-mtu = true\n", 5, 13, "set by hand", "take one"},
      {"[network]\ndns = []\n", 4, 7, "'network.dns' is an empty list", "write \"none\""},
      {"[network]\ndns = \"peers\"\n", 4, 7, "must be \"peer\", \"none\" or a list", ""},
      {"[link]\nquirks = [\"always-ack\", \"bezeq_israel\"]\n", 4, 25,
       "'link.quirks': there is no quirk 'bezeq_israel'", "did you mean 'bezeq-israel'?"},
      {"[link]\ntransmit = \"socket\"\n", 4, 12,
       "'link.transmit' must be \"raw\" or \"packet\", not \"socket\"", "\"raw\" is right"},
      {"[link]\ntransmit = 2\n", 4, 12, "'link.transmit' must be text", ""},
      {"[link]\nquirks = \"always-ack\"\n", 4, 10, "must be a list of texts", ""},
      {"[link]\necho-interval = -1\n", 4, 17, "not a number of seconds", ""},
      {"[link]\necho-interval = nan\n", 4, 17, "not a number of seconds", ""},
      {"[link]\necho-interval = 0.5\n", 4, 17, "less than a second", ""},
      {"[link]\necho-failures = 0\n", 4, 17, "not from 1 to 100", ""},
      {"nt-hash = \"0123\"\n", 3, 11, "not 32 hexadecimal digits", ""},
      {"nt-hash = \"44EBBA8D5312B8D611474411F56989AG\"\n", 3, 11, "not 32 hexadecimal", ""},
      {"password-file = ''\n", 3, 17, "'password-file' is empty", ""},
      // contradictions
      {"password = 'x'\npassword-file = '/y'\n", 4, 17, "'password' and 'password-file' both", ""},
      {"password = 'x'\nnt-hash = \"44EBBA8D5312B8D611474411F56989AE\"\n", 4, 11,
       "'password' and 'nt-hash' both", ""},
      {"[encryption]\nmppe = \"require\"\n[auth]\nmethods = [\"pap\"]\n", 6, 11,
       "'encryption.mppe' is \"require\", and none of 'auth.methods' makes keys", "mschapv2"},
      {"[auth]\nmethods = [\"chap-md5\", \"pap\"]\n", 4, 11, "\"require\" (the default)", ""},
      {"nt-hash = \"44EBBA8D5312B8D611474411F56989AE\"\n[auth]\nmethods = [\"mschapv2\", "
       "\"pap\"]\n",
       3, 11, "'pap', which needs the password itself", ""},
      {"nt-hash = \"44EBBA8D5312B8D611474411F56989AE\"\n[auth]\nmethods = [\"chap-md5\"]\n", 3, 11,
       "'chap-md5', which needs the password itself", ""},
      {"domain = 'OFFICE\\'\n", 3, 10, "has a backslash", ""},
      // syntax
      {"domain = \n", 3, 10, "", ""},
      {"domain = \"OFFICE\\quiet\"\n", 3, 18, "", "single quotes"},
      {"domain = 'a'\ndomain = 'b'\n", 4, 10, "redefine", ""},
  };
  for (const Mistake& mistake : kMistakes) {
    const ConfigErrors errors = errors_of(std::string(kNeeded) + std::string(mistake.text));
    INFO(std::string(mistake.text));
    INFO(everything(errors));
    bool found = false;
    for (const ConfigError& error : errors) {
      found = found || (error.file == "office.toml" && error.line == mistake.line &&
                        error.column == mistake.column && has(error.message, mistake.message) &&
                        has(error.hint, mistake.hint) && !error.message.empty());
    }
    CHECK(found);
  }
}

TEST_CASE("profile: compression goes with encryption") {
  const auto profile = parse(std::string(kNeeded) + "[encryption]\nmppc = true\n");
  REQUIRE(profile);
  CHECK(profile->encryption.mppc);
  CHECK_FALSE(parse(std::string(kNeeded) + "[encryption]\nmppe = \"off\"\nmppc = true\n"));
}

TEST_CASE("profile: stateful encryption is for who asks for it") {
  const auto encryption = [](std::string_view value) {
    const auto profile =
        parse(std::string(kNeeded) + "[encryption]\nstateful = " + std::string(value) + "\n");
    REQUIRE(profile);
    return profile->encryption;
  };
  CHECK_FALSE(encryption("false").allow_stateful);
  CHECK(encryption("true").allow_stateful);
  CHECK_FALSE(encryption("true").ask_stateful);
  CHECK(encryption("\"only\"").allow_stateful);
  CHECK(encryption("\"only\"").ask_stateful);
  CHECK_FALSE(parse(std::string(kNeeded) + "[encryption]\nstateful = \"always\"\n"));
}

TEST_CASE("profile: every method, in any order, and what a password's octets are") {
  const auto profile =
      parse(std::string(kNeeded) +
            "password-command = ['pass', 'vpn']\n[auth]\npassword-text = 'octets'\n"
            "methods = ['pap', 'eap-mschapv2', 'mschapv1', 'chap-md5', 'mschapv2']\n");
  REQUIRE(profile);
  CHECK(profile->methods == std::vector{AuthMethod::pap, AuthMethod::eap_mschapv2,
                                        AuthMethod::mschapv1, AuthMethod::chap_md5,
                                        AuthMethod::mschapv2});
  CHECK(profile->password_text == PasswordText::octets);
  CHECK(std::get<PasswordCommand>(profile->password).arguments ==
        std::vector<std::string>{"pass", "vpn"});
  CHECK(parse(std::string(kNeeded))->password_text == PasswordText::utf8);
}

TEST_CASE("profile: server and user") {
  struct Mistake {
    std::string_view text;
    unsigned line;
    unsigned column;
    std::string_view message;
    std::string_view hint;
  };

  static constexpr Mistake kMistakes[] = {
      {"user = 'a'\n", 0, 0, "'server' is missing", "server ="},
      {"server = 'a'\n", 0, 0, "'user' is missing", "user ="},
      {"server = ''\nuser = 'a'\n", 1, 10, "empty", ""},
      {"server = []\nuser = 'a'\n", 1, 10, "empty list", ""},
      {"server = ['a', 'b:0']\nuser = 'a'\n", 1, 16, "'0' is not a port", ""},
      {"server = 'a:0'\nuser = 'a'\n", 1, 10, "'0' is not a port", "1723"},
      {"server = 'a:70000'\nuser = 'a'\n", 1, 10, "'70000' is not a port", ""},
      {"server = 'a:'\nuser = 'a'\n", 1, 10, "'' is not a port", ""},
      {"server = 'pptp://a'\nuser = 'a'\n", 1, 10, "URL", "host name alone"},
      {"server = 'a b'\nuser = 'a'\n", 1, 10, "'a b' is not a host name", ""},
      {"server = '10.0.0.256'\nuser = 'a'\n", 1, 10, "not an IPv4 address", ""},
      {"server = '10.0.0'\nuser = 'a'\n", 1, 10, "not an IPv4 address", ""},
      {"server = '[2001:db8::1]'\nuser = 'a'\n", 1, 10, "not yet possible", ""},
      {"server = '2001:db8::1'\nuser = 'a'\n", 1, 10, "not yet possible", ""},
      {"server = 'a'\nuser = ''\n", 2, 8, "'user' is empty", ""},
      // \b, \f, \n, \r and \t are escapes that TOML knows.
      {"server = 'a'\nuser = \"OFFICE\\bob\"\n", 2, 8, "control character", "single quotes"},
      {"server = 'a'\nuser = \"OFFICE\\nina\"\n", 2, 8, "control character", "single quotes"},
      {"server = 'a'\nuser = \"OFFICE\\alice\"\n", 2, 16, "", "single quotes"},
      {"server = 'a'\nuser = 'OFFICE\\\\alice'\n", 2, 8, "two backslashes", "one is enough"},
      {"server = 'a'\nuser = 'OFFICE\\alice'\ndomain = 'OFFICE'\n", 3, 10, "already names a domain",
       "keep one"},
  };
  for (const Mistake& mistake : kMistakes) {
    const ConfigErrors errors = errors_of(std::string(mistake.text));
    INFO(std::string(mistake.text));
    INFO(everything(errors));
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].file == "office.toml");
    CHECK(errors[0].line == mistake.line);
    CHECK(errors[0].column == mistake.column);
    CHECK(has(errors[0].message, mistake.message));
    CHECK(has(errors[0].hint, mistake.hint));
  }
  CHECK(parse("server = 'a'\nuser = \"OFFICE\\\\bob\"\n")->user == "OFFICE\\bob");
  CHECK(parse("server = 'a'\nuser = 'alice@example.com'\n")->user == "alice@example.com");
  CHECK_FALSE(parse("server = 'a'\nuser = '" + std::string(257, 'x') + "'\n"));
  CHECK(parse("server = 'a'\nuser = '" + std::string(256, 'x') + "'\n"));
}

TEST_CASE("profile: where the packets go contradicts what needs an interface of the host's") {
  const auto refused = [](const std::string& lines, ProfileUse use = ProfileUse::host) {
    const auto profile = parse(std::string(kNeeded) + lines, {}, use);
    return profile ? std::string() : everything(profile.error());
  };
  const std::string program = "[network]\ntun-program = 'ocproxy -D 1080'\n";
  CHECK(refused(program).empty());
  for (const std::string_view other :
       {"netns = 'blue'", "default-route = true", "routes = ['10.0.0.0/8']", "script = '/x'",
        "ip-up-dir = '/x'", "[link]\ndemand = true"}) {
    INFO(std::string(other));
    CHECK(has(refused(program + std::string(other)), "needs an interface"));
  }
  const std::string netns = "[network]\nnetns = 'blue'\n";
  CHECK(refused(netns + "default-route = true\nroutes = ['10.0.0.0/8']").empty());
  CHECK(has(refused(netns + "script = '/x'"), "outside of the network namespace"));
  CHECK(has(refused("[network]\nnetns = '/run/netns/blue'"), "not a name"));
}

TEST_CASE("profile: for one command everything goes through the tunnel, at once") {
  const auto made = [](const std::string& lines) {
    return parse(std::string(kNeeded) + lines, {}, ProfileUse::one_command);
  };
  const auto all = made("[network]\nroutes = ['10.0.0.0/8']\n[link]\ndemand = true");
  REQUIRE(all);
  CHECK(all->network.default_route);
  CHECK(all->network.routes.empty());
  CHECK_FALSE(all->link.demand);
  const auto named = made("[network]\nnetns = 'blue'\nroutes = ['10.0.0.0/8']");
  REQUIRE(named);
  CHECK_FALSE(named->network.default_route);
  CHECK(named->network.routes.size() == 1);
  CHECK(made("[network]\nnetns = 'blue'\ndefault-route = true"));
  for (const std::string_view other :
       {"default-route = true", "script = '/x'", "ip-up-dir = '/x'", "tun-program = '/x'"}) {
    INFO(std::string(other));
    const auto profile = made("[network]\n" + std::string(other));
    REQUIRE_FALSE(profile);
    CHECK(profile.error().size() == 1);
    CHECK(profile.error()[0].line == 4);
  }
}

TEST_CASE("profile: all mistakes are gathered, and printed in the order of their lines") {
  const ConfigErrors errors =
      errors_of("[network]\nmtu = 1\ncolour = 3\n[encryption]\nmppe = 'never'\n");
  CHECK(errors.size() == 5);  // these three, no server, no user
}

TEST_CASE("profile: a value of the wrong type is not called missing as well") {
  const ConfigErrors errors = errors_of("server = 3\nuser = true\n");
  REQUIRE(errors.size() == 2);
  CHECK(has(errors[0].message, "must be"));
  CHECK(has(errors[1].message, "must be"));
}

TEST_CASE("profile: --set overrides any key") {
  const std::string file = std::string(kNeeded) + "[network]\nmtu = 1300\n";
  CHECK(parse(file, {"network.mtu=1400"})->network.mtu == 1400);
  CHECK_FALSE(parse(file, {"network.mtu = 1400"}));  // there is no key with a blank at its end
}

TEST_CASE("profile: the value of --set is TOML, or text as it stands") {
  const std::string file(kNeeded);
  CHECK(parse(file, {"server=10.0.0.1"})->servers[0].host == "10.0.0.1");
  CHECK(parse(file, {"server=\"vpn\""})->servers[0].host == "vpn");
  CHECK(parse(file, {"user=OFFICE\\bob"})->user == "OFFICE\\bob");
  CHECK(parse(file, {"user=bob=bob"})->user == "bob=bob");
  CHECK(password_of(*parse(file, {"password=1234"})) == "1234");
  CHECK(password_of(*parse(file, {"password=0x10"})) == "0x10");
  CHECK(password_of(*parse(file, {"password=true"})) == "true");
  CHECK(password_of(*parse(file, {"password=2020-01-01"})) == "2020-01-01");
  CHECK(password_of(*parse(file, {"password=a # b"})) == "a # b");
  CHECK(password_of(*parse(file, {"password="})) == "");
  CHECK(parse(file, {"network.routes=[\"10.0.0.0/8\", \"10.0.0.0/9\"]"})->network.routes.size() ==
        2);
  CHECK(parse(file, {"encryption.key-bits=[40]"})->encryption.allow_40);
  CHECK(parse(file, {"network.default-route=true"})->network.default_route);
  CHECK(parse(file, {"link.echo-interval=0"})->link.echo_interval == Duration::zero());
  CHECK(parse(file, {"network.mtu=1400", "network.mtu=\"auto\""})->network.mtu == std::nullopt);
}

TEST_CASE("profile: mistakes in --set point at the argument and never show its value") {
  struct Mistake {
    std::string_view argument;
    std::string_view file;
    std::string_view message;
    std::string_view hint;
  };

  static constexpr Mistake kMistakes[] = {
      {"network.mtuu=1400", "--set network.mtuu", "unknown key 'network.mtuu'", "'network.mtu'"},
      {"network.mtu=99", "--set network.mtu", "'network.mtu' is 99", ""},
      {"network.mtu=1.5", "--set network.mtu", "must be", ""},
      {"network.default-route=yes", "--set network.default-route", "true or false", ""},
      {"network.routes=10.0.0.0/8", "--set network.routes", "list", "[\"10.0.0.0/8\"]"},
      {"network.routes=[10.0.0.0/8]", "--set network.routes", "", ""},
      {"network.routes=[\"10.0.0.1/8\"]", "--set network.routes", "bits set", ""},
      {"network.mtu", "--set network.mtu", "KEY=VALUE", ""},
      {"=3", "--set ", "KEY=VALUE", ""},
      {"link.threads=3", "--set link.threads", "must be \"auto\", 1 or 2", ""},
      {"password=[\"hunter2\"]", "--set password", "'password' must be text", ""},
      {"nt-hash=hunter2", "--set nt-hash", "32 hexadecimal", ""},
      // Two keys in one argument would get round what the caller allows.
      {"domain='a'\nserver='evil'", "--set domain", "control character", ""},
  };
  for (const Mistake& mistake : kMistakes) {
    const ConfigErrors errors = errors_of(std::string(kNeeded), {std::string(mistake.argument)});
    INFO(std::string(mistake.argument));
    INFO(everything(errors));
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].file == mistake.file);
    CHECK(errors[0].line == 0);
    CHECK(has(errors[0].message, mistake.message));
    CHECK(has(errors[0].hint, mistake.hint));
    CHECK_FALSE(has(describe(errors[0]), "hunter2"));
  }
}

TEST_CASE("profile: --set can bring back a default that the file left") {
  const std::string file = std::string(kNeeded) + "[link]\nthreads = 2\n";
  CHECK(parse(file)->link.threads == 2);
  CHECK(parse(file, {"link.threads='auto'"})->link.threads == 0);
  CHECK(parse(file, {"link.threads=1"})->link.threads == 1);
}

TEST_CASE("profile: each value knows where it came from, and secrets are not among them") {
  const auto profile = parse(std::string(kNeeded) + "password = 'hunter2'\n[network]\nmtu = 1300\n",
                             {"network.default-route=true", "user=OFFICE\\bob"});
  REQUIRE(profile);
  CHECK(profile->settings.size() == profile_keys().size());
  const auto shown = [&](std::string_view key) -> const ShownSetting& {
    for (const ShownSetting& setting : profile->settings) {
      if (setting.key == key) return setting;
    }
    throw std::out_of_range(std::string(key));
  };
  CHECK(shown("server").value == "\"vpn.example.com\"");
  CHECK(shown("server").origin == "office.toml:1");
  CHECK(shown("user").value == "'OFFICE\\bob'");
  CHECK(shown("user").origin == "--set");
  CHECK(shown("password").value == "\"***\"");
  CHECK(shown("password").origin == "office.toml:3");
  CHECK(shown("nt-hash").value == "");
  CHECK(shown("network.mtu").value == "1300");
  CHECK(shown("network.mtu").origin == "office.toml:5");
  CHECK(shown("network.default-route").origin == "--set");
  CHECK(shown("network.interface").value == "\"pptp%d\"");
  CHECK(shown("network.interface").origin == "default");
  CHECK(shown("link.retry-first").value == "1.0");
  for (const ShownSetting& setting : profile->settings)
    CHECK_FALSE(has(setting.value, "hunter2"));
}

TEST_CASE("profile: an error without a line names the file alone") {
  CHECK(describe({"office.toml", 0, 0, "gone", ""}) == "office.toml: gone [config-invalid]\n");
  CHECK(describe({"office.toml", 3, 8, "wrong", "do this"}) ==
        "office.toml:3:8: wrong [config-invalid]\n    - do this\n");
  CHECK(describe({"a\x1b[2J", 0, 0, "b\n", ""}) == "a\\x1b[2J: b\\x0a [config-invalid]\n");
}

TEST_CASE("profile: no cut of a valid file is taken for something else") {
  const std::string whole =
      std::string(kNeeded) + "[network]\nmtu = 1300\nroutes = [\"10.0.0.0/8\"]\n";
  REQUIRE(parse(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto profile = parse(whole.substr(0, size));
    // What is left is a profile of fewer keys, or says what is wrong; it never throws.
    if (!profile) CHECK_FALSE(profile.error().empty());
  }
}
