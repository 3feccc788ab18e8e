#include "tunnel/acceptor.h"

#include <algorithm>
#include <utility>

#include "lib/ip_packet.h"
#include "lib/text.h"
#include "tunnel/gre.h"
#include "tunnel/sizes.h"

namespace pptp {
namespace {

/// This part of the pool is kept for calls whose user is known.
constexpr std::size_t kReserve = 4;
/// Nothing is known of the path to a client but that Ethernet ends it.
constexpr std::uint32_t kOuterMtu = 1500;

/// What one call has to say, with its client's address before it. Who is not known yet says nothing
/// above information: its end is told in one line (SessionDown), and nobody's is to fill the log.
class SessionLog final : public LogSink {
 public:
  SessionLog(Log out, Ipv4Address from, const bool& known) noexcept
      : out_(out), from_(from), known_(known) {}

  void line(LogLevel level, std::string_view text) noexcept override {
    if (!out_) return;
    Text<240> line(from_.text());
    out_.line(known_ ? level : std::min(level, LogLevel::info), line.add(": ").add(text).view());
  }

 private:
  Log out_;
  Ipv4Address from_;
  const bool& known_;
};

}  // namespace

struct Acceptor::Session {
  SessionId id;
  Ipv4Address from;
  Ipv4Address at;
  CallId call_id;
  bool authenticated = false;
  SessionLog log;
  Engine engine;
  std::string claimed;  ///< who somebody says to be
  std::string user;     ///< who has proven it
  std::string account;  ///< whose address it has
  std::optional<Ipv4Address> address;
  std::optional<MppeParameters> encryption;
  Deadline deadline;
  Deadlines::node_type unused;  ///< its place among the deadlines while it has none
  bool was_up = false;
  bool closing = false;  ///< the caller has been told to close TCP

  Session(SessionId session, Ipv4Address peer, Ipv4Address ours, CallConfig config,
          PacketPool& pool, Entropy& entropy, Log out)
      : id(session),
        from(peer),
        at(ours),
        call_id(config.call_id),
        log(out, peer, authenticated),
        engine(std::move(config), pool, entropy, Log(&log)) {}
};

Acceptor::Acceptor(AcceptorConfig config, PacketPool& pool, Entropy& entropy, Log log)
    : config_(std::move(config)),
      pool_(pool),
      entropy_(entropy),
      log_(log),
      addresses_(config_.pool, config_.address) {
  config_.call.role = Role::server;
}

Acceptor::~Acceptor() = default;

std::optional<SessionId> Acceptor::accepted(TimePoint now, Ipv4Address from, Ipv4Address at) {
  if (sessions_.size() >= config_.max_sessions) return std::nullopt;
  const auto strangers = strangers_.find(from);
  if (strangers != strangers_.end() && strangers->second >= config_.max_strangers_per_source) {
    return std::nullopt;
  }
  const std::optional<CallId> call_id = free_call_id(from);
  if (!call_id) return std::nullopt;
  CallConfig call = config_.call;
  call.call_id = *call_id;
  const SessionId id(++last_session_);
  auto session = std::make_unique<Session>(id, from, at, std::move(call), pool_, entropy_, log_);
  Session& made = *session;
  by_call_.emplace(GreKey{from, *call_id}, &made);
  sessions_.emplace(id, std::move(session));
  ++strangers_[from];
  made.engine.connected(now);
  collect(now, made);
  return id;
}

void Acceptor::control_received(TimePoint now, SessionId id, Bytes octets) {
  Session* const session = find(id);
  if (session == nullptr) return;
  session->engine.control_received(now, octets);
  collect(now, *session);
}

void Acceptor::control_closed(TimePoint now, SessionId id) {
  Session* const session = find(id);
  if (session == nullptr) return;
  session->closing = true;
  session->engine.control_closed(now);
  collect(now, *session);
  take_back_address(*session);
  by_call_.erase(GreKey{session->from, session->call_id});
  if (!session->authenticated) forget_stranger(session->from);
  if (session->deadline) deadlines_.erase({*session->deadline, id});
  drops_of_the_gone_ += session->engine.drops();
  sessions_.erase(id);
}

std::optional<ControlOutput> Acceptor::poll_control() {
  if (control_.empty()) return std::nullopt;
  ControlOutput output = std::move(control_.front());
  control_.pop_front();
  return output;
}

void Acceptor::gre_received(TimePoint now, std::span<GreDatagram> datagrams) {
  while (!datagrams.empty()) {
    const auto batch = datagrams.first(std::min(datagrams.size(), kRow));
    datagrams = datagrams.subspan(batch.size());
    std::array<Session*, kRow> sessions{};
    for (std::size_t i = 0; i < batch.size(); ++i)
      sessions[i] = admit(batch[i], i > 0 ? sessions[i - 1] : nullptr);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      Session* const session = sessions[i];
      if (session == nullptr) continue;
      std::size_t in_row = 0;
      for (std::size_t j = i; j < batch.size(); ++j) {
        if (sessions[j] != session) continue;
        sessions[j] = nullptr;
        row_[in_row++] = std::move(batch[j].packet);
      }
      session->engine.gre_received(now, std::span(row_).first(in_row));
      collect(now, *session);
    }
  }
}

