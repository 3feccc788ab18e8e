#include "apps/demo/demonstration.h"

#include <array>
#include <chrono>
#include <csignal>
#include <sstream>
#include <string_view>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "apps/address_text.h"
#include "apps/demo/sandbox.h"
#include "apps/runtime.h"
#include "lib/bytes.h"
#include "tunnel/io/clock.h"
#include "tunnel/io/file.h"
#include "tunnel/io/os_entropy.h"
#include "tunnel/io/runtime_dir.h"

namespace pptp::app::demo {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// RFC 5737: addresses for documentation. Nobody else is in these namespaces anyway.
constexpr Ipv4Address kServerOutside(192, 0, 2, 1);
constexpr Ipv4Address kClientOutside(192, 0, 2, 2);
constexpr Ipv4Address kServerInside(10, 99, 0, 1);
constexpr io::Ipv4Prefix kInside = io::Ipv4Prefix::holding(kServerInside, 24);
constexpr const char* kPool = "10.99.0.10-10.99.0.20";

constexpr const char* kProfile = "demo";
constexpr const char* kUser = "alice";
constexpr std::size_t kPasswordOctets = 12;

constexpr milliseconds kPollEvery(5);
constexpr seconds kStartPatience(10);
constexpr seconds kConnectPatience(30);
constexpr seconds kEndPatience(10);

constexpr std::uint16_t kPings = 10;
constexpr milliseconds kPingInterval(50);
constexpr seconds kPingPatience(2);

std::string file(std::string_view name) {
  return fmt::format("{}/{}", kSandboxFiles, name);
}

/// Whether a TCP socket of the calling thread's network namespace listens on a port: proc(5),
/// /proc/net/tcp, "sl local_address:PORT remote_address:PORT STATE ..." in hexadecimal.
bool listens(std::uint16_t port) {
  constexpr std::string_view kListen = "0A";
  std::istringstream lines(io::read_file("/proc/thread-self/net/tcp").value_or(""));
  const std::string ending = fmt::format(":{:04X}", port);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string number;
    std::string local;
    std::string remote;
    std::string state;
    if (words >> number >> local >> remote >> state && local.ends_with(ending) && state == kListen)
      return true;
  }
  return false;
}

void add_lines(std::vector<std::string>& out, std::string_view name, const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    out.push_back(fmt::format("{}: {}", name, line));
}

template <class Result>
std::expected<void, Ending> check(const Result& result, std::string_view id) {
  if (!result) return std::unexpected(failure(id, result.error()));
  return {};
}

}  // namespace

Demonstration::Demonstration(Screen& screen, Duration length, std::vector<std::string> options)
    : screen_(screen), length_(length), options_(std::move(options)) {}

DemoResult Demonstration::run() {
  if (auto done = run_all(); !done) {
    screen_.failed();
    result_.problems.push_back(std::move(done.error()));
  }
  if (tap_) result_.wire = tap_->stop();
  for (Ending& found : judge(result_))
    result_.problems.push_back(std::move(found));
  return std::move(result_);
}

Demonstration::Step Demonstration::run_all() {
  using Part = Step (Demonstration::*)();
  constexpr std::array<Part, 7> kParts = {
      &Demonstration::lay_wire,     &Demonstration::write_files,  &Demonstration::start_server,
      &Demonstration::start_client, &Demonstration::measure_ping, &Demonstration::measure_transfers,
      &Demonstration::hang_up,
  };
  for (const Part part : kParts) {
    if (auto done = (this->*part)(); !done) return done;
  }
  return {};
}

Demonstration::Step Demonstration::lay_wire() {
  constexpr const char* kId = "demo-no-network";
  screen_.begin("two network namespaces and a wire between them");
  auto server_place = NetNamespace::create();
  if (!server_place) return check(server_place, kId);
  server_place_.emplace(*std::move(server_place));
  auto client_place = NetNamespace::create();
  if (!client_place) return check(client_place, kId);
  client_place_.emplace(*std::move(client_place));

  const CableEnd client{*client_place_, "to-server", kClientOutside};
  const CableEnd server{*server_place_, "to-client", kServerOutside};
  if (const auto done = connect_by_cable(client, server); !done) return check(done, kId);

  if (const auto entered = server_place_->enter(); !entered) return check(entered, kId);
  auto tap = WireTap::open(server.device, kInside);
  if (!tap) return check(tap, "demo-no-tap");
  tap_ = *std::move(tap);
  screen_.done(fmt::format("{} - {}", kClientOutside.text(), kServerOutside.text()));
  return {};
}

/// Server and client have runtime directories of their own, as on two hosts. What differs from the
/// defaults is where things are, that a lost connection stays lost, and that name servers are left
/// alone: the host's files can be seen in the sandbox.
Demonstration::Step Demonstration::write_files() {
  constexpr const char* kId = "demo-no-files";
  if (const auto made = io::RuntimeDir::open(file("server")); !made) return check(made, kId);
  auto client_directory = io::RuntimeDir::open(file("client"));
  if (!client_directory) return check(client_directory, kId);
  client_directory_.emplace(*std::move(client_directory));

  io::OsEntropy entropy;
  const std::string password = hex(entropy.array<kPasswordOctets>());
  const std::array<std::pair<const char*, std::string>, 3> files = {{
      {"chap-secrets", fmt::format("{} * {} *\n", kUser, password)},
      {"server.toml",
       fmt::format("listen = \"{}\"\n"
                   "users = \"{}\"\n"
                   "address = \"{}\"\n"
                   "pool = \"{}\"\n",
                   kServerOutside.text(), file("chap-secrets"), kServerInside.text(), kPool)},
      {"demo.toml", fmt::format("server = \"{}\"\n"
                                "user = \"{}\"\n"
                                "password = \"{}\"\n"
                                "[network]\n"
                                "dns = \"none\"\n"
                                "[link]\n"
                                "reconnect = false\n",
                                kServerOutside.text(), kUser, password)},
  }};
  for (const auto& [name, text] : files) {
    if (const auto written = io::replace_file(file(name), text); !written)
      return check(written, kId);
  }
  return {};
}

