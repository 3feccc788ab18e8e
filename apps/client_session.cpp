#include "apps/client_session.h"

#include <algorithm>
#include <csignal>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/password.h"
#include "tunnel/sizes.h"

namespace pptp::app {
namespace {

/// Slots for one call: a batch under way in each direction, what the receive order may hold back,
/// and control frames.
constexpr std::size_t kPoolSlots = 2 * io::GreSocket::kBatch + GreReceiver::kWindow + 32;

/// Packets read before others get their turn.
constexpr int kBatchesAtATime = 4;

constexpr Duration kRouteCheckInterval = std::chrono::seconds(3);

/// The least path MTU that leaves room for what every host has to take; below it, outer packets
/// have to be fragmented.
constexpr std::uint32_t kLeastPathMtu = kMinMtu + kOuterIpHeader + kGreOverhead + kPppOverhead;

bool hangup_is_ignored() noexcept {
  struct sigaction action{};
  return ::sigaction(SIGHUP, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

/// What a connection that could not be made comes to. Once there is an address, whatever our own
/// kernel has against it (a prohibiting or blackhole route) is a server that cannot be reached.
Ending ending_of_dial(const io::IoError& error, bool looked_up, const EndingContext& context) {
  const bool of_the_host =
      error.fault == io::IoFault::system || error.fault == io::IoFault::permission;
  if (looked_up && of_the_host) {
    return ending_of(Trouble::ctrl_net_unreachable, error.text(), context);
  }
  return ending_of(error, context);
}

}  // namespace

ClientSession::ClientSession(Profile profile, Credentials credentials,
                             const io::RuntimeDir& directory, io::ProfileLock lock, LogSink& log,
                             Progress& progress)
    : profile_(std::move(profile)),
      credentials_(std::make_shared<const Credentials>(std::move(credentials))),
      directory_(directory),
      lock_(std::move(lock)),
      log_(&log),
      progress_(progress),
      pool_(kPoolSlots),
      timer_(loop_,
             [this] {
               engine_->on_deadline(loop_.now());
               drain();
             }),
      route_timer_(loop_, [this] { watch_route(); }),
      since_(std::chrono::system_clock::now()) {}

ClientSession::~ClientSession() = default;

Ending ClientSession::run() {
  const auto handler = [this](int signal) { on_signal(signal); };
  // nohup(1) has HUP ignored, and means it.
  if (hangup_is_ignored()) {
    loop_.on_signals({SIGINT, SIGTERM, SIGUSR1}, handler);
  } else {
    loop_.on_signals({SIGINT, SIGTERM, SIGHUP, SIGUSR1}, handler);
  }
  if (const io::IoResult<void> ready = prepare(); !ready) {
    finish(ending_of(ready.error(), context()));
  } else {
    dial();
    loop_.run();
  }
  take_back_host_changes();
  return *std::move(ending_);
}

// --- making the call ---

/// What can fail without the server: better now than with a call half made.
io::IoResult<void> ClientSession::prepare() {
  io::IoResult<io::HostState> host = io::HostState::create(directory_, lock_);
  if (!host) return std::unexpected(host.error());
  host_.emplace(*std::move(host));
  if (host_->recovered().undone > 0) {
    log(LogLevel::notice, fmt::format("took back {} change(s) that a call which did not end well "
                                      "had left on this host",
                                      host_->recovered().undone));
  }
  io::IoResult<std::optional<std::uint32_t>> mark = host_->reserve_mark();
  if (!mark) return std::unexpected(mark.error());
  mark_ = *mark;
  io::IoResult<io::Tun> tun = io::Tun::open(profile_.network.interface);
  if (!tun) return std::unexpected(tun.error());
  tun_.emplace(*std::move(tun));
  io::IoResult<io::ControlServer> control = io::ControlServer::open(
      loop_, directory_, lock_, [this](const nlohmann::json& request) { return answer(request); });
  if (!control) return std::unexpected(control.error());
  control_server_.emplace(*std::move(control));
  // Before the first control message: a host without any GRE socket answers the server's first
  // packet with ICMP protocol unreachable.
  io::GreOptions options;
  options.mark = mark_.value_or(0);
  io::IoResult<io::GreClientSocket> gre = io::GreClientSocket::open(options);
  if (!gre) return std::unexpected(gre.error());
  gre_.emplace(*std::move(gre));
  gre_->on_trouble([this](const io::GreTrouble& trouble) { on_gre_trouble(trouble); });
  return {};
}

void ClientSession::dial() {
  enter(CallState::connecting);
  progress_.phase(fmt::format("looking up {}", profile_.servers.front().host));
  Dialer::Request request{.server = profile_.servers.front(), .mark = mark_.value_or(0)};
  dialer_.emplace(
      loop_, std::move(request),
      [this](io::TcpEndpoint to) {
        server_ = to.address;
        progress_.phase(fmt::format("connecting to {}:{}", to.address.text(), to.port));
      },
      [this](io::IoResult<io::TcpStream> stream) {
        if (stream) {
          connected(*std::move(stream));
        } else {
          finish(ending_of_dial(stream.error(), !server_.is_zero(), context()));
        }
      });
}

void ClientSession::connected(io::TcpStream stream) {
  stream_.emplace(std::move(stream));
  if (const io::IoResult<void> opened = open_paths(); !opened) {
    return finish(ending_of(opened.error(), context()));
  }
  engine_.emplace(call_config(), pool_, entropy_, log_);
  gre_watch_.emplace(loop_, gre_->fd());
  gre_watch_->on_readable([this] { gre_readable(); });
  stream_->start(
      [this](Bytes octets) {
        engine_->control_received(loop_.now(), octets);
        drain();
      },
      [this](const io::IoError& error) {
        if (error.error != 0) log(LogLevel::info, error.text());
        stream_.reset();
        engine_->control_closed(loop_.now());
        drain();
      });
  progress_.phase("asking for a call");
  engine_->connected(loop_.now());
  drain();
}

/// GRE goes between the same two addresses as the control connection (interop note 3.24).
io::IoResult<void> ClientSession::open_paths() {
  call_id_ = CallId(std::max<std::uint16_t>(1, entropy_.u16()));  // never 0 (interop note 3.2)
  const Ipv4Address local = stream_->local().address;
  if (auto bound = gre_->connect(local, server_, call_id_); !bound) return bound;
  io::IoResult<io::Netlink> netlink = io::Netlink::open();
  if (!netlink) return std::unexpected(netlink.error());
  if (const io::IoResult<io::RouteAnswer> route = netlink->route_to(server_, mark_.value_or(0))) {
    if (route->mtu != 0) path_mtu_ = route->mtu;
  }
  // DF goes with the MTU that is worked out here, not with one set by hand (interop note 3.24).
  return gre_->set_dont_fragment(!profile_.network.mtu && path_mtu_ >= kLeastPathMtu);
}

CallConfig ClientSession::call_config() const {
  const std::uint32_t information =
      profile_.network.mtu ? *profile_.network.mtu + kMppeOverhead : max_information(path_mtu_);
  CallConfig call;
  call.role = Role::client;
  call.call_id = call_id_;
  call.link.mru = static_cast<std::uint16_t>(std::min(information, kMaxMtu));
  call.link.echo_interval = profile_.link.echo_interval;
  call.link.echo_failures = profile_.link.echo_failures;
  call.link.methods = profile_.methods;
  call.link.credentials = credentials_;
  call.link.encryption = profile_.encryption;
  call.link.want_dns = !std::holds_alternative<NoDns>(profile_.network.dns);
  return call;
}

// --- moving packets ---

void ClientSession::gre_readable() {
  for (int i = 0; i < kBatchesAtATime; ++i) {
    const std::size_t count = gre_->receive(pool_, gre_batch_);
    if (count == 0) break;
    engine_->gre_received(loop_.now(), std::span(gre_batch_).first(count));
    drain();
    if (ending_ || count < gre_batch_.size()) break;
  }
}

void ClientSession::tun_readable() {
  for (int i = 0; i < kBatchesAtATime; ++i) {
    const std::size_t count = tun_->read(pool_, tun_batch_);
    if (tun_->gone()) return interface_gone();
    if (count == 0) break;
    const std::span<Packet> packets = std::span(tun_batch_).first(count);
    send_gre(packets.first(engine_->seal(loop_.now(), packets)));
    if (count < tun_batch_.size()) break;
  }
  drain();
}

void ClientSession::send_gre(std::span<Packet> packets) {
  if (!packets.empty()) (void)gre_->send(packets);  // what did not go is counted by the socket
}

void ClientSession::interface_gone() {
  tun_watch_.reset();
  close(ending_of(Trouble::host_config_failed,
                  fmt::format("somebody has removed the interface {}", tun_->name()), context()));
}

/// Called from inside the socket: only notes it.
void ClientSession::on_gre_trouble(const io::GreTrouble& trouble) {
  // The two that say why no answer will ever come are not forgotten for one that says less.
  if (!trouble_ || (trouble_->kind != io::GreTrouble::Kind::firewall &&
                    trouble_->kind != io::GreTrouble::Kind::protocol_unreachable)) {
    trouble_ = trouble;
  }
  if (trouble.kind == io::GreTrouble::Kind::too_big && trouble.mtu != 0) {
    loop_.post([this, mtu = trouble.mtu] { lower_path_mtu(mtu); });
  }
}

void ClientSession::drain() {
  while (std::optional<EngineEvent> event = engine_->poll_event())
    on_event(*std::move(event));
  while (const auto octets = engine_->poll_control()) {
    if (stream_) stream_->send(*octets);
  }
  std::size_t count = 0;
  while (std::optional<Packet> packet = engine_->poll_gre(loop_.now())) {
    gre_out_[count++] = *std::move(packet);
    if (count == gre_out_.size()) send_gre(std::span(gre_out_).first(std::exchange(count, 0)));
  }
  send_gre(std::span(gre_out_).first(count));
  for (Packet& packet : gre_out_)
    packet.release();
  while (const std::optional<Packet> packet = engine_->poll_ip()) {
    (void)tun_->write(packet->bytes());  // what the kernel would not have is counted there
  }
  timer_.set(engine_->next_deadline());
  if (call_over_ && (engine_->control_finished() || !stream_)) finish(*std::move(call_over_));
}

void ClientSession::on_event(EngineEvent&& event) {
  if (const PhaseChanged* changed = std::get_if<PhaseChanged>(&event)) {
    if (changed->phase == Phase::establish) {
      progress_.phase("negotiating the link");
      enter(CallState::connecting);
    } else if (changed->phase == Phase::authenticate) {
      progress_.phase(fmt::format("authenticating as {}", printable(credentials_->user())));
      enter(CallState::authenticating);
    } else if (changed->phase == Phase::network) {
      progress_.phase("negotiating encryption and addresses");
      enter(CallState::negotiating);
    }
  } else if (const Authenticated* authenticated = std::get_if<Authenticated>(&event)) {
    method_ = authenticated->method;
  } else if (const EncryptionAgreed* agreed = std::get_if<EncryptionAgreed>(&event)) {
    encryption_ = *agreed;
  } else if (const NetworkUp* up = std::get_if<NetworkUp>(&event)) {
    network_up(*up);
  } else if (std::holds_alternative<NetworkDown>(event)) {
    enter(CallState::negotiating);
  } else if (const CallEnded* ended = std::get_if<CallEnded>(&event)) {
    call_ended(ended->end);
  }
}

void ClientSession::network_up(const NetworkUp& up) {
  if (up.local == server_) {
    // Its packets would come back to ourselves (RFC 1332 3.3 leaves it to us to refuse).
    return close(ending_of(End{Cause::ipcp_address_refused, up.local.value(), {}}, context()));
  }
  const bool same =
      network_ && network_->local == up.local && network_->peer == up.peer && allowed_mtu() == mtu_;
  network_ = up;
  if (!same) {
    if (io::IoResult<void> configured = configure_interface(); !configured) {
      Ending failed = ending_of(Trouble::host_config_failed, configured.error().text(), context());
      if (!configured.error().hint.empty())
        failed.remedy.insert(failed.remedy.begin(), configured.error().hint);
      return close(std::move(failed));
    }
  }
  if (!tun_watch_) {
    tun_watch_.emplace(loop_, tun_->fd());
    tun_watch_->on_readable([this] { tun_readable(); });
  }
  enter(CallState::up);
  watch_route();
  if (!std::exchange(was_up_, true)) progress_.up(report());
}

/// The way to the server may go and come back while the call is up: looked after every few seconds.
void ClientSession::watch_route() {
  if (state_ != CallState::up) return;
  if (const io::IoResult<bool> changed = host_->refresh_server_route(); changed && *changed) {
    log(LogLevel::notice, "the way to the server has changed");
  }
  route_timer_.set(loop_.now() + kRouteCheckInterval);
}

std::uint32_t ClientSession::allowed_mtu() const {
  const bool encrypted = encryption_.has_value();
  if (!profile_.network.mtu) return inner_mtu(path_mtu_, engine_->peer_mru(), encrypted);
  // Set by hand: outer packets may be fragmented, but the peer takes no more than it says.
  return std::min<std::uint32_t>(
      *profile_.network.mtu, inner_mtu(kMaxMtu + kLeastPathMtu, engine_->peer_mru(), encrypted));
}

/// Sets the interface up with its addresses and routes, and the MTU that the call allows.
io::IoResult<void> ClientSession::configure_interface() {
  if (tun_watch_) (void)host_->undo_tunnel();  // the peer gave other addresses than before
  mtu_ = allowed_mtu();
  configured_mtu_ = mtu_;
  engine_->set_mtu(mtu_);
  io::TunnelSettings settings;
  settings.device = tun_->index();
  settings.local = network_->local;
  if (!network_->peer.is_zero()) settings.peer = network_->peer;
  settings.mtu = mtu_;
  settings.routes = profile_.network.routes;
  settings.default_route = profile_.network.default_route;
  settings.server = server_;
  return host_->configure_tunnel(settings);
}

/// The path takes less than it seemed to.
void ClientSession::lower_path_mtu(std::uint32_t path_mtu) {
  if (path_mtu >= path_mtu_ || state_ != CallState::up) return;
  path_mtu_ = path_mtu;
  const std::uint32_t lower = allowed_mtu();
  if (lower >= mtu_) return;
  log(LogLevel::notice,
      fmt::format("the path takes packets of {} octets: MTU lowered to {}", path_mtu, lower));
  mtu_ = lower;
  engine_->set_mtu(mtu_);
  if (path_mtu_ < kLeastPathMtu) (void)gre_->set_dont_fragment(false);
  set_interface_mtu(mtu_);
}

/// The interface is ours and goes with us: nothing to journal.
void ClientSession::set_interface_mtu(std::uint32_t mtu) {
  io::IoResult<io::Netlink> netlink = io::Netlink::open();
  if (!netlink) return log(LogLevel::warning, netlink.error().text());
  if (const auto set = netlink->set_link_mtu(tun_->index(), mtu); !set) {
    log(LogLevel::warning, set.error().text());
  }
}

// --- ending it ---

void ClientSession::on_signal(int signal) {
  if (signal == SIGUSR1) return log(LogLevel::notice, to_json(report()).dump());
  close(ending_of(Trouble::interrupted, {}, context()));
}

/// Ends the call politely; `why` is what it will have come to.
void ClientSession::close(Ending why) {
  if (closing_ || call_over_) return;
  closing_ = std::move(why);
  progress_.phase("ending the call");
  if (!engine_) return finish(*std::move(closing_));
  engine_->close(loop_.now());
  loop_.post([this] { drain(); });
}

void ClientSession::call_ended(const End& end) {
  if (closing_) {
    call_over_ = std::move(closing_);
  } else if (end.cause == Cause::gre_blocked && trouble_ &&
             trouble_->kind == io::GreTrouble::Kind::firewall) {
    call_over_ = ending_of(Trouble::gre_eperm, {}, context());
  } else if (end.cause == Cause::gre_blocked && trouble_ &&
             trouble_->kind == io::GreTrouble::Kind::protocol_unreachable) {
    call_over_ = ending_of(Trouble::gre_not_available, {}, context());
  } else {
    call_over_ = ending_of(end, context());
  }
}

void ClientSession::finish(Ending ending) {
  if (ending_) return;
  ending_ = std::move(ending);
  enter(CallState::failed);
  loop_.stop();
}

void ClientSession::take_back_host_changes() {
  tun_watch_.reset();
  if (!host_) return;
  // What was lowered on the way is put back first, so that undoing finds what the journal says.
  if (mtu_ != configured_mtu_ && !tun_->gone()) set_interface_mtu(configured_mtu_);
  const io::UndoReport report = host_->undo_all();
  for (const std::string& left : report.left_alone) {
    log(LogLevel::notice, fmt::format("left alone, as somebody else has changed it: {}", left));
  }
  for (const io::IoError& failed : report.failed)
    log(LogLevel::error, failed.text());
}

EndingContext ClientSession::context() const {
  EndingContext context;
  context.server = profile_.servers.front().host;
  context.user = credentials_->user();
  describe_password(*credentials_, context);
  return context;
}

// --- being asked ---

nlohmann::json ClientSession::answer(const nlohmann::json& request) {
  const std::string command = request.value("command", "");
  if (command == "status" || command == "statistics") return to_json(report());
  if (command == "disconnect") {
    Ending asked;
    asked.summary = "disconnected";
    // 0 is for a call that was up; who waits for it to come up must not take this for that.
    close(was_up_ ? std::move(asked) : ending_of(Trouble::interrupted, "disconnected", context()));
    return {{"ok", true}};
  }
  return {{"error", "unknown command"}};
}

StatusReport ClientSession::report() const {
  StatusReport report;
  report.profile = profile_.name;
  report.state = state_;
  report.since = since_;
  report.server_name = profile_.servers.front().host;
  if (!server_.is_zero()) report.server_address = server_.text();
  if (tun_) report.interface = tun_->name();
  if (method_) report.auth = name(*method_);
  if (encryption_) {
    report.mppe = StatusReport::Encryption{bit_count(encryption_->send.bits),
                                           encryption_->send.mode == MppeMode::stateful};
  }
  if (network_) {
    report.local = network_->local.text();
    if (!network_->peer.is_zero()) report.peer = network_->peer.text();
    for (const Ipv4Address& server : network_->dns) {
      if (!server.is_zero()) report.dns.push_back(server.text());
    }
    report.mtu = mtu_;
    for (const auto& route : profile_.network.routes)
      report.routes.push_back(route.text());
    if (profile_.network.default_route) report.routes.emplace_back("0.0.0.0/0");
  }
  if (!engine_) return report;
  const GreReceiverStats& received = engine_->rx().receiver().stats();
  StatusReport::Counters& counters = report.counters;
  counters.tx_packets = engine_->tx().counters().packets;
  counters.tx_bytes = engine_->tx().counters().octets;
  counters.rx_packets = engine_->rx().counters().packets;
  counters.rx_bytes = engine_->rx().counters().octets;
  counters.lost = received.lost;
  counters.reordered = received.reordered;
  counters.duplicate = received.duplicate;
  counters.late = received.late;
  Drops drops = engine_->drops();
  drops += gre_->drops();
  counters.dropped = dropped(drops);
  if (const std::optional<Duration> rtt = engine_->tx().sender().round_trip()) {
    report.rtt_ms = std::chrono::duration<double, std::milli>(*rtt).count();
  }
  return report;
}

void ClientSession::enter(CallState state) {
  if (state_ == state) return;
  log(LogLevel::debug, fmt::format("{} -> {}", name(state_), name(state)));
  state_ = state;
  since_ = std::chrono::system_clock::now();
}

}  // namespace pptp::app