/// Whose packet it is; `before`: the likeliest. nullptr, and it is gone: nobody is to have it.
Acceptor::Session* Acceptor::admit(GreDatagram& datagram, Session* before) {
  Packet packet = std::move(datagram.packet);
  const Result<ParsedGre> gre = parse_gre(packet.bytes());
  if (!gre) {
    drops_.count(Drop::gre_malformed);
    return nullptr;
  }
  Session* session = before;
  if (session == nullptr || session->from != datagram.peer || session->call_id != gre->call) {
    const auto found = by_call_.find(GreKey{datagram.peer, gre->call});
    if (found == by_call_.end()) {
      drops_.count(Drop::gre_other_call);
      return nullptr;
    }
    session = found->second;
  }
  const std::size_t reserve = pool_.capacity() / kReserve;
  if (!session->authenticated && pool_.available() < reserve) {
    drops_.count(Drop::no_slot);
    return nullptr;
  }
  datagram.packet = std::move(packet);
  return session;
}

std::optional<GreDatagram> Acceptor::poll_gre() {
  return gre_.pop();
}

void Acceptor::ip_received(TimePoint now, std::span<Packet> packets) {
  Session* session = nullptr;
  std::size_t in_row = 0;
  const auto hand_on = [&] {
    const auto row = std::span(row_).first(std::exchange(in_row, 0));
    if (row.empty()) return;
    const std::size_t sealed = session->engine.seal(now, row);
    for (Packet& packet : row.first(sealed))
      gre_.push({std::move(packet), session->at, session->from});
  };
  for (Packet& packet : packets) {
    if (!is_whole_ipv4(packet.bytes())) {
      drops_.count(Drop::send_malformed);
      packet.release();
      continue;
    }
    const auto found = by_address_.find(ipv4_destination(packet.bytes()));
    if (found == by_address_.end()) {
      drops_.count(Drop::send_no_route);
      packet.release();
      continue;
    }
    if (found->second != session || in_row == row_.size()) hand_on();
    session = found->second;
    row_[in_row++] = std::move(packet);
  }
  hand_on();
}

std::optional<Packet> Acceptor::poll_ip() {
  return ip_.pop();
}

void Acceptor::supply_secret(TimePoint now, SessionId id, const Credentials* credentials) {
  Session* const session = find(id);
  if (session == nullptr) return;
  session->engine.supply_secret(now, credentials);
  collect(now, *session);
}

void Acceptor::give_address(TimePoint now, SessionId id, std::string_view account,
                            std::optional<Ipv4Address> address) {
  Session* const session = find(id);
  if (session == nullptr || !session->authenticated) return;
  // Who authenticates anew keeps what it has, unless it is somebody else now.
  if (session->account != account) take_back_address(*session);
  session->account = account;
  if (!session->address) take_address(now, *session, address);
  if (session->address) {
    session->engine.assign(now, {config_.address, *session->address, config_.dns, config_.wins});
  } else {
    session->engine.close(now, {Cause::ipcp_no_local_address, 0, {}});
  }
  collect(now, *session);
}

void Acceptor::password_stored(TimePoint now, SessionId id, bool stored) {
  Session* const session = find(id);
  if (session == nullptr) return;
  session->engine.password_stored(now, stored);
  collect(now, *session);
}

void Acceptor::close(TimePoint now, SessionId id, End end) {
  Session* const session = find(id);
  if (session == nullptr) return;
  session->engine.close(now, std::move(end));
  collect(now, *session);
}

void Acceptor::close_all(TimePoint now, const End& end) {
  for (auto& [id, session] : sessions_) {
    session->engine.close(now, end);
    collect(now, *session);
  }
}

std::optional<SessionEvent> Acceptor::poll_event() {
  if (events_.empty()) return std::nullopt;
  SessionEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

void Acceptor::on_deadline(TimePoint now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    Session* const session = find(deadlines_.begin()->second);
    session->deadline.reset();
    session->unused = deadlines_.extract(deadlines_.begin());
    session->engine.on_deadline(now);
    collect(now, *session);
  }
}

Deadline Acceptor::next_deadline() const noexcept {
  return deadlines_.empty() ? Deadline() : deadlines_.begin()->first;
}

Drops Acceptor::total_drops() const noexcept {
  Drops all = drops_;
  all += drops_of_the_gone_;
  for (const auto& [id, session] : sessions_)
    all += session->engine.drops();
  return all;
}

void Acceptor::observe(SessionId id, CallObserver* observer) noexcept {
  if (Session* const session = find(id)) session->engine.observe(observer);
}

const Engine* Acceptor::engine(SessionId id) const noexcept {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : &found->second->engine;
}

Acceptor::Session* Acceptor::find(SessionId id) noexcept {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second.get();
}