Demonstration::Step Demonstration::start_server() {
  screen_.begin("server");
  if (const auto entered = server_place_->enter(); !entered)
    return check(entered, "demo-no-network");
  std::vector<std::string> words = {"serve", file("server.toml")};
  words.insert(words.end(), options_.begin(), options_.end());
  auto server = Subcommand::start(file("server"), words);
  if (!server) return check(server, "demo-server");
  server_.emplace(*std::move(server));

  const TimePoint limit = io::engine_now() + kStartPatience;
  while (!listens(kPptpPort)) {
    if (const auto status = server_->status())
      return broken("demo-server", fmt::format("serve ended with {}", *status));
    if (io::engine_now() > limit) return broken("demo-server", "serve does not listen");
    std::this_thread::sleep_for(kPollEvery);
  }
  screen_.done(fmt::format("listens on {}", kServerOutside.text()));
  return {};
}

Demonstration::Step Demonstration::start_client() {
  screen_.begin("client");
  if (const auto entered = client_place_->enter(); !entered)
    return check(entered, "demo-no-network");
  std::vector<std::string> words = {"connect", file("demo.toml")};
  words.insert(words.end(), options_.begin(), options_.end());
  const TimePoint start = io::engine_now();
  auto client = Subcommand::start(client_directory_->path(), words);
  if (!client) return check(client, "demo-client");
  client_.emplace(*std::move(client));

  const TimePoint limit = start + kConnectPatience;
  for (std::size_t shown = 0; !result_.tunnel;) {
    if (const StatusReport status = ask_status(*client_directory_, kProfile);
        status.state == CallState::up) {
      result_.set_up_took = io::engine_now() - start;
      result_.tunnel = status;
    }
    shown = show_lines(client_->log(), shown);
    if (const auto ended = client_->status())
      return broken("demo-client", fmt::format("connect ended with {}", *ended));
    if (io::engine_now() > limit) return broken("demo-client", "connect does not come to an end");
    std::this_thread::sleep_for(kPollEvery);
  }
  screen_.done(fmt::format("{}, {}, {} - {}", result_.tunnel->auth,
                           encryption_text(*result_.tunnel), result_.tunnel->local,
                           result_.tunnel->peer));
  return {};
}

Demonstration::Step Demonstration::measure_ping() {
  screen_.begin("ping");
  if (const auto entered = client_place_->enter(); !entered)
    return check(entered, "demo-no-network");
  const auto result = ping(kServerInside, kPings, kPingInterval, kPingPatience);
  if (!result) return check(result, "demo-ping");
  result_.ping = *result;
  screen_.done(fmt::format("{} of {} answered", result->answered, result->sent));
  return {};
}

Demonstration::Step Demonstration::measure_transfers() {
  constexpr const char* kId = "demo-transfer";
  screen_.begin("TCP from client to server");
  const auto pair = connect_tcp(*client_place_, *server_place_, kServerInside);
  if (!pair) return check(pair, kId);
  const auto up = transfer(pair->client.fd(), pair->server.fd(), length_);
  if (!up) return check(up, kId);
  result_.client_to_server = *up;
  screen_.done(fmt::format("{:.0f} Mbit/s", up->megabits_per_second()));

  screen_.begin("TCP from server to client");
  const auto down = transfer(pair->server.fd(), pair->client.fd(), length_);
  if (!down) return check(down, kId);
  result_.server_to_client = *down;
  screen_.done(fmt::format("{:.0f} Mbit/s", down->megabits_per_second()));
  return {};
}

Demonstration::Step Demonstration::hang_up() {
  screen_.begin("disconnect");
  auto disconnect = Subcommand::start(client_directory_->path(), {"disconnect", kProfile});
  if (!disconnect) return check(disconnect, "demo-disconnect");
  const TimePoint limit = io::engine_now() + kEndPatience;
  while (!client_->status() && io::engine_now() < limit)
    std::this_thread::sleep_for(kPollEvery);
  const auto status = client_->status();
  if (!status) return broken("demo-disconnect", "connect does not end");
  if (*status != 0) {
    return broken("demo-disconnect", fmt::format("connect ended with {}", *status));
  }
  if (!server_->end(SIGTERM, kEndPatience)) return broken("demo-server", "serve does not end");
  screen_.done("client and server have ended");
  return {};
}

/// What somebody would see who had called `connect`. Returns where the first line that is not yet
/// whole begins.
std::size_t Demonstration::show_lines(std::string_view text, std::size_t begin) {
  for (std::size_t end = 0; (end = text.find('\n', begin)) != std::string_view::npos;) {
    screen_.progress(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return begin;
}

std::vector<std::string> Demonstration::logs() const {
  std::vector<std::string> out;
  if (server_) {
    add_lines(out, "serve", server_->output());
    add_lines(out, "serve", server_->log());
  }
  if (client_) {
    add_lines(out, "connect", client_->output());
    add_lines(out, "connect", client_->log());
  }
  return out;
}

std::unexpected<Ending> Demonstration::broken(std::string_view id, std::string summary) const {
  return std::unexpected(failure(id, std::move(summary), logs()));
}

}  // namespace pptp::app::demo
