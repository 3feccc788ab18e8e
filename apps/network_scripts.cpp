#include "apps/network_scripts.h"

#include <algorithm>
#include <chrono>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

namespace pptp::app {
namespace {

constexpr const char* kHostMask = "255.255.255.255";

std::vector<Ipv4Address> given(const std::array<Ipv4Address, 2>& addresses) {
  std::vector<Ipv4Address> some;
  for (const Ipv4Address& address : addresses) {
    if (!address.is_zero()) some.push_back(address);
  }
  return some;
}

/// NAME1, NAME2.
void put_numbered(std::map<std::string, std::string>& environment, const char* name,
                  const std::vector<Ipv4Address>& addresses) {
  for (std::size_t i = 0; i < std::min<std::size_t>(addresses.size(), 2); ++i)
    environment[fmt::format("{}{}", name, i + 1)] = addresses[i].text();
}

std::string mask_of(const io::Ipv4Prefix& prefix) {
  const unsigned host_bits = 32U - prefix.length();
  return Ipv4Address(host_bits == 32 ? 0 : ~std::uint32_t{0} << host_bits).text();
}

}  // namespace

NetworkScripts::NetworkScripts(io::EventLoop& loop, Log log, const Profile& profile)
    : loop_(loop), log_(log), profile_(profile), limit_(loop_, [this] {
        ended(io::failure(io::IoFault::script_failed,
                          fmt::format("{} did not end within {} s", steps_.front().command.program,
                                      io::kScriptLimit.count())));
      }) {}

std::string NetworkScripts::path_of(const std::string& file) const {
  return (profile_.folder / file).string();
}

io::IoResult<void> NetworkScripts::check() const {
  const Profile::Network& network = profile_.network;
  if (!network.script.empty() && ::access(path_of(network.script).c_str(), X_OK) != 0) {
    return io::failure(
        io::IoFault::bad_name,
        fmt::format("network.script: {} is no program that can be run", path_of(network.script)),
        "chmod +x, or correct its path");
  }
  if (!network.ip_up_dir.empty() && !hook("ip-up") && !hook("ip-down")) {
    return io::failure(io::IoFault::bad_name,
                       fmt::format("network.ip-up-dir: there is no ip-up or ip-down in {} that can "
                                   "be run",
                                   path_of(network.ip_up_dir)),
                       "chmod +x, or correct the folder's path");
  }
  return {};
}

/// A program of the folder; nullopt: there is none of that name.
std::optional<std::string> NetworkScripts::hook(const char* name) const {
  if (profile_.network.ip_up_dir.empty()) return std::nullopt;
  std::string path = path_of(profile_.network.ip_up_dir) + "/" + name;
  if (::access(path.c_str(), X_OK) != 0) return std::nullopt;
  return path;
}

std::vector<io::ScriptChange> NetworkScripts::undoing(const ScriptFacts& facts) const {
  std::vector<io::ScriptChange> changes;
  if (!profile_.network.script.empty()) changes.push_back({vpnc_command("disconnect", facts)});
  if (auto program = hook("ip-down")) changes.push_back({pppd_command(*program, facts)});
  return changes;
}

void NetworkScripts::start(const ScriptFacts& facts, const std::function<void()>& taken_over,
                           const Done& done) {
  const std::optional<std::string> ip_up = hook("ip-up");
  if (take_over_the_network()) {
    const bool last = !ip_up;
    enqueue({vpnc_command("connect", facts),
             [taken_over, done, last](const io::IoResult<void>& result) {
               if (result) taken_over();
               if (last || !result) done(result);
             }});
  }
  if (ip_up) enqueue({pppd_command(*ip_up, facts), done});
}

void NetworkScripts::calling_again(const ScriptFacts& facts) {
  if (!profile_.network.script.empty()) enqueue({vpnc_command("attempt-reconnect", facts), {}});
}

void NetworkScripts::called_again(const ScriptFacts& facts) {
  if (!profile_.network.script.empty()) enqueue({vpnc_command("reconnect", facts), {}});
}

void NetworkScripts::stop() {
  steps_.clear();
  watch_.reset();
  process_.reset();
  limit_.set(std::nullopt);
}

void NetworkScripts::enqueue(Step step) {
  steps_.push_back(std::move(step));
  if (steps_.size() == 1) next();
}

void NetworkScripts::next() {
  if (steps_.empty() || process_) return;
  io::IoResult<io::Process> started = io::Process::start(steps_.front().command);
  if (!started) {
    // Who asked for it is not to be called back from inside of that.
    loop_.post([this, error = started.error()] {
      if (!steps_.empty() && !process_) ended(std::unexpected(error));
    });
    return;
  }
  process_.emplace(*std::move(started));
  watch_.emplace(loop_, process_->fd());
  watch_->on_readable([this] { ended(process_->result()); });
  limit_.set(loop_.now() + io::kScriptLimit);
}

void NetworkScripts::ended(const io::IoResult<void>& result) {
  const Step step = std::move(steps_.front());
  steps_.pop_front();
  watch_.reset();
  process_.reset();
  limit_.set(std::nullopt);
  if (!result && step.done) steps_.clear();
  if (!result && !step.done) log_.line(LogLevel::warning, result.error().text());
  // What it has waited for may matter to those that follow.
  if (step.done) step.done(result);
  next();
}

/// The environment of vpnc-script, as its own head describes it.
io::Command NetworkScripts::vpnc_command(const char* reason, const ScriptFacts& facts) const {
  std::map<std::string, std::string> environment = {
      {"reason", reason},
      {"VPNGATEWAY", facts.server.text()},
      {"VPNPID", std::to_string(::getpid())},
      {"TUNDEV", facts.interface},
      {"INTERNAL_IP4_ADDRESS", facts.network.local.text()},
      {"INTERNAL_IP4_NETADDR", facts.network.local.text()},
      {"INTERNAL_IP4_NETMASK", kHostMask},
      {"INTERNAL_IP4_NETMASKLEN", "32"},
      {"INTERNAL_IP4_MTU", std::to_string(facts.mtu)},
      {"INTERNAL_IP4_DNS", joined(facts.dns)},
      {"INTERNAL_IP4_NBNS", joined(given(facts.network.wins))}};
  // Without a list it would send everything through the tunnel.
  std::vector<io::Ipv4Prefix> routes = profile_.network.routes;
  if (!profile_.network.default_route && routes.empty()) {
    const bool has_peer = !facts.network.peer.is_zero() && facts.network.peer != facts.server;
    routes.emplace_back(has_peer ? facts.network.peer : facts.network.local);
  }
  if (!profile_.network.default_route) {
    environment["CISCO_SPLIT_INC"] = std::to_string(routes.size());
    for (std::size_t i = 0; i < routes.size(); ++i) {
      const std::string name = fmt::format("CISCO_SPLIT_INC_{}_", i);
      environment[name + "ADDR"] = routes[i].address().text();
      environment[name + "MASK"] = mask_of(routes[i]);
      environment[name + "MASKLEN"] = std::to_string(routes[i].length());
    }
  }
  return {.program = path_of(profile_.network.script), .environment = std::move(environment)};
}

/// pppd(8), SCRIPTS; and what Debian's ip-up makes of the arguments for those it runs.
io::Command NetworkScripts::pppd_command(std::string program, const ScriptFacts& facts) const {
  const std::string local = facts.network.local.text();
  const std::string remote = facts.network.peer.text();
  // There is no terminal line, so that its name is a word and its speed nothing.
  const std::vector<std::string> arguments = {facts.interface, "pptp", "0",
                                              local,           remote, profile_.name};
  std::map<std::string, std::string> environment = {{"DEVICE", "pptp"},
                                                    {"IFNAME", facts.interface},
                                                    {"IPLOCAL", local},
                                                    {"IPREMOTE", remote},
                                                    {"PEERNAME", facts.server_name},
                                                    {"REMOTENUMBER", facts.server.text()},
                                                    {"SPEED", "0"},
                                                    {"ORIG_UID", std::to_string(::getuid())},
                                                    {"PPPLOGNAME", facts.user},
                                                    {"LINKNAME", profile_.name},
                                                    {"CALL_FILE", profile_.name},
                                                    {"PPP_IFACE", facts.interface},
                                                    {"PPP_TTY", "pptp"},
                                                    {"PPP_SPEED", "0"},
                                                    {"PPP_LOCAL", local},
                                                    {"PPP_REMOTE", remote},
                                                    {"PPP_IPPARAM", profile_.name}};
  put_numbered(environment, "DNS", facts.dns);
  put_numbered(environment, "WINS", given(facts.network.wins));
  if (std::holds_alternative<DnsFromPeer>(profile_.network.dns))
    environment.emplace("USEPEERDNS", "1");
  return {
      .program = std::move(program), .arguments = arguments, .environment = std::move(environment)};
}

std::map<std::string, std::string> link_words(Duration connected, std::uint64_t octets_sent,
                                              std::uint64_t octets_received) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(connected);
  return {{"CONNECT_TIME", std::to_string(seconds.count())},
          {"BYTES_SENT", std::to_string(octets_sent)},
          {"BYTES_RCVD", std::to_string(octets_received)}};
}

}  // namespace pptp::app