/// One of them has been authenticated, or has gone.
void Acceptor::forget_stranger(Ipv4Address from) {
  const auto found = strangers_.find(from);
  if (--found->second == 0) strangers_.erase(found);
}

/// Random, so that an id is not soon used again and cannot be guessed; 0 is never chosen
/// (note 3.2).
std::optional<CallId> Acceptor::free_call_id(Ipv4Address from) {
  constexpr int kTries = 64;
  for (int i = 0; i < kTries; ++i) {
    const CallId id(entropy_.u16());
    if (id.value() != 0 && !by_call_.contains(GreKey{from, id})) return id;
  }
  return std::nullopt;
}

/// Takes all that a session has to say after it has been fed, and keeps its place in the deadlines.
void Acceptor::collect(TimePoint now, Session& session) {
  while (std::optional<EngineEvent> event = session.engine.poll_event()) {
    on_event(session, *std::move(event));
  }
  while (std::optional<std::vector<std::uint8_t>> octets = session.engine.poll_control()) {
    control_.push_back({session.id, *std::move(octets), false});
  }
  while (std::optional<Packet> packet = session.engine.poll_gre(now)) {
    gre_.push({*std::move(packet), session.at, session.from});
  }
  while (std::optional<Packet> packet = session.engine.poll_ip()) {
    // A peer speaks for the address it was given and for no other.
    if (ipv4_source(packet->bytes()) == session.address) {
      ip_.push(*std::move(packet));
    } else {
      drops_.count(Drop::source_forged);
    }
  }
  if (session.engine.control_finished() && !session.closing) {
    session.closing = true;
    control_.push_back({session.id, {}, true});
  }
  const Deadline next = session.engine.next_deadline();
  if (next == session.deadline) return;
  if (session.deadline) session.unused = deadlines_.extract({*session.deadline, session.id});
  session.deadline = next;
  if (!next) return;
  if (!session.unused) {
    deadlines_.emplace(*next, session.id);
  } else {
    session.unused.value().first = *next;
    deadlines_.insert(std::move(session.unused));
  }
}

void Acceptor::on_event(Session& session, EngineEvent&& event) {
  if (SecretWanted* wanted = std::get_if<SecretWanted>(&event)) {
    session.claimed = wanted->user;
    events_.emplace_back(SessionSecretWanted{session.id, std::move(wanted->user)});
  } else if (NewPasswordChosen* chosen = std::get_if<NewPasswordChosen>(&event)) {
    events_.emplace_back(
        SessionPasswordChosen{session.id, std::move(chosen->user), std::move(chosen->password)});
  } else if (Authenticated* authenticated = std::get_if<Authenticated>(&event)) {
    // A re-authentication makes nobody known twice.
    if (!std::exchange(session.authenticated, true)) forget_stranger(session.from);
    session.user = std::move(authenticated->peer_name);
    events_.emplace_back(SessionAuthenticated{session.id, session.user});
  } else if (const EncryptionAgreed* agreed = std::get_if<EncryptionAgreed>(&event)) {
    session.encryption = agreed->send;
  } else if (std::holds_alternative<NetworkUp>(event)) {
    session.was_up = true;
    session.engine.set_mtu(
        inner_mtu(kOuterMtu, session.engine.peer_mru(), session.encryption.has_value()));
    by_address_[*session.address] = &session;
    events_.emplace_back(
        SessionUp{session.id, session.user, session.from, *session.address, session.encryption});
  } else if (std::holds_alternative<NetworkDown>(event)) {
    if (session.address) by_address_.erase(*session.address);
  } else if (CallEnded* ended = std::get_if<CallEnded>(&event)) {
    take_back_address(session);
    events_.emplace_back(SessionDown{.session = session.id,
                                     .user = session.authenticated ? session.user : session.claimed,
                                     .from = session.from,
                                     .authenticated = session.authenticated,
                                     .was_up = session.was_up,
                                     .end = std::move(ended->end)});
  }
}

void Acceptor::take_address(TimePoint now, Session& session, std::optional<Ipv4Address> wanted) {
  if (!wanted) {
    session.address = addresses_.acquire();
    return;
  }
  end_predecessor(now, session, *wanted);
  if (addresses_.acquire(*wanted)) session.address = wanted;
}

/// The newest login wins: a client that comes from elsewhere, or back, cannot say goodbye to a call
/// whose way is gone, and need not wait until the server has noticed.
void Acceptor::end_predecessor(TimePoint now, const Session& session, Ipv4Address wanted) {
  const auto found = std::ranges::find_if(sessions_, [&](const auto& entry) {
    return entry.second->address == wanted && entry.second->account == session.account;
  });
  if (found == sessions_.end()) return;
  Session& predecessor = *found->second;
  take_back_address(predecessor);
  predecessor.engine.close(now, {Cause::replaced, 0, {}});
  collect(now, predecessor);
}

void Acceptor::take_back_address(Session& session) {
  if (!session.address) return;
  by_address_.erase(*session.address);
  addresses_.give_back(*session.address);
  session.address.reset();
}

}  // namespace pptp
