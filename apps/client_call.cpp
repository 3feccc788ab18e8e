#include "apps/client_call.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "apps/password.h"
#include "apps/terminal.h"
#include "lib/batches.h"
#include "tunnel/io/netlink.h"
#include "tunnel/sizes.h"

namespace pptp::app {
namespace {

/// Octets of a GRE header (RFC 2637 4.1).
constexpr std::uint32_t kAcknowledgement = 4;

/// The least path MTU that leaves room for what every host has to take; below it, outer packets
/// have to be fragmented.
constexpr std::uint32_t kLeastPathMtu = kMinMtu + kOuterIpHeader + kGreOverhead + kPppOverhead;

/// Who wants the end has it within two seconds, whoever does not answer: CallConfig's
/// shutdown_limit, and this for what was said last.
constexpr Duration kLastWord = std::chrono::milliseconds(50);

}  // namespace

ClientCall::ClientCall(Surroundings surroundings, const Profile& profile,
                       std::shared_ptr<const Credentials> credentials, Request request)
    : around_(surroundings),
      profile_(profile),
      credentials_(std::move(credentials)),
      request_(std::move(request)),
      timer_(around_.loop,
             [this] {
               if (engine_) engine_->on_deadline(around_.loop.now());
               drain();
             }),
      linger_timer_(around_.loop, [this] { over(*std::move(ended_)); }) {}

ClientCall::~ClientCall() = default;

io::IoResult<void> ClientCall::dial() {
  // Before the first control message: a host without any GRE socket answers the server's first
  // packet with ICMP protocol unreachable.
  io::GreOptions options;
  options.mark = request_.mark;
  io::IoResult<io::GreClientSocket> gre = io::GreClientSocket::open(options);
  if (!gre) return std::unexpected(gre.error());
  gre_.emplace(*std::move(gre));
  gre_->on_trouble([this](const io::GreTrouble& trouble) { on_gre_trouble(trouble); });
  const ServerList::Attempt& at = request_.at;
  if (at.by_name) around_.progress.phase(fmt::format("looking up {}", at.server.host));
  dialer_.emplace(
      around_.loop,
      Dialer::Request{
          .server = at.server, .known = at.known, .by_name = at.by_name, .mark = request_.mark},
      [this](io::TcpEndpoint to) {
        server_ = to.address;
        around_.progress.phase(fmt::format("connecting to {}:{}", to.address.text(), to.port));
        return around_.owner.call_trying(server_);
      },
      [this](io::IoResult<io::TcpStream> stream) {
        if (stream) {
          connected(*std::move(stream));
        } else if (!over_) {
          over(ending_of_dial(stream.error(), !server_.is_zero(), context()));
        }
      });
  return {};
}

void ClientCall::connected(io::TcpStream stream) {
  if (over_) return;
  stream_.emplace(std::move(stream));
  our_port_ = stream_->local().port;
  if (const io::IoResult<void> opened = open_paths(); !opened) {
    return over(ending_of(opened.error(), context()));
  }
  observer_ = around_.recorder.call(ends_of(*stream_), true, {});
  engine_.emplace(config(), around_.pool, around_.entropy, around_.log);
  engine_->observe(observer_.get());
  start_transmitting();
  gre_watch_.emplace(around_.loop, gre_->fd());
  gre_watch_->on_readable([this] { gre_readable(); });
  stream_->start(
      [this](Bytes octets) {
        engine_->control_received(around_.loop.now(), octets);
        drain();
      },
      [this](const io::IoError& error) {
        if (error.error != 0) around_.log.line(LogLevel::info, error.text());
        stream_.reset();
        engine_->control_closed(around_.loop.now());
        drain();
      });
  around_.progress.phase("asking for a call");
  engine_->connected(around_.loop.now());
  drain();
}

/// GRE goes between the same two addresses as the control connection (interop note 3.24).
io::IoResult<void> ClientCall::open_paths() {
  call_id_ =
      CallId(std::max<std::uint16_t>(1, around_.entropy.u16()));  // never 0 (interop note 3.2)
  const Ipv4Address local = stream_->local().address;
  if (auto bound = gre_->connect(local, server_, call_id_); !bound) return bound;
  io::IoResult<io::Netlink> netlink = io::Netlink::open();
  if (!netlink) return std::unexpected(netlink.error());
  if (const io::IoResult<io::RouteAnswer> route = netlink->route_to(server_, request_.mark)) {
    way_ = *route;
    if (route->mtu != 0) path_mtu_ = route->mtu;
    way_mtu_ = path_mtu_;
    path_mtu_ = std::min(path_mtu_, request_.path_mtu.value_or(path_mtu_));
  }
  if (profile_.link.transmit == Transmit::packet) {
    if (const auto opened = gre_->send_by_packet_socket(server_); !opened)
      around_.log.line(LogLevel::warning, opened.error().text() + "; the raw socket does");
  }
  // DF goes with the MTU that is worked out here, not with one set by hand (interop note 3.24).
  return gre_->set_dont_fragment(!profile_.network.mtu && path_mtu_ >= kLeastPathMtu);
}

/// On a thread of its own, where that was asked for and can be: what observes a call is no thing
/// for two threads.
void ClientCall::start_transmitting() {
  std::optional<HostPackets> host = std::exchange(request_.host, std::nullopt);
  if (!host) return;
  const auto one_thread = [this](std::string why) {
    around_.log.line(LogLevel::notice, std::move(why) + "; one thread does it all");
  };
  if (observer_) return one_thread("packets are recorded (--pcap) or told of (-v)");
  io::IoResult<io::GreClientSocket> to = gre_->second();
  if (!to) return one_thread(to.error().text());
  auto started = io::TransmitThread::start(around_.loop, {std::move(host->from), *std::move(to)},
                                           {.admit = std::move(host->admit),
                                            .trouble =
                                                [this](const io::GreTrouble& trouble) {
                                                  on_gre_trouble(trouble);
                                                  drain();
                                                },
                                            .device_gone = std::move(host->device_gone)});
  if (!started) return one_thread(started.error().text());
  engine_->send_elsewhere();
  transmit_ = *std::move(started);
}

CallConfig ClientCall::config() const {
  const std::uint32_t information =
      profile_.network.mtu ? *profile_.network.mtu + kMppeOverhead : max_information(path_mtu_);
  CallConfig call;
  call.role = Role::client;
  call.call_id = call_id_;
  call.mss_clamp = profile_.network.mss_clamp;
  call.pace_by_window = profile_.link.pace_by_window;
  call.quirks = profile_.link.quirks;
  if (profile_.network.probe_mtu)
    call.link.probe_length = static_cast<std::uint16_t>(std::min(information, kMaxMtu));
  call.link.mru = static_cast<std::uint16_t>(std::min(information, kMaxMtu));
  call.link.echo_interval = profile_.link.echo_interval;
  call.link.echo_failures = profile_.link.echo_failures;
  call.link.tell_ready = request_.tell_ready;
  call.link.methods = profile_.methods;
  call.link.credentials = credentials_;
  call.link.may_try_again = request_.may_try_again;
  call.link.encryption = profile_.encryption;
  call.link.ipv6 = profile_.network.ipv6;
  call.link.wanted_ipv6_id = request_.ipv6_id;
  call.link.want_dns = std::holds_alternative<DnsFromPeer>(profile_.network.dns);
  // Nobody but scripts has a use for them.
  call.link.want_wins = !profile_.network.script.empty() || !profile_.network.ip_up_dir.empty();
  return call;
}

// --- moving packets ---

void ClientCall::gre_readable() {
  for (int i = 0; i < kBatchesAtATime && !over_; ++i) {
    const std::size_t count = gre_->receive(around_.pool, gre_in_);
    if (count > 0) {
      last_heard_ = around_.loop.now();
      engine_->gre_received(last_heard_, std::span(gre_in_).first(count));
    }
    drain();
    if (count < gre_in_.size()) break;
  }
}

void ClientCall::send(std::span<Packet> packets) {
  if (transmit_) {
    tell_transmit();
    return transmit_->send(packets);
  }
  send_gre(packets.first(engine_->seal(around_.loop.now(), packets)));
  drain();
}

/// Before it has more to do: the gate, the keys and the MTU that are for it.
void ClientCall::tell_transmit() {
  while (std::optional<TxOrder> order = engine_->poll_tx_order())
    transmit_->put(*std::move(order));
}

void ClientCall::begin_reading() {
  tell_transmit();
  transmit_->begin_reading();
}

void ClientCall::end_reading() {
  transmit_->end_reading();
}

void ClientCall::send_gre(std::span<Packet> packets) {
  if (!packets.empty()) (void)gre_->send(packets);  // what did not go is counted by the socket
}

/// Called from inside the socket: only notes it.
void ClientCall::on_gre_trouble(const io::GreTrouble& trouble) {
  // The two that say why no answer will ever come are not forgotten for one that says less.
  if (!trouble_ || (trouble_->kind != io::GreTrouble::Kind::firewall &&
                    trouble_->kind != io::GreTrouble::Kind::protocol_unreachable)) {
    trouble_ = trouble;
  }
  if (trouble.kind == io::GreTrouble::Kind::too_big && trouble.mtu != 0) too_big_ = trouble.mtu;
}

void ClientCall::drain() {
  if (!engine_ || over_) return;
  while (const std::optional<EngineEvent> event = engine_->poll_event())
    on_event(*event);
  while (const auto octets = engine_->poll_control()) {
    if (stream_) stream_->send(*octets);
  }
  tell_transmit();
  const TimePoint now = around_.loop.now();
  in_batches(
      gre_out_, [&] { return engine_->poll_gre(now); },
      [this](std::span<Packet> packets) { send_gre(packets); });
  in_batches(
      ip_in_, [this] { return engine_->poll_ip(); },
      [&](std::span<Packet> packets) { around_.owner.call_received(now, packets); });
  if (too_big_) lower_path_mtu();
  timer_.set(std::exchange(drain_again_, false) ? now : engine_->next_deadline());
  if (!ended_) return;
  if (!stream_) {
    over(*std::move(ended_));
  } else if (engine_->control_finished()) {
    hang_up();
  }
}

void ClientCall::on_event(const EngineEvent& event) {
  if (const Authenticated* authenticated = std::get_if<Authenticated>(&event)) {
    method_ = authenticated->method;
  } else if (const EncryptionAgreed* agreed = std::get_if<EncryptionAgreed>(&event)) {
    encryption_ = *agreed;
  } else if (const NetworkUp* up = std::get_if<NetworkUp>(&event);
             up != nullptr && up->local == server_) {
    // Its packets would come back to ourselves (RFC 1332 3.3 leaves it to us to refuse).
    return close(ending_of(End{Cause::ipcp_address_refused, up->local.value(), {}}, context()));
  } else if (const PathProbed* probed = std::get_if<PathProbed>(&event)) {
    path_probed(*probed);
  } else if (const CallEnded* ended = std::get_if<CallEnded>(&event)) {
    return call_ended(ended->end);
  }
  if (std::holds_alternative<NetworkUp>(event) && !history_.came_up())
    up_since_ = around_.loop.now();
  history_.note(event, *engine_, credentials_ ? credentials_->user() : "");
  around_.owner.call_event(event);
}

bool ClientCall::way_stands() const {
  if (!way_) return true;
  io::IoResult<io::Netlink> netlink = io::Netlink::open();
  if (!netlink) return true;
  const io::IoResult<io::RouteAnswer> now = netlink->route_to(server_, request_.mark);
  // Without any way there is nothing to change over to; it may come back as it was.
  if (!now) return true;
  return now->is_same_way(*way_);
}

std::uint32_t ClientCall::allowed_mtu() const {
  const bool encrypted = encryption_.has_value();
  if (!profile_.network.mtu) return inner_mtu(path_mtu_, engine_->peer_mru(), encrypted);
  // Set by hand: outer packets may be fragmented, but the peer takes no more than it says.
  return std::min<std::uint32_t>(
      *profile_.network.mtu, inner_mtu(kMaxMtu + kLeastPathMtu, engine_->peer_mru(), encrypted));
}

void ClientCall::set_mtu(std::uint32_t mtu) {
  engine_->set_mtu(mtu);
  tell_transmit();
}

void ClientCall::path_probed(const PathProbed& probed) {
  if (probed.longest >= std::min<std::uint32_t>(max_information(path_mtu_), engine_->peer_mru()))
    return;
  // What arrived may have gone without an acknowledgement, which data does not.
  probed_ = probed.longest + kOuterIpHeader + kGreOverhead - kAcknowledgement + kPppOverhead;
  too_big_ = probed_;
}

void ClientCall::lower_path_mtu() {
  const std::uint32_t path_mtu = *std::exchange(too_big_, std::nullopt);
  if (path_mtu >= path_mtu_) return;
  const std::uint32_t before = allowed_mtu();
  path_mtu_ = path_mtu;
  if (path_mtu_ < kLeastPathMtu) (void)gre_->set_dont_fragment(false);
  if (allowed_mtu() < before) around_.owner.call_mtu_lowered();
}

void ClientCall::try_again(std::shared_ptr<const Credentials> credentials) {
  if (!engine_ || over_) return;
  credentials_ = std::move(credentials);
  engine_->try_again(around_.loop.now(), credentials_);
  drain();
}

// --- ending it ---

void ClientCall::close(Ending why) {
  if (closing_ || ended_ || over_) return;
  closing_ = std::move(why);
  goodbye_ends_ = around_.loop.now() + CallConfig().shutdown_limit + kLastWord;
  around_.progress.phase("ending the call");
  if (!engine_) return over(*std::move(closing_));
  engine_->close(around_.loop.now());
  drain_again_ = true;  // we may be inside of a drain() already
  timer_.set(around_.loop.now());
}

void ClientCall::call_ended(const End& end) {
  ended_ = closing_ ? std::move(closing_) : ending_for(end);
}

Ending ClientCall::unfinished() const {
  if (engine_) return ending_for(engine_->unfinished());
  return ending_of(server_.is_zero() ? Trouble::name_no_answer : Trouble::ctrl_unreachable_1723, {},
                   context());
}

Ending ClientCall::ending_for(const End& end) const {
  // A server that speaks first is heard, and hears nothing.
  const bool unanswered = end.cause == Cause::gre_blocked || end.cause == Cause::lcp_timeout;
  if (unanswered && trouble_ && trouble_->kind == io::GreTrouble::Kind::firewall)
    return ending_of(Trouble::gre_eperm, {}, context());
  if (unanswered && trouble_ && trouble_->kind == io::GreTrouble::Kind::protocol_unreachable)
    return ending_of(Trouble::gre_not_available, {}, context());
  if (end.cause == Cause::lcp_timeout && is_one_way()) {
    Ending ending = ending_of(End{Cause::gre_blocked, 0, {}}, context());
    ending.summary = fmt::format("GRE comes from {}, and nothing says that ours arrives there",
                                 request_.at.server.host);
    return ending;
  }
  Ending ending = ending_of(end, context());
  if (diagnosis::step_of(ending.id) == diagnosis::Step::encryption) {
    for (std::string& line : offer_lines(engine_->encryption_offers())) {
      if (std::ranges::find(ending.evidence, line) == ending.evidence.end())
        ending.evidence.push_back(std::move(line));
    }
  }
  if (history_.came_up() && !ending.id.empty()) ending.evidence.push_back(traffic_words());
  return ending;
}

/// The server is heard, and has not acknowledged anything.
bool ClientCall::is_one_way() const {
  return engine_->rx().receiver().highest_received() && !sent().was_acknowledged;
}

std::string ClientCall::traffic_words() const {
  const TimePoint now = around_.loop.now();
  const auto seconds = [](Duration time) { return std::chrono::duration<double>(time).count(); };
  return fmt::format(
      "up for {:.0f} s, {} packets sent, {} received, nothing from the server in the last {:.0f} s",
      seconds(now - up_since_), sent().traffic.packets, engine_->rx().counters().packets,
      seconds(now - last_heard_));
}

OverCall ClientCall::told(Ending ending) const {
  OverCall over;
  over.to = {
      .server = {server_, request_.at.server.port}, .mark = request_.mark, .our_port = our_port_};
  over.was_up = history_.came_up();
  if (!server_.is_zero()) over.seen.resolved = server_.text();
  if (engine_) history_.tell(*engine_, sent(), ending.id, over.seen);
  if (ending.status() != 0) over.seen.ended = problem_of(ending);
  over.ending = std::move(ending);
  return over;
}

/// Closes our direction and waits for the server to close its own, but not for long.
void ClientCall::hang_up() {
  if (std::exchange(hung_up_, true)) return;
  stream_->finish_sending();
  const TimePoint until = around_.loop.now() + io::TcpStream::kLinger;
  linger_timer_.set(goodbye_ends_ ? std::min(until, *goodbye_ends_) : until);
}

void ClientCall::over(Ending ending) {
  if (std::exchange(over_, true)) return;
  gre_watch_.reset();
  if (transmit_) transmit_->stop();
  linger_timer_.set(std::nullopt);
  around_.owner.call_over(std::move(ending));
}

// --- being asked ---

TxReport ClientCall::sent() const {
  return transmit_ ? transmit_->report() : engine_->tx().report();
}

Drops ClientCall::drops() const {
  Drops drops;
  if (engine_) drops += engine_->drops();
  if (transmit_) drops += transmit_->report().drops;
  if (gre_) drops += gre_->drops();
  return drops;
}

std::optional<io::SentCounts> ClientCall::sent_by() const {
  if (transmit_) return transmit_->sent_by();
  return gre_ ? gre_->sent_by() : std::nullopt;
}

EndingContext ClientCall::context() const {
  if (credentials_) return context_for(request_.at.server.host, *credentials_);
  EndingContext context;
  context.server = request_.at.server.host;
  return context;
}

}  // namespace pptp::app
