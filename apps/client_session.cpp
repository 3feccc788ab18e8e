#include "apps/client_session.h"

#include <algorithm>
#include <csignal>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "apps/link_local.h"
#include "apps/password.h"
#include "apps/runtime.h"
#include "apps/terminal.h"
#include "apps/undo_words.h"
#include "lib/batches.h"
#include "lib/ip_packet.h"

namespace pptp::app {
namespace {

/// Packets that wait for a call which they have asked for.
constexpr std::size_t kMostHeld = 64;
static_assert(kMostHeld <= io::TransmitThread::kMostFrames / 2, "with room for frames");

/// Whether a packet is worth a call: not what a kernel says to whoever is there.
bool asks_for_a_call(Bytes packet) noexcept {
  constexpr std::uint32_t kFirstMulticast = 0xe000'0000;
  return ipv4_length(packet) && ipv4_destination(packet).value() < kFirstMulticast;
}

/// Whether a packet keeps a call from being idle: the same in IPv6 (RFC 4291 2.7).
bool is_traffic(Bytes packet) noexcept {
  constexpr std::uint8_t kMulticast = 0xff;
  if (!ipv6_length(packet)) return asks_for_a_call(packet);
  return ipv6_destination(packet).front() != kMulticast;
}

RedialPolicy::Config redial_config(const Profile::Link& link) {
  return {.reconnect = link.reconnect,
          .max_attempts = link.max_attempts,
          .first = link.retry_first,
          .limit = link.retry_limit};
}

}  // namespace

Ending run_session(Profile profile, Credentials credentials, const io::RuntimeDir& directory,
                   LogSink& log, Progress& progress, CallRecorder& recorder,
                   io::CommandRoom* room) {
  io::IoResult<io::ProfileLock> lock = directory.lock(profile.name);
  if (!lock) return ending_of(lock.error());
  const std::string name = profile.name;
  Ending ending = ClientSession(std::move(profile), std::move(credentials), directory,
                                *std::move(lock), log, progress, recorder, room)
                      .run();
  remember_ending(directory, name, ending);
  return ending;
}

ClientSession::ClientSession(Profile profile, Credentials credentials,
                             const io::RuntimeDir& directory, io::ProfileLock lock, LogSink& log,
                             Progress& progress, CallRecorder& recorder, io::CommandRoom* room)
    : profile_(std::move(profile)),
      credentials_(std::make_shared<const Credentials>(std::move(credentials))),
      directory_(directory),
      lock_(std::move(lock)),
      log_(&log),
      progress_(progress),
      recorder_(recorder),
      room_(room),
      pool_(ClientCall::kPoolSlots + kMostHeld),
      route_timer_(loop_, [this] { watch_route(); }),
      limit_timer_(loop_, [this] { check_limits(); }),
      redial_timer_(loop_, [this] { waited(); }),
      rest_timer_(loop_,
                  [this] {
                    if (device_watch_) device_readable();
                  }),
      scripts_(loop_, log_, profile_),
      encrypted_(io::StateDir::of_this_user(), profile_.name),
      redial_(redial_config(profile_.link)),
      servers_(loop_, profile_.servers),
      has_terminal_(terminal_is_there()),
      since_(std::chrono::system_clock::now()) {}

ClientSession::~ClientSession() = default;

Ending ClientSession::run() {
  const auto handler = [this](int signal) { on_signal(signal); };
  if (room_ != nullptr) {
    loop_.on_signals({SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2}, handler);
  } else if (hangup_is_ignored()) {
    loop_.on_signals({SIGINT, SIGTERM, SIGUSR1}, handler);
  } else {
    loop_.on_signals({SIGINT, SIGTERM, SIGHUP, SIGUSR1}, handler);
  }
  if (const io::IoResult<void> ready = prepare(); !ready) {
    finish(ending_of(ready.error(), context()));
  } else {
    if (profile_.link.demand) {
      prepare_demand();
    } else {
      dial();
      servers_.look_up_others();
    }
    if (!ending_) loop_.run();
  }
  take_back_host_changes();
  explain_end();
  return *std::move(ending_);
}

// --- making calls ---

/// What can fail without the server: better now than with a call half made.
io::IoResult<void> ClientSession::prepare() {
  if (auto fine = scripts_.check(); !fine) return fine;
  io::IoResult<io::HostState> host = io::HostState::create(directory_, lock_);
  if (!host) return std::unexpected(host.error());
  host_.emplace(*std::move(host));
  if (host_->recovered().undone > 0) {
    log(LogLevel::notice, fmt::format("took back {} change(s) that a call which did not end well "
                                      "had left on this host",
                                      host_->recovered().undone));
  }
  if (auto made = make_device(); !made) return made;
  io::IoResult<io::ControlServer> control = io::ControlServer::open(
      loop_, directory_, lock_, [this](const nlohmann::json& request) { return answer(request); });
  if (!control) return std::unexpected(control.error());
  control_server_.emplace(*std::move(control));
  return {};
}

/// Looks the servers up while that can be done: with the interface come routes, which may lead to
/// the name servers.
void ClientSession::prepare_demand() {
  progress_.phase(fmt::format("looking up {}", servers_.current().host));
  servers_.look_up_all([this](const io::IoResult<void>& found) {
    if (!found) return finish(ending_of(found.error(), context()));
    if (const io::IoResult<void> configured = configure_dormant(); !configured) {
      return finish(host_config_failed(configured.error()));
    }
    sleep();
    progress_.up(report());
  });
}

/// No call, until there is something to send.
void ClientSession::sleep() {
  servers_.begin_again();
  redial_at_.reset();
  enter(CallState::idle);
}

void ClientSession::hold(Packet packet) {
  // Nothing is kept for a call that is not being made.
  const bool in_vain = state_ == CallState::reconnecting || held_.size() == kMostHeld;
  if (in_vain || !asks_for_a_call(packet.bytes())) {
    dropped_.count(Drop::send_not_up);
    return;
  }
  held_.push_back(std::move(packet));
  if (state_ == CallState::idle) dial();
}

/// What was to be sent as soon as it would not be lost: on demand, or by the command.
void ClientSession::peer_ready() {
  if (state_ != CallState::up) return;
  if (const io::IoResult<void> ran = run_command(); !ran)
    return end(ending_of(ran.error(), context()));
  send(held_);
  held_.clear();
  if (device_carries_) read_device();
}

void ClientSession::send(std::span<Packet> packets) {
  call_->send(packets.first(outbound(packets)));
}

/// Before they are sent, on whichever thread does that. How many are to go; those come first.
std::size_t ClientSession::outbound(std::span<Packet> packets) {
  const std::lock_guard guard(sending_lock_);
  const auto traffic = [](const Packet& packet) { return is_traffic(packet.bytes()); };
  if (counts_idle_time() && std::ranges::any_of(packets, traffic)) last_traffic_ = loop_.now();
  const auto kept_back = std::ranges::remove_if(
      packets, [this](Packet& packet) { return !translation_.outbound(packet.mutable_bytes()); });
  return packets.size() - kept_back.size();
}

/// For a call that reads them by itself, where the profile wants that and the device can.
std::optional<ClientCall::HostPackets> ClientSession::host_packets() {
  std::optional<io::Tun> from = profile_.link.threads == 2 ? device_->second() : std::nullopt;
  if (!from) return std::nullopt;
  return ClientCall::HostPackets{
      .from = *std::move(from),
      .admit = [this](std::span<Packet> packets) { return outbound(packets); },
      .device_gone = [this] { device_gone(); }};
}

void ClientSession::dial() {
  redial_at_.reset();
  if (was_up_) scripts_.calling_again(script_facts());
  enter(CallState::connecting);
  call_.emplace(ClientCall::Surroundings{.loop = loop_,
                                         .entropy = entropy_,
                                         .pool = pool_,
                                         .log = log_,
                                         .progress = progress_,
                                         .recorder = recorder_,
                                         .owner = *this},
                profile_, credentials_,
                ClientCall::Request{.at = servers_.attempt(),
                                    .path_mtu = probed_,
                                    .ipv6_id = ipv6_id_,
                                    .mark = mark_.value_or(0),
                                    .may_try_again = CredentialsPrompt::possible(),
                                    .tell_ready = profile_.link.demand || room_ != nullptr,
                                    .host = host_packets()});
  if (const io::IoResult<void> dialled = call_->dial(); !dialled) {
    finish(ending_of(dialled.error(), context()));
  }
}

void ClientSession::call_ended(Ending ending) {
  past_ += counters();
  prompt_.reset();
  OverCall call = call_->told(ending);
  call_.reset();
  if (device_carries_) read_device();
  if (ending_) return;
  if (asked_to_end_) return finish(*std::move(asked_to_end_));
  if (std::exchange(call_again_at_once_, false)) return dial();
  if (try_next_server(ending)) return dial();
  const bool on_demand = profile_.link.demand;
  if (on_demand && ending.exit == ExitStatus::idle_time) {
    sleep();
    if (!held_.empty()) dial();  // came while the call was being ended
    return;
  }
  if (!was_up_ && !on_demand) return give_up(std::move(call));
  const std::optional<Redial> redial = redial_.after(ending, entropy_);
  if (!redial) return give_up(std::move(call));
  log(LogLevel::warning,
      fmt::format("{} [{}]; calling again in {:.1f} s", ending.summary, ending.id,
                  std::chrono::duration<double>(redial->after).count()));
  wait(*redial);
  look_into(std::move(call));
}

void ClientSession::give_up(OverCall call) {
  finish(call.ending);
  if (!call.was_up) given_up_ = std::move(call);
}

/// Once nothing of it is left on this host; until then, or a signal, it is known how it ended, but
/// not why.
void ClientSession::explain_end() {
  if (!given_up_) return;
  device_.reset();
  postmortem_.emplace(loop_, *std::move(given_up_), [this](Ending told) {
    ending_ = std::move(told);
    loop_.stop();
  });
  loop_.run();
}

/// Why an attempt has failed, unless the one before it has failed in the same way.
void ClientSession::look_into(OverCall call) {
  postmortem_.reset();
  if (!call.was_up && call.ending.id == looked_into_) return;
  last_ = {call.ending.status(), call.ending.id, call.ending.summary};
  looked_into_ = call.was_up ? std::string() : call.ending.id;
  if (call.was_up) return;
  postmortem_.emplace(loop_, std::move(call), [this](const Ending& told) {
    if (told.id != last_->id)
      log(LogLevel::warning, fmt::format("the likely cause: {} [{}]: {}", told.summary, told.id,
                                         fmt::join(told.evidence, "; ")));
    last_ = {told.status(), told.id, told.summary};
  });
}

/// The servers of the list are tried in turn before anything is waited for.
bool ClientSession::try_next_server(const Ending& ending) {
  if (!another_server_may_help(ending) || !servers_.next()) return false;
  log(LogLevel::notice, next_server_words(ending));
  return true;
}

void ClientSession::wait(const Redial& redial) {
  dropped_.count(Drop::send_not_up, held_.size());
  held_.clear();
  enter(CallState::reconnecting);
  servers_.begin_again();
  redial_at_ = loop_.now() + redial.after;
  waits_for_way_ = redial.or_route_change;
  way_ = way_outside();
  const TimePoint next_look = loop_.now() + kRouteCheckInterval;
  redial_timer_.set(waits_for_way_ ? std::min(*redial_at_, next_look) : *redial_at_);
}

bool ClientSession::way_has_appeared() {
  if (device_->is_in_our_namespace()) {
    const io::IoResult<bool> found = host_->refresh_server_route();
    return found && *found;
  }
  const std::optional<io::RouteAnswer> way = way_outside();
  return way && !(way_ && way->is_same_way(*way_));
}

/// To the server, where no tunnel of ours can be in between.
std::optional<io::RouteAnswer> ClientSession::way_outside() const {
  io::IoResult<io::Netlink> netlink = io::Netlink::open();
  if (!netlink) return std::nullopt;
  io::IoResult<io::RouteAnswer> way = netlink->route_to(outside_);
  if (!way) return std::nullopt;
  return *std::move(way);
}

void ClientSession::waited() {
  if (!redial_at_) return;
  if (loop_.now() < *redial_at_) {
    if (!way_has_appeared()) {
      redial_timer_.set(std::min(*redial_at_, loop_.now() + kRouteCheckInterval));
      return;
    }
    log(LogLevel::notice, "there is a way to the server again");
  }
  // What has waited so long is nobody's any more.
  if (profile_.link.demand) return sleep();
  dial();
}

void ClientSession::call_again(std::string_view why) {
  if (ending_) return;
  if (asked_to_end_ || (!call_ && !network_)) return;  // names are being looked up
  log(LogLevel::notice, fmt::format("{}: calling again", why));
  servers_.begin_again();
  if (!call_) return dial();
  call_again_at_once_ = true;
  call_->close(Ending{});
}

// --- what a call comes to ---

io::IoResult<void> ClientSession::call_trying(Ipv4Address server) {
  if (!network_) return {};
  // The tunnel stands, and must not carry the call that is to carry it.
  if (auto moved = host_->move_server(server); !moved) return moved;
  outside_ = server;
  return {};
}

void ClientSession::call_event(const EngineEvent& event) {
  if (const PhaseChanged* changed = std::get_if<PhaseChanged>(&event)) {
    phase_changed(changed->phase);
  } else if (const AnotherTry* another = std::get_if<AnotherTry>(&event)) {
    ask_again(*another);
  } else if (std::holds_alternative<Authenticated>(event)) {
    if (std::exchange(password_changes_, false)) log(LogLevel::notice, password_changed(profile_));
  } else if (const NetworkUp* up = std::get_if<NetworkUp>(&event)) {
    network_up(*up);
  } else if (std::holds_alternative<NetworkDown>(event)) {
    enter(CallState::negotiating);
    if (device_carries_) read_device();
  } else if (const Ipv6Up* ipv6 = std::get_if<Ipv6Up>(&event);
             ipv6 != nullptr && device_->is_in_our_namespace()) {
    accept_default_router(device_->name(), profile_.network.default_route, log_);
    set_link_local(device_->index(), ipv6_id_, ipv6->local, log_);
  } else if (std::holds_alternative<PeerReady>(event)) {
    peer_ready();
  }
}

void ClientSession::phase_changed(Phase phase) {
  if (phase == Phase::establish) {
    progress_.phase("negotiating the link");
    enter(CallState::connecting);
  } else if (phase == Phase::authenticate) {
    progress_.phase(fmt::format("authenticating as {}", printable(credentials_->user())));
    enter(CallState::authenticating);
  } else if (phase == Phase::network) {
    progress_.phase("negotiating encryption and addresses");
    enter(CallState::negotiating);
  }
}

void ClientSession::ask_again(const AnotherTry& another) {
  prompt_.emplace(loop_, CredentialsPrompt::question_of(another), credentials_->user(),
                  [this, another](std::optional<SecretText> password) {
                    if (!call_) return;
                    if (!password) return close(ending_of(another.end, context()));
                    credentials_ = credentials_with(profile_, *std::move(password));
                    password_changes_ = another.change_password;
                    call_->try_again(credentials_);
                  });
}

void ClientSession::call_received(TimePoint now, std::span<Packet> packets) {
  {
    const std::lock_guard guard(sending_lock_);
    for (Packet& packet : packets) {
      if (counts_idle_time() && is_traffic(packet.bytes())) last_traffic_ = now;
      translation_.inbound(packet.mutable_bytes());
    }
  }
  device_->write(packets);
  if (!device_->gone() || !device_carries_) return;
  // Later, when the call is not in the middle of what it has received.
  leave_device();
  loop_.post([this] { device_gone(); });
}

/// We are inside of the call, which goes.
void ClientSession::call_over(Ending ending) {
  route_timer_.set(std::nullopt);
  limit_timer_.set(std::nullopt);
  loop_.post([this, ending = std::move(ending)]() mutable { call_ended(std::move(ending)); });
}

// --- packets and time ---

/// Whose turn it is: the call's, where it can and is up, and nothing is before what it would read.
void ClientSession::read_device() {
  device_carries_ = true;
  const bool call_can = call_ && call_->reads();
  if (call_can && state_ == CallState::up && held_.empty()) {
    device_watch_.reset();
    rest_timer_.set(std::nullopt);
    drop_rest();
    call_->begin_reading();
  } else if (!device_watch_) {
    if (call_can) call_->end_reading();
    device_watch_.emplace(loop_, device_->fd());
    device_watch_->on_readable([this] { device_readable(); });
  }
}

/// Of a long packet that came before there was a call. The rest would come out after it.
void ClientSession::drop_rest() {
  for (int i = 0; i < kBatchesAtATime && device_->has_rest(); ++i)
    dropped_.count(Drop::send_not_up, device_->read(pool_, batch_));
}

void ClientSession::leave_device() {
  device_carries_ = false;
  device_watch_.reset();
}

void ClientSession::device_readable() {
  for (int i = 0; i < kBatchesAtATime; ++i) {
    const std::size_t count = device_->read(pool_, batch_);
    if (device_->gone()) return device_gone();
    if (count == 0) break;
    from_host(std::span(batch_).first(count));
    if (ending_ || count < batch_.size()) break;
  }
  if (device_->has_rest()) rest_timer_.set(loop_.now());
}

void ClientSession::from_host(std::span<Packet> packets) {
  if (state_ == CallState::up && held_.empty()) {
    send(packets);
  } else if (profile_.link.demand) {
    for (Packet& packet : packets)
      hold(std::move(packet));
  } else {
    dropped_.count(Drop::send_not_up, packets.size());
  }
}

/// Seconds without traffic, and seconds altogether.
void ClientSession::check_limits() {
  const Profile::Link& link = profile_.link;
  if (state_ != CallState::up) return;
  const TimePoint now = loop_.now();
  Deadline next;
  const auto check = [&](Duration limit, TimePoint since, Cause cause) {
    if (limit == Duration::zero()) return false;
    if (now >= since + limit) {
      close(ending_of(End{cause, 0, {}}, context()));
      return true;
    }
    next = next ? std::min(*next, since + limit) : since + limit;
    return false;
  };
  if (check(link.time_limit, up_since_, Cause::time_limit)) return;
  const TimePoint last_traffic = [this] {
    const std::lock_guard guard(sending_lock_);
    return last_traffic_;
  }();
  if (check(link.idle_timeout, last_traffic, Cause::idle_timeout)) return;
  limit_timer_.set(next);
}

// --- ending it ---

void ClientSession::on_signal(int signal) {
  if (room_watch_) {
    // From the keyboard it has come to the command as well.
    const bool from_keyboard = (signal == SIGINT || signal == SIGQUIT) && is_in_foreground();
    return from_keyboard ? void() : room_->send(signal);
  }
  if (signal == SIGUSR1) return log(LogLevel::notice, to_json(report()).dump());
  if (signal == SIGHUP && (!has_terminal_ || terminal_is_there())) {
    return call_again("HUP");
  }
  end(ending_of(Trouble::interrupted, {}, context()));
}

/// Ends the connection, whatever else is going on: also where its call is ending already, for a
/// reason after which another would be made.
void ClientSession::end(Ending why) {
  if (!asked_to_end_) asked_to_end_ = why;
  close(std::move(why));
}

/// Ends the call politely; `why` is what it will have come to.
void ClientSession::close(Ending why) {
  call_again_at_once_ = false;
  if (call_)
    call_->close(std::move(why));
  else
    finish(std::move(why));
}

void ClientSession::finish(Ending ending) {
  if (ending_) return loop_.stop();  // nobody waits any longer for why
  ending_ = std::move(ending);
  enter(CallState::failed);
  loop_.stop();
}

void ClientSession::take_back_host_changes() {
  leave_device();
  loss_watch_.reset();
  room_watch_.reset();
  if (!host_) return;
  scripts_.stop();
  tell_scripts(past_);
  // What was lowered on the way is put back first, so that undoing finds what the journal says.
  if (device_ && mtu_ != configured_mtu_ && !device_is_gone_ && !device_->gone())
    set_device_mtu(configured_mtu_);
  log_what_is_left(log_, LogLevel::error, host_->undo_all());
}

// --- being asked ---

nlohmann::json ClientSession::answer(const nlohmann::json& request) {
  const std::string command = request.value("command", "");
  if (command == "status" || command == "statistics") return to_json(report());
  if (command == "disconnect") {
    Ending asked;
    asked.summary = "disconnected";
    // 0 is for a call that was up; who waits for it to come up must not take this for that.
    const bool was_there = was_up_ || network_;
    end(was_there ? std::move(asked) : ending_of(Trouble::interrupted, "disconnected", context()));
    return {{"ok", true}};
  }
  if (command == "reconnect") {
    if (!was_up_) return {{"error", "it is connecting for the first time"}};
    call_again("asked to");
    return {{"ok", true}};
  }
  return {{"error", "unknown command"}};
}

void ClientSession::enter(CallState state) {
  if (state_ == state) return;
  log(LogLevel::debug, fmt::format("{} -> {}", name(state_), name(state)));
  state_ = state;
  since_ = std::chrono::system_clock::now();
}

}  // namespace pptp::app
