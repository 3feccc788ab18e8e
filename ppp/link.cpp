#include "ppp/link.h"

#include <algorithm>

#include "lib/text.h"

namespace pptp {
namespace {

/// RFC 791: what every path takes, inside of our headers too.
constexpr std::uint16_t kProbedLeast = 576;

// Ours. RFC 1661 5.7 asks for a Protocol-Reject each, but a peer in disorder, or somebody else who
// can reach us, is not to be answered without bound.
constexpr unsigned kProtocolRejectBurst = 10;
constexpr Duration kProtocolRejectInterval = std::chrono::milliseconds(100);

LcpConfig lcp_config(const LinkConfig& config) {
  return {config.role, config.mru, config.pfc, config.acfc, config.methods};
}

bool speaks_of_mppe(std::string_view text) noexcept {
  constexpr std::string_view kWord = "mppe";
  return !std::ranges::search(text, kWord, {}, [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
          }).empty();
}

}  // namespace

std::string_view name(Phase phase) noexcept {
  switch (phase) {
    case Phase::dead:
      return "dead";
    case Phase::establish:
      return "establish";
    case Phase::authenticate:
      return "authenticate";
    case Phase::network:
      return "network";
    case Phase::terminate:
      return "terminate";
  }
  return "";
}

Link::Link(LinkConfig config, Entropy& entropy, Log log)
    : config_(std::move(config)),
      entropy_(entropy),
      log_(log),
      protocol_rejects_(kProtocolRejectBurst, kProtocolRejectInterval) {
  config_.echo_failures = std::max(config_.echo_failures, 1U);
}

// --- from outside ---

void Link::lower_up(TimePoint now) {
  if (phase_ != Phase::dead) return;
  end_.reset();
  was_encrypted_ = false;
  probed_ = false;
  rekeys_ = 0;
  lcp_.emplace(LcpPolicy(lcp_config(config_), entropy_, log_), config_.negotiation, log_);
  enter(Phase::establish);
  lcp_->negotiator.open(now);
  lcp_->negotiator.lower_up(now);
  settle(now);
}

void Link::lower_down(TimePoint, End end) {
  if (phase_ == Phase::dead) return;
  if (!end_) end_ = explained(std::move(end));
  finish();
  frames_.clear();
}

void Link::close(TimePoint now, End end) {
  terminate(now, std::move(end));
  settle(now);
}

std::optional<Drop> Link::receive(TimePoint now, PppProtocol protocol, Bytes information) {
  if (phase_ == Phase::dead) return Drop::ppp_wrong_phase;
  note_traffic(now);
  const std::optional<Drop> drop = dispatch(now, protocol, information);
  settle(now);
  return drop;
}

void Link::note_traffic(TimePoint now) noexcept {
  last_heard_ = now;
  if (lcp_) lcp_->policy.clear_echoes();
}

bool Link::request_reset(TimePoint now) {
  if (!ccp_) return true;
  const Deadline retry = ccp_->policy.request_reset(now, ccp_->negotiator);
  if (retry) timers_.set(Timer::reset, *retry);
  settle(now);
  return !retry;
}

void Link::supply_secret(TimePoint now, const Credentials* credentials) {
  if (!take_answer()) return;
  method_->supply(now, credentials);
  // RFC 2759 6: a peer that may try again asks its user first.
  if (std::holds_alternative<AuthPending>(method_->outcome())) {
    timers_.set(Timer::authentication, now + kAskingLimit);
  }
  settle(now);
}

void Link::password_stored(TimePoint now, bool stored) {
  if (!take_answer()) return;
  method_->password_stored(now, stored);
  settle(now);
}

void Link::try_again(TimePoint now, std::shared_ptr<const Credentials> credentials) {
  if (!credentials || !take_answer()) return;
  // The method may still need those before, until it has been told.
  const auto before = std::exchange(config_.credentials, std::move(credentials));
  method_->try_again(now, *config_.credentials);
  if (const auto* failure = std::get_if<AuthFailure>(&method_->outcome())) {
    terminate(now, end_of(*failure));  // these will not do
  } else {
    timers_.set(Timer::authentication, now + kAuthenticationLimit);
  }
  settle(now);
}

void Link::assign(TimePoint now, const IpAssignment& assignment) {
  if (config_.role != Role::server || phase_ != Phase::authenticate ||
      authentication_ != Authentication::succeeded) {
    return;
  }
  enter_network(now, IpcpPolicy::server(assignment));
  settle(now);
}

void Link::on_deadline(TimePoint now) {
  if (lcp_) lcp_->negotiator.on_deadline(now);
  if (method_) method_->on_deadline(now);
  if (ccp_) ccp_->negotiator.on_deadline(now);
  if (ipcp_) ipcp_->negotiator.on_deadline(now);
  if (ipv6cp_) ipv6cp_->negotiator.on_deadline(now);
  while (const std::optional<Timer> timer = timers_.take_expired(now)) {
    switch (*timer) {
      case Timer::echo:
        echo_due(now);
        break;
      case Timer::authentication:
        terminate(now, explained({Cause::auth_timeout, 0, {}}));
        break;
      case Timer::probe:
        break;  // settle() asks it
      case Timer::ready:
        peer_ready();
        break;
      case Timer::terminate:
        finish();
        break;
      case Timer::reset:
      case Timer::count_:
        break;
    }
  }
  settle(now);
}

Deadline Link::next_deadline() const noexcept {
  Deadline next = timers_.next();
  if (lcp_) next = earliest(next, lcp_->negotiator.next_deadline());
  if (method_) next = earliest(next, method_->next_deadline());
  if (ccp_) next = earliest(next, ccp_->negotiator.next_deadline());
  if (ipcp_) next = earliest(next, ipcp_->negotiator.next_deadline());
  if (ipv6cp_) next = earliest(next, ipv6cp_->negotiator.next_deadline());
  return next;
}

std::optional<ControlFrame> Link::poll_frame() {
  if (frames_.empty()) return std::nullopt;
  ControlFrame frame = std::move(frames_.front());
  frames_.pop_front();
  return frame;
}

std::optional<LinkEvent> Link::poll_event() {
  if (events_.empty()) return std::nullopt;
  LinkEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

// --- one thing at a time ---

void Link::settle(TimePoint now) {
  do {
    collect();
  } while (advance(now));
}

/// Lets one thing that happened in a protocol have its effect; false: nothing has happened.
bool Link::advance(TimePoint now) {
  if (!lcp_) return false;
  if (const auto signal = lcp_->negotiator.poll_signal()) {
    on_lcp(now, *signal);
    return true;
  }
  if (phase_ == Phase::terminate) return false;
  // The automaton goes on with its Terminate-Requests; why is known already.
  if (has_ended(lcp_->negotiator) || lcp_->policy.looped_back()) {
    terminate(now, lcp_end());
    return true;
  }
  if (const auto protocol = lcp_->policy.poll_protocol_reject()) {
    protocol_rejected(now, *protocol);
    return true;
  }
  const std::optional<Identifier> replied = lcp_->policy.take_echo_reply();
  if (advance_readiness(now, replied) || advance_probe(now, replied)) return true;
  if (method_ && advance_authentication(now)) return true;
  return phase_ == Phase::network && advance_network(now);
}

/// Whether it is closed or on the way there; not before it was opened.
bool Link::has_ended(const Negotiator& negotiator) noexcept {
  switch (negotiator.state()) {
    case State::closed:
    case State::stopped:
    case State::closing:
    case State::stopping:
      return true;
    case State::initial:
    case State::starting:
    case State::req_sent:
    case State::ack_rcvd:
    case State::ack_sent:
    case State::opened:
    case State::count_:
      return false;
  }
  return false;
}

/// Takes what each protocol has to send. Done after every step, so that frames leave in the order
/// in which the protocols had their say: a Failure before the Terminate-Request it leads to.
void Link::collect() {
  const auto take = [this](PppProtocol protocol, auto&& poll) {
    while (auto packet = poll())
      frames_.push_back({protocol, *std::move(packet)});
  };
  if (lcp_) take(protocol::kLcp, [&] { return lcp_->negotiator.poll_packet(); });
  if (method_) {
    take(auth_protocol(method_->kind()).protocol, [&] { return method_->poll(); });
  }
  if (ccp_) take(protocol::kCcp, [&] { return ccp_->negotiator.poll_packet(); });
  if (ipcp_) take(protocol::kIpcp, [&] { return ipcp_->negotiator.poll_packet(); });
  if (ipv6cp_) take(protocol::kIpv6cp, [&] { return ipv6cp_->negotiator.poll_packet(); });
}

std::optional<Drop> Link::dispatch(TimePoint now, PppProtocol protocol, Bytes information) {
  if (protocol == protocol::kLcp) return lcp_->negotiator.receive(now, information);
  // RFC 1661 3.4, 3.5, 3.7: in these phases all that does not belong to them is discarded silently.
  if (method_ && protocol == auth_protocol(method_->kind()).protocol) {
    return method_->receive(now, information);
  }
  if (phase_ != Phase::network) return Drop::ppp_wrong_phase;
  if (ccp_ && protocol == protocol::kCcp) return ccp_->negotiator.receive(now, information);
  if (protocol == protocol::kIpcp) {
    start_ipcp(now);
    return ipcp_->negotiator.receive(now, information);
  }
  if (protocol == protocol::kIpv6cp && config_.ipv6 && !ipv6cp_over_) {
    start_ipv6cp(now);
    return ipv6cp_->negotiator.receive(now, information);
  }
  // DEVIATION: RFC 1661 5.7 wants network layer packets rejected too. They come from a wrong
  // deciphering as well as from a peer, in numbers, and nobody acts on the Reject.
  if (!protocol.is_network_layer() && protocol_rejects_.admits(now)) {
    lcp_->policy.send_protocol_reject(lcp_->negotiator, protocol, information);
  }
  return Drop::ppp_unknown_protocol;
}

// --- phases ---

void Link::enter(Phase phase) {
  if (phase == phase_) return;
  log_.line(LogLevel::info, Text(name(phase_)).add(" -> ").add(name(phase)).view());
  phase_ = phase;
  events_.emplace_back(PhaseChanged{phase});
}

void Link::terminate(TimePoint now, End end) {
  if (phase_ == Phase::dead || phase_ == Phase::terminate) return;
  end_ = std::move(end);
  drop_upper_layers();
  lcp_->negotiator.close(now, name(end_->cause));
  timers_.clear_all();
  timers_.set(Timer::terminate, now + kTerminateLimit);
  enter(Phase::terminate);
}

void Link::finish() {
  if (phase_ == Phase::dead) return;
  drop_upper_layers();
  last_send_key_ = MppeKey();
  lcp_.reset();
  timers_.clear_all();
  enter(Phase::dead);
  if (!end_) end_ = End{Cause::internal_error, 0, {}};
  events_.emplace_back(LinkEnded{*end_});
}

void Link::drop_upper_layers() {
  probe_.reset();
  timers_.clear(Timer::probe);
  network_down();
  encryption_down();
  ipv6cp_.reset();
  ipcp_.reset();
  drop_ccp();
  method_.reset();
}

// --- LCP ---

void Link::on_lcp(TimePoint now, LayerSignal signal) {
  switch (signal) {
    case LayerSignal::up:
      if (phase_ == Phase::establish) lcp_up(now);
      break;
    case LayerSignal::down:
      if (phase_ == Phase::terminate) break;
      if (has_ended(lcp_->negotiator)) {
        terminate(now, lcp_end());
        break;
      }
      // RFC 1661 3.4: a Configure-Request takes an opened link back to the Establish phase; nothing
      // that was built on it outlives that.
      drop_upper_layers();
      timers_.clear_all();
      enter(Phase::establish);
      break;
    case LayerSignal::finished:
      if (!end_) end_ = lcp_end();
      finish();
      break;
    case LayerSignal::started:
      break;
  }
}

void Link::lcp_up(TimePoint now) {
  const LcpPolicy& lcp = lcp_->policy;
  lcp_->negotiator.set_max_packet(lcp.peer_mru());
  events_.emplace_back(FramingAgreed{lcp.peer_mru(), lcp.send_acfc(), lcp.send_pfc()});
  last_heard_ = now;
  if (config_.echo_interval > Duration::zero()) {
    timers_.set(Timer::echo, now + config_.echo_interval);
  }
  if (const std::optional<AuthMethod> method = lcp.auth()) {
    authenticate(now, *method);
  } else if (config_.role == Role::client) {
    enter_network(
        now, IpcpPolicy::client({config_.wanted_address, config_.want_dns, config_.want_wins}));
  } else {
    // A server that was configured to ask for nothing: it would let anybody in.
    terminate(now, {Cause::auth_no_common_method, 0, {}});
  }
}

End Link::unfinished() const {
  if (end_) return *end_;
  switch (phase_) {
    case Phase::dead:
    case Phase::terminate:
      return {};
    case Phase::establish:
      return lcp_end(FinishReason::timeout);
    case Phase::authenticate:
      return explained({Cause::auth_timeout, 0, {}});
    case Phase::network:
      if (ccp_ && !encrypted_ && config_.encryption.policy == EncryptionPolicy::require)
        return ccp_->policy.failure(FinishReason::timeout);
      return {Cause::ipcp_timeout, 0, {}};
  }
  return {};
}

End Link::lcp_end() const {
  const Negotiator& negotiator = lcp_->negotiator;
  if (!lcp_->policy.looped_back() && negotiator.finish_reason() == FinishReason::peer_terminated) {
    return explained({Cause::peer_terminated, 0, negotiator.terminate_text()});
  }
  return lcp_end(negotiator.finish_reason());
}

End Link::lcp_end(FinishReason reason) const {
  const LcpPolicy& lcp = lcp_->policy;
  if (lcp.looped_back()) return {Cause::looped_back, 0, {}};
  if (lcp.refused_auth()) {
    return {Cause::auth_no_common_method, lcp.refused_auth()->protocol.value(), {}};
  }
  const bool timeout = reason == FinishReason::timeout;
  return {timeout ? Cause::lcp_timeout : Cause::lcp_no_agreement, 0, {}};
}

/// A peer that leaves in the middle of something may leave because of it, where there is evidence.
End Link::explained(End end) const {
  // A server that allows another try and does not wait for it.
  if (method_ && authentication_ == Authentication::wants_answer) {
    if (const auto* failure = std::get_if<AuthFailure>(&method_->outcome())) {
      return end_of(*failure);
    }
  }
  if (end.cause != Cause::peer_terminated && end.cause != Cause::peer_cleared_call) return end;
  if (const auto refused = lcp_->policy.refused_auth()) {
    return {Cause::auth_no_common_method, refused->protocol.value(), std::move(end.text)};
  }
  if (ccp_ && !was_encrypted_ && config_.encryption.policy == EncryptionPolicy::require) {
    End why = ccp_->policy.failure(ccp_->negotiator.finish_reason());
    // Bits of the peer that will not do, its Terminate-Request for CCP, or its word: pppd's "MPPE
    // required but peer negotiation failed" (interop note 3.15). That CCP was not through yet
    // proves nothing.
    if (why.cause == Cause::mppe_bits_refused || why.cause == Cause::mppe_stateful_only ||
        ccp_->negotiator.peer_terminated() || speaks_of_mppe(end.text)) {
      why.text = std::move(end.text);
      return why;
    }
  }
  if (config_.encryption.policy == EncryptionPolicy::off && speaks_of_mppe(end.text)) {
    return {Cause::mppe_peer_requires, 0, std::move(end.text)};
  }
  return end;
}

void Link::protocol_rejected(TimePoint now, PppProtocol protocol) {
  log_.line(
      LogLevel::notice,
      Text("peer rejects protocol ").add_hex(protocol.value()).add(" ").add(name(protocol)).view());
  if (ccp_ && protocol == protocol::kCcp) {
    ccp_->negotiator.protocol_rejected(now);
  } else if (ipcp_ && protocol == protocol::kIpcp) {
    ipcp_->negotiator.protocol_rejected(now);
  } else if (ipv6cp_ && protocol == protocol::kIpv6cp) {
    ipv6cp_->negotiator.protocol_rejected(now);
  } else if (method_ && phase_ == Phase::authenticate &&
             protocol == auth_protocol(method_->kind()).protocol) {
    terminate(now, {Cause::auth_no_common_method, protocol.value(), {}});
  }
}

void Link::echo_due(TimePoint now) {
  if (!lcp_) return;
  if (now - last_heard_ < config_.echo_interval) {
    timers_.set(Timer::echo, last_heard_ + config_.echo_interval);
    return;
  }
  if (lcp_->policy.outstanding_echoes() >= config_.echo_failures) {
    terminate(now, {Cause::peer_not_responding, 0, {}});
    return;
  }
  lcp_->policy.send_echo(lcp_->negotiator);
  timers_.set(Timer::echo, now + config_.echo_interval);
}

/// Goes on with the search for what arrives, which begins when the network is up.
bool Link::advance_probe(TimePoint now, std::optional<Identifier> replied) {
  if (!probe_) {
    const std::uint16_t most = std::min(config_.probe_length, lcp_->policy.peer_mru());
    if (probed_ || !network_up_ || most <= kProbedLeast) return false;
    probed_ = true;
    probe_.emplace(kProbedLeast, most);
  }
  if (replied) probe_->replied(*replied);
  const std::optional<std::uint16_t> length = probe_->poll(now);
  if (length) {
    if (const auto id = lcp_->policy.send_uncounted_echo(lcp_->negotiator, *length))
      probe_->sent(now, *id);
  }
  if (const Deadline next = probe_->next_deadline()) timers_.set(Timer::probe, *next);
  if (probe_->over()) {
    if (const auto longest = probe_->arrived()) events_.emplace_back(PathProbed{*longest});
    timers_.clear(Timer::probe);
    probe_.reset();
  }
  return length.has_value();
}

// --- authentication ---

void Link::authenticate(TimePoint now, AuthMethod kind) {
  if (config_.role == Role::client) events_.emplace_back(AuthenticationWanted{kind});
  // Before anything is said that would serve nobody but a listener.
  if (config_.encryption.policy == EncryptionPolicy::require && !makes_keys(kind)) {
    terminate(now, {Cause::mppe_no_keys, 0, {}});
    return;
  }
  if (config_.role == Role::client && !config_.credentials) {
    terminate(now, {Cause::closed_locally, 0, {}});
    return;
  }
  MethodConfig method;
  method.role = config_.role;
  method.credentials = config_.role == Role::client ? config_.credentials.get() : nullptr;
  method.local_name = config_.local_name;
  method.retries = config_.retries;
  method_ = make_method(kind, std::move(method), entropy_);
  if (!method_) {
    terminate(now, {Cause::auth_no_common_method, auth_protocol(kind).protocol.value(), {}});
    return;
  }
  authentication_ = Authentication::running;
  timers_.set(Timer::authentication, now + kAuthenticationLimit);
  enter(Phase::authenticate);
  method_->begin(now);
}

bool Link::advance_authentication(TimePoint now) {
  const AuthOutcome& outcome = method_->outcome();
  if (authentication_ == Authentication::wants_answer) return false;
  if (const auto* failure = std::get_if<AuthFailure>(&outcome)) {
    authentication_failed(now, *failure);
    return true;
  }
  if (authentication_ != Authentication::running) return false;
  if (const auto* wants = std::get_if<AuthWantsSecret>(&outcome)) {
    ask(SecretWanted{wants->user});
    return true;
  }
  if (const auto* wants = std::get_if<AuthWantsPasswordStored>(&outcome)) {
    ask(NewPasswordChosen{wants->user, wants->password.clone()});
    return true;
  }
  const auto* success = std::get_if<AuthSuccess>(&outcome);
  if (success == nullptr) return false;
  authentication_ = Authentication::succeeded;
  events_.emplace_back(Authenticated{method_->kind(), success->peer_name});
  // A server goes on when it is told what to assign.
  if (config_.role == Role::client) {
    enter_network(
        now, IpcpPolicy::client({config_.wanted_address, config_.want_dns, config_.want_wins}));
  }
  return true;
}

void Link::authentication_failed(TimePoint now, const AuthFailure& failure) {
  const bool another = failure.retry_allowed || failure.change_password;
  if (another && config_.may_try_again && authentication_ == Authentication::running) {
    timers_.set(Timer::authentication, now + kAskingLimit);
    ask(AnotherTry{failure.change_password, end_of(failure)});
  } else {
    terminate(now, end_of(failure));
  }
}

void Link::ask(LinkEvent question) {
  authentication_ = Authentication::wants_answer;
  events_.push_back(std::move(question));
}

/// Whether an answer was wanted.
bool Link::take_answer() noexcept {
  if (!method_ || authentication_ != Authentication::wants_answer) return false;
  authentication_ = Authentication::running;
  return true;
}

End Link::end_of(const AuthFailure& failure) const {
  const bool server = config_.role == Role::server;
  Cause cause = server ? Cause::auth_peer_failed : Cause::auth_failed;
  switch (failure.reason) {
    case AuthFailure::Reason::refused:
    case AuthFailure::Reason::malformed:
      break;
    case AuthFailure::Reason::peer_not_authentic:
      if (!server) cause = Cause::server_not_authentic;
      break;
    case AuthFailure::Reason::timed_out:
      cause = Cause::auth_timeout;
      break;
    case AuthFailure::Reason::no_common_method:
      return {Cause::auth_no_common_method, auth_protocol(method_->kind()).protocol.value(), {}};
  }
  return {cause, failure.code, failure.message};
}

Result<StartKeys> Link::derive_keys(KeyBits bits) const noexcept {
  const auto* success = method_ ? std::get_if<AuthSuccess>(&method_->outcome()) : nullptr;
  if (success == nullptr) return std::unexpected(Error::not_available);
  return start_keys(success->seed, bits, config_.role);
}

}  // namespace pptp
