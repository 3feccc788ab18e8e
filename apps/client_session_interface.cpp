// A ClientSession's interface, or what it has in place of one.
#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "apps/client_session.h"
#include "apps/config_error.h"
#include "tunnel/io/host_tun.h"
#include "tunnel/io/namespace_tun.h"
#include "tunnel/io/netlink.h"
#include "tunnel/io/tun_program.h"

namespace pptp::app {
namespace {

/// The source of packets before there is an address, on the interface with that number: from a
/// range that is private, and as good as never in use.
Ipv4Address placeholder(unsigned device) {
  return Ipv4Address(10, 64, 64, static_cast<std::uint8_t>(device % 254 + 1));
}

/// Fits every path. The call brings the right one.
constexpr std::uint32_t kDormantMtu = 1400;

}  // namespace

/// What the packets come from and go to. Only an interface of this host's own takes a mark.
io::IoResult<void> ClientSession::make_device() {
  const Profile::Network& network = profile_.network;
  if (!network.tun_program.empty()) return take_device(io::TunProgram::open(network.tun_program));
  if (room_ != nullptr) return take_device(room_->open(network.interface, network.netns));
  if (!network.netns.empty())
    return take_device(io::NamespaceTun::open(network.netns, network.interface));
  io::IoResult<std::optional<std::uint32_t>> mark = host_->reserve_mark();
  if (!mark) return std::unexpected(mark.error());
  mark_ = *mark;
  if (!mark_) {
    log(LogLevel::warning,
        "this kernel has no policy routing: whenever the tunnel gets other "
        "addresses, packets may take another way for a moment");
  }
  io::IoResult<io::Tun> tun = io::Tun::open(network.interface);
  if (!tun) return std::unexpected(tun.error());
  device_ = std::make_unique<io::HostTun>(*std::move(tun), *host_);
  return {};
}

io::IoResult<void> ClientSession::configure_dormant() {
  NetworkUp network;
  network.local = placeholder(device_->index());
  network_ = network;
  now_at(network.local);
  if (auto configured =
          configure_interface(profile_.network.mtu.value_or(kDormantMtu), servers_.known().front());
      !configured)
    return configured;
  read_device();
  return {};
}

void ClientSession::device_gone() {
  device_is_gone_ = true;
  leave_device();
  loss_watch_.reset();
  const io::IoError loss = device_->loss();
  end(loss.fault == io::IoFault::program_ended ? ending_of(loss, context())
                                               : host_config_failed(loss));
}

void ClientSession::network_up(const NetworkUp& up) {
  const bool same = network_ && network_->local == up.local && network_->peer == up.peer &&
                    network_->dns == up.dns && call_->server() == outside_ &&
                    call_->allowed_mtu() == mtu_;
  // Before it is remembered: the next call may bring the same one.
  if (!same && address_is_taken(up.local)) {
    return close(ending_of(End{Cause::ipcp_address_refused, up.local.value(), {}}, context()));
  }
  watch_encryption();
  network_ = up;
  now_at(up.local);
  if (same) {
    call_->set_mtu(mtu_);
  } else {
    told_servers_ = judge_name_servers(up);
    io::IoResult<void> configured = configure_interface(call_->allowed_mtu(), call_->server());
    if (configured) configured = configure_names();
    if (!configured) return end(host_config_failed(configured.error()));
    if (!scripts_.take_over_the_network()) host_->lower_guard();
    call_->set_mtu(mtu_);
  }
  enter(CallState::up);
  read_device();
  servers_.came_up(call_->server(), call_->found());
  redial_.came_up();
  last_.reset();
  if (!std::exchange(was_up_, true) || profile_.link.demand) up_since_ = loop_.now();
  if (same) {
    scripts_.called_again(script_facts());
  } else {
    scripts_.start(
        script_facts(), [this] { host_->lower_guard(); },
        [this](const io::IoResult<void>& ran) { scripts_ran(ran); });
  }
  if (same || !scripts_.running()) progress_.up(report());
  watch_route();
  check_limits();
}

/// The address that packets leave with, before the first one does.
void ClientSession::now_at(Ipv4Address local) {
  const std::lock_guard guard(sending_lock_);
  translation_.set_current(local);
  last_traffic_ = loop_.now();
}

/// Before the first packet. Somebody in between may have taken it away, or a setting that was meant
/// for once.
void ClientSession::watch_encryption() {
  if (call_->encryption()) {
    const auto noted = encrypted_.note(servers_.current().host, std::chrono::system_clock::now());
    if (noted || std::exchange(record_fails_, true)) return;
    log(LogLevel::warning,
        fmt::format("cannot keep that this connection is encrypted, so that nothing will warn "
                    "should it be without one day: {}",
                    noted.error().text()));
  } else if (const auto last = encrypted_.last()) {
    const std::string warning = fmt::format(
        "NOT ENCRYPTED, though calls of this profile were, last on {} to {}: set encryption.mppe "
        "to \"require\"; or, if this is meant, remove {}",
        last->day, printable(last->server), encrypted_.path());
    log(LogLevel::warning, warning);
    progress_.warned(warning);
  }
}

/// The way to the server may go and come back while the call is up: looked after every few seconds.
void ClientSession::watch_route() {
  if (state_ != CallState::up) return;
  const io::IoResult<bool> refreshed = host_->refresh_server_route();
  // Only a tunnel of this host's needs a way kept outside of it.
  const bool changed =
      device_->is_in_our_namespace() ? refreshed && *refreshed : !call_->way_stands();
  if (changed) {
    log(LogLevel::notice, "the way to the server has changed");
    if (profile_.link.reconnect && !call_->way_stands()) {
      call_again("another way");
      probed_.reset();
      return;
    }
  }
  if (const io::IoResult<void> ipv6 = host_->refresh_ipv6(); !ipv6)
    log(LogLevel::debug, ipv6.error().text());
  route_timer_.set(loop_.now() + kRouteCheckInterval);
}

/// Sets the interface up with its addresses and routes.
io::IoResult<void> ClientSession::configure_interface(std::uint32_t mtu, Ipv4Address server) {
  if (device_carries_) {  // the peer gave other addresses than before
    scripts_.stop();
    StatusReport::Counters all = past_;
    all += counters();
    tell_scripts(all);
    loss_watch_.reset();
  }
  mtu_ = mtu;
  configured_mtu_ = mtu;
  io::TunnelSettings settings;
  settings.device = device_->index();
  settings.local = network_->local;
  const Ipv4Address peer = network_->peer;
  if (address_is_taken(peer)) {
    log(LogLevel::warning,
        fmt::format("the server calls itself {} inside the tunnel, which is in use here: what is "
                    "sent there does not go to the server",
                    peer.text()));
  } else if (!peer.is_zero() && peer != network_->local) {
    settings.peer = peer;
  }
  settings.mtu = mtu_;
  settings.routes = profile_.network.routes;
  settings.default_route = profile_.network.default_route;
  // Until there is a call there is no script to set routes.
  settings.routes_by_script = call_ && scripts_.take_over_the_network();
  settings.server = outside_ = server;
  if (profile_.link.demand) settings.former = former_addresses();
  settings.name_servers = name_servers();
  if (std::holds_alternative<DnsFromPeer>(profile_.network.dns)) {
    for (const Ipv4Address& one : settings.name_servers)
      settings.guarded.emplace_back(one);
  }
  if (auto configured = device_->configure(settings); !configured) return configured;
  if (const int fd = device_->loss_fd(); fd >= 0) {
    loss_watch_.emplace(loop_, fd);
    loss_watch_->on_readable([this] { device_gone(); });
  }
  return {};
}

/// Addresses of calls before this one. One that has become somebody else's is left to him.
std::vector<Ipv4Address> ClientSession::former_addresses() {
  std::vector<Ipv4Address> former(translation_.former().begin(), translation_.former().end());
  const std::vector<Ipv4Address> servers = name_servers();
  std::erase_if(former, [&](Ipv4Address address) {
    return address == network_->peer || std::ranges::find(servers, address) != servers.end() ||
           address_is_taken(address);
  });
  return former;
}

void ClientSession::call_mtu_lowered() {
  probed_ = call_->probed();
  if (state_ != CallState::up) return;
  const std::uint32_t lower = call_->allowed_mtu();
  if (lower >= mtu_) return;
  log(LogLevel::notice, fmt::format("the path takes less than before: MTU lowered to {}", lower));
  mtu_ = lower;
  call_->set_mtu(mtu_);
  set_device_mtu(mtu_);
}

void ClientSession::set_device_mtu(std::uint32_t mtu) {
  if (const auto set = device_->set_mtu(mtu); !set) log(LogLevel::warning, set.error().text());
}

/// The command that the tunnel is for, once it can use it; with the name servers that it is to ask.
io::IoResult<void> ClientSession::run_command() {
  if (room_ == nullptr) return {};
  std::optional<std::string> resolv_conf;
  if (!std::holds_alternative<NoDns>(profile_.network.dns)) {
    resolv_conf = "";
    for (const Ipv4Address& server : name_servers())
      *resolv_conf += fmt::format("nameserver {}\n", server.text());
  }
  if (room_->started())
    return resolv_conf ? room_->change_resolv_conf(*resolv_conf) : io::IoResult<void>();
  if (auto started = room_->start(resolv_conf); !started) return started;
  room_watch_.emplace(loop_, room_->fd());
  room_watch_->on_readable([this] {
    room_watch_.reset();
    end(Ending{});
  });
  return {};
}

Ending ClientSession::host_config_failed(const io::IoError& error) const {
  Ending ending = ending_of(Trouble::host_config_failed, error.text(), context());
  if (!error.hint.empty()) ending.remedy.insert(ending.remedy.begin(), error.hint);
  return ending;
}

}  // namespace pptp::app
