#include "ppp/negotiator.h"

#include <algorithm>
#include <utility>

#include "lib/text.h"

namespace pptp {
namespace {

// RFC 1661 5: codes that every protocol of the family has.
constexpr std::uint8_t kConfigureRequest = 1;
constexpr std::uint8_t kConfigureAck = 2;
constexpr std::uint8_t kConfigureNak = 3;
constexpr std::uint8_t kConfigureReject = 4;
constexpr std::uint8_t kTerminateRequest = 5;
constexpr std::uint8_t kTerminateAck = 6;
constexpr std::uint8_t kCodeReject = 7;

// Ours. RFC 1661 bounds retransmissions and Naks, but not a peer that answers every request and
// never agrees, nor one that takes an opened layer down again and again. An honest negotiation
// needs a few rounds, so these are far away from any.
constexpr unsigned kMaxRoundsFactor = 3;    // requests sent, in multiples of Max-Configure
constexpr unsigned kMaxRefusalsFactor = 4;  // Naks and Rejects sent, in multiples of Max-Failure
constexpr unsigned kMaxRenegotiations = 10;
constexpr Duration kRenegotiationsPer = std::chrono::minutes(10);

bool same(Bytes a, Bytes b) noexcept {
  return std::ranges::equal(a, b);
}

}  // namespace

std::string_view name(FinishReason reason) noexcept {
  switch (reason) {
    case FinishReason::none:
      return "none";
    case FinishReason::closed:
      return "closed";
    case FinishReason::timeout:
      return "timeout";
    case FinishReason::no_agreement:
      return "no agreement";
    case FinishReason::peer_terminated:
      return "terminated by peer";
    case FinishReason::rejected:
      return "rejected by peer";
  }
  return "";
}

Negotiator::Negotiator(OptionPolicy& policy, NegotiatorConfig config, Log log)
    : policy_(policy), config_(config), log_(log) {
  // None at all would wait for ever.
  config_.max_configure = std::max(config_.max_configure, 1U);
}

// --- administrative events and the lower layer ---

void Negotiator::open(TimePoint now) {
  if (state_ == State::initial || state_ == State::closed) finish_reason_ = FinishReason::none;
  apply(now, Event::open, {});
}

void Negotiator::close(TimePoint now, std::string_view reason) {
  if (step(state_, Event::close).has(Action::str)) close_text_ = reason;
  finish_for(FinishReason::closed);
  apply(now, Event::close, {});
}

void Negotiator::lower_up(TimePoint now) {
  apply(now, Event::up, {});
}

void Negotiator::lower_down(TimePoint now) {
  apply(now, Event::down, {});
  packets_.clear();
}

void Negotiator::protocol_rejected(TimePoint now) {
  if (!step(state_, Event::rxj_fatal).legal()) return;
  finish_for(FinishReason::rejected);
  apply(now, Event::rxj_fatal, {});
}

void Negotiator::on_deadline(TimePoint now) {
  if (!restart_deadline_ || now < *restart_deadline_) return;
  restart_deadline_.reset();
  if (restart_count_ > 0) {
    apply(now, Event::to_positive, {});
  } else {
    finish_for(peer_terminated_ ? FinishReason::peer_terminated : FinishReason::timeout);
    apply(now, Event::to_negative, {});
  }
  close_if_given_up(now);
}

Deadline Negotiator::next_deadline() const noexcept {
  return restart_deadline_;
}

// --- packets ---

std::optional<Drop> Negotiator::receive(TimePoint now, Bytes packet) {
  // Nothing is received while the lower layer is down: the dashes of RFC 1661 4.1.
  if (state_ == State::initial || state_ == State::starting) return Drop::ppp_wrong_phase;

  // RFC 1661 5: a Length that is not there is discarded silently.
  const Result<CodedPacket> received = parse_coded(packet);
  if (!received) return Drop::ppp_control_malformed;
  const std::optional<Drop> drop = dispatch(now, *received);
  close_if_given_up(now);
  return drop;
}

std::optional<Drop> Negotiator::dispatch(TimePoint now, const CodedPacket& received) {
  switch (received.code) {
    case kConfigureRequest:
      return receive_configure_request(now, received);
    case kConfigureAck:
      return receive_configure_ack(now, received);
    case kConfigureNak:
    case kConfigureReject:
      return receive_refusal(now, received);
    case kTerminateRequest:
      receive_terminate_request(now, received);
      return std::nullopt;
    case kTerminateAck:
      receive_terminate_ack(now, received);
      return std::nullopt;
    case kCodeReject:
      return receive_code_reject(now, received);
    default:
      // RXR changes no state in any cell of RFC 1661 4.1, so it need not pass the table.
      if (received.code < kCodeReject ||
          !policy_.extra_code(now, *this, received.code, received.identifier, received.data))
        apply(now, Event::ruc, received);
      return std::nullopt;
  }
}

std::optional<Drop> Negotiator::receive_configure_request(TimePoint now,
                                                          const CodedPacket& received) {
  // In Closed, Closing and Stopping, RCR+ and RCR- are the same and nothing is judged.
  const Transition& good = step(state_, Event::rcr_positive);
  if (!good.has(Action::sca)) {
    apply(now, Event::rcr_negative, received);
    return std::nullopt;
  }
  const auto options = OptionList::parse(received.data);
  // What cannot be walked cannot be answered option by option; and an Ack has to have the length of
  // its request, which must not be beyond what the peer says it can receive.
  if (!options || received.whole.size() > max_packet_) return Drop::ppp_control_malformed;
  if (state_ == State::opened && is_acked_request(received)) {
    send(kConfigureAck, received.identifier, answer_.options);
    return std::nullopt;
  }
  if (state_ == State::opened && !may_renegotiate(now)) return std::nullopt;
  if (good.has(Action::scr)) begin_negotiation();
  peer_terminated_ = false;

  auto answer = judge(*options);
  if (!answer) return std::nullopt;
  // DEVIATION: RFC 1661 4.6 counts every Nak towards Max-Failure. One for a retransmission says
  // that ours got lost, not that the two do not converge.
  const bool repeated = answer_.code == kConfigureNak && answer_id_ == received.identifier;
  if (repeated && answer->code == kConfigureNak && naks_sent_ > 0) --naks_sent_;
  answer_ = std::move(*answer);
  answer_id_ = received.identifier;
  const bool acked = answer_.code == kConfigureAck;
  apply(now, acked ? Event::rcr_positive : Event::rcr_negative, received);
  return std::nullopt;
}

// DEVIATION: RFC 1661 4.1 takes an opened layer down for any Configure-Request. One that is,
// identifier and all, the one we acknowledged last is its retransmission, because our Ack was lost,
// or a copy: a new negotiation has a new identifier. Followed to the letter, two peers on a path
// that loses packets take each other down again and again.
bool Negotiator::is_acked_request(const CodedPacket& received) const noexcept {
  return answer_.code == kConfigureAck && answer_id_ == received.identifier &&
         std::ranges::equal(answer_.options, received.data);
}

std::optional<Negotiator::Answer> Negotiator::judge(const OptionList& options) {
  std::vector<std::uint8_t> nak_octets(max_packet_ - CodedPacket::kHeaderSize);
  std::vector<std::uint8_t> reject_octets(max_packet_ - CodedPacket::kHeaderSize);
  Writer nak_writer(nak_octets);
  Writer reject_writer(reject_octets);
  OptionWriter nak(nak_writer);
  OptionWriter reject(reject_writer);
  // RFC 1661 4.6: after Max-Failure Naks, what would be naked is rejected and nothing is added.
  const bool may_nak = naks_sent_ < config_.max_failure;

  policy_.begin_judging();
  for (const Option option : options) {
    const std::size_t before = nak.size();
    switch (policy_.judge(option, nak)) {
      case Verdict::ack:
        break;
      case Verdict::nak:
        // A value that no longer fits behind others waits for the next round.
        if (may_nak && (nak.size() > before || (before > 0 && !nak_writer.ok()))) break;
        nak_writer.truncate(before);
        reject.put(option);
        break;
      case Verdict::reject:
        reject.put(option);
        break;
      case Verdict::give_up:
        give_up("No agreement on a required option");
        return std::nullopt;
    }
  }
  // RFC 1661 5.4: options that are not recognised or not negotiable go first; a Reject carries
  // nothing else.
  if (reject.size() == 0 && may_nak) policy_.judge_missing(nak);
  if (reject.size() > 0) {
    reject_octets.resize(reject.size());
    return Answer{kConfigureReject, std::move(reject_octets)};
  }
  if (nak.size() > 0) {
    nak_octets.resize(nak.size());
    return Answer{kConfigureNak, std::move(nak_octets)};
  }
  if (!nak_writer.ok()) {
    give_up("No room to ask for a missing option");
    return std::nullopt;
  }
  const Bytes echo = options.bytes();
  return Answer{kConfigureAck, std::vector<std::uint8_t>(echo.begin(), echo.end())};
}

std::optional<Drop> Negotiator::receive_configure_ack(TimePoint now, const CodedPacket& received) {
  if (state_ == State::closed || state_ == State::stopped) {
    apply(now, Event::rca, received);
    return std::nullopt;
  }
  // RFC 1661 5.2: identifier and options must be those of the last request, in its order.
  if (!answers_request(received)) return std::nullopt;
  if (!same(received.data, request_)) return Drop::ppp_control_malformed;
  request_pending_ = false;
  policy_.acked();
  apply(now, Event::rca, received);
  return std::nullopt;
}

std::optional<Drop> Negotiator::receive_refusal(TimePoint now, const CodedPacket& received) {
  if (state_ == State::closed || state_ == State::stopped) {
    apply(now, Event::rcn, received);
    return std::nullopt;
  }
  if (!answers_request(received)) return std::nullopt;
  const auto options = OptionList::parse(received.data);
  // RFC 1661 5.4: rejected options must be a subset of those in the last request.
  const bool is_reject = received.code == kConfigureReject;
  if (!options || options->empty() || (is_reject && !all_requested(*options))) {
    return Drop::ppp_control_malformed;
  }
  request_pending_ = false;
  for (const Option option : *options) {
    if (!(is_reject ? policy_.rejected(option) : policy_.naked(option))) {
      give_up("A required option was refused");
      return std::nullopt;
    }
  }
  apply(now, Event::rcn, received);
  return std::nullopt;
}

void Negotiator::receive_terminate_request(TimePoint now, const CodedPacket& received) {
  peer_terminated_ = true;
  terminate_text_ = as_text(received.data);
  if (state_ == State::opened) finish_for(FinishReason::peer_terminated);
  apply(now, Event::rtr, received);
}

void Negotiator::receive_terminate_ack(TimePoint now, const CodedPacket& received) {
  // RFC 1661 5.6: one that was not asked for says that the peer needs to negotiate anew, so its
  // identifier is not compared.
  if (state_ == State::opened && !may_renegotiate(now)) return;
  apply(now, Event::rta, received);
}

std::optional<Drop> Negotiator::receive_code_reject(TimePoint now, const CodedPacket& received) {
  if (received.data.empty()) return Drop::ppp_control_malformed;
  // RFC 1661 4.3: catastrophic is the rejection of what the automaton cannot do without.
  const std::uint8_t rejected = received.data[0];
  const bool needed = rejected >= kConfigureRequest && rejected <= kCodeReject;
  if (needed) finish_for(FinishReason::rejected);
  apply(now, needed ? Event::rxj_fatal : Event::rxj_permitted, received);
  return std::nullopt;
}

// DEVIATION: RFC 1661 4.1 footnote x lets a second valid Ack, Nak or Reject of the same request
// take Ack-Rcvd and Opened back to Req-Sent. Here a request has one answer and later ones are
// stale, because a wire that duplicates packets is far more likely than a crossed connection; and a
// peer that did restart says so with a Configure-Request.
bool Negotiator::answers_request(const CodedPacket& received) const noexcept {
  return request_pending_ && received.identifier == request_id_;
}

bool Negotiator::all_requested(const OptionList& options) const noexcept {
  const auto requested = OptionList::parse(request_);
  return requested && std::ranges::all_of(options, [&](const Option& option) {
           return std::ranges::any_of(*requested, [&](const Option& ours) {
             return ours.type == option.type && same(ours.data, option.data);
           });
         });
}

// --- the automaton ---

void Negotiator::apply(TimePoint now, Event event, const CodedPacket& received) {
  const Transition& transition = step(state_, event);
  if (!transition.legal()) return;
  const State from = state_;
  // A Configure-Request has done so before its options were judged.
  const bool judged = event == Event::rcr_positive || event == Event::rcr_negative;
  if (!judged && transition.has(Action::scr) && !restart_timer_runs(from)) begin_negotiation();
  // The state changes before anything is done, and nothing that is done causes an event.
  state_ = transition.next();
  for (const Action action : transition.actions())
    perform(now, action, received);
  if (!restart_timer_runs(state_)) restart_deadline_.reset();
  if (state_ != from) log_change(from, event);
}

void Negotiator::perform(TimePoint now, Action action, const CodedPacket& received) {
  switch (action) {
    case Action::tlu:
      signal(LayerSignal::up);
      break;
    case Action::tld:
      signal(LayerSignal::down);
      break;
    case Action::tls:
      signal(LayerSignal::started);
      break;
    case Action::tlf:
      signal(LayerSignal::finished);
      break;
    case Action::irc:
      restart_count_ = state_ == State::closing || state_ == State::stopping
                           ? config_.max_terminate
                           : config_.max_configure;
      break;
    case Action::zrc:
      // RFC 1661 4.4: no more retransmissions, but one period for the peer to get the Ack.
      restart_count_ = 0;
      restart_deadline_ = now + config_.restart_timer;
      break;
    case Action::scr:
      send_configure_request(now);
      break;
    case Action::sca:
    case Action::scn:
      send_answer(received);
      break;
    case Action::str:
      send_terminate_request(now);
      break;
    case Action::sta:
      send(kTerminateAck, received.identifier, {});
      break;
    case Action::scj:
      // RFC 1661 5.6: a new identifier for each.
      send(kCodeReject, take_identifier(), received.whole);
      break;
    case Action::ser:
    case Action::count_:
      break;
  }
}

void Negotiator::send_configure_request(TimePoint now) {
  if (++requests_sent_ > kMaxRoundsFactor * config_.max_configure) {
    give_up("No convergence");
    return;
  }
  // RFC 1661 5.1: a retransmission may keep its identifier, so that a late answer to the first one
  // counts; after any answer there is a new one.
  if (!request_pending_) {
    std::vector<std::uint8_t> octets(max_packet_ - CodedPacket::kHeaderSize);
    Writer writer(octets);
    OptionWriter options(writer);
    policy_.write_request(options);
    octets.resize(writer.size());
    request_ = std::move(octets);
    request_id_ = take_identifier();
    request_pending_ = true;
  }
  if (restart_count_ > 0) --restart_count_;
  restart_deadline_ = now + config_.restart_timer;
  send(kConfigureRequest, request_id_, request_);
}

void Negotiator::send_answer(const CodedPacket& received) {
  if (answer_.code == kConfigureAck) {
    naks_sent_ = 0;
    refusals_sent_ = 0;
    policy_.peer_request_acked();
  } else {
    if (answer_.code == kConfigureNak) ++naks_sent_;
    if (++refusals_sent_ > kMaxRefusalsFactor * config_.max_failure) {
      give_up("No convergence");
      return;
    }
  }
  send(answer_.code, received.identifier, answer_.options);
}

void Negotiator::send_terminate_request(TimePoint now) {
  // RFC 1661 5.5: a retransmission keeps its identifier. The first one comes right after irc.
  if (restart_count_ == config_.max_terminate) terminate_id_ = take_identifier();
  if (restart_count_ > 0) --restart_count_;
  restart_deadline_ = now + config_.restart_timer;
  send(kTerminateRequest, terminate_id_, as_bytes(close_text_));
}

// --- beginnings and ends ---

void Negotiator::begin_negotiation() noexcept {
  finish_reason_ = FinishReason::none;
  peer_terminated_ = false;
  terminate_text_.clear();
  request_pending_ = false;
  naks_sent_ = 0;
  refusals_sent_ = 0;
  requests_sent_ = 0;
  policy_.restart();
}

// A Configure-Request or Terminate-Ack takes an opened layer down, which is allowed and costs us
// more than the peer: so often, and no more.
bool Negotiator::may_renegotiate(TimePoint now) noexcept {
  if (now - renegotiations_since_ >= kRenegotiationsPer) {
    renegotiations_since_ = now;
    renegotiations_ = 0;
  }
  if (++renegotiations_ <= kMaxRenegotiations) return true;
  give_up("Too many renegotiations");
  return false;
}

void Negotiator::finish_for(FinishReason reason) noexcept {
  if (finish_reason_ == FinishReason::none) finish_reason_ = reason;
}

void Negotiator::give_up(std::string_view words) {
  given_up_ = true;
  close_text_ = words;
}

// Giving up is noticed in the middle of an event; the Close that follows is one of its own.
void Negotiator::close_if_given_up(TimePoint now) {
  if (!std::exchange(given_up_, false)) return;
  log(LogLevel::notice, close_text_);
  finish_for(FinishReason::no_agreement);
  apply(now, Event::close, {});
}

// --- output ---

std::optional<std::vector<std::uint8_t>> Negotiator::poll_packet() {
  if (packets_.empty()) return std::nullopt;
  std::vector<std::uint8_t> packet = std::move(packets_.front());
  packets_.pop_front();
  return packet;
}

std::optional<LayerSignal> Negotiator::poll_signal() {
  if (signals_.empty()) return std::nullopt;
  const LayerSignal what = signals_.front();
  signals_.pop_front();
  return what;
}

void Negotiator::send(std::uint8_t code, Identifier id, Bytes data) {
  if (packets_.size() >= kMaxQueued) return;
  const Bytes cut = data.first(std::min(data.size(), max_packet_ - CodedPacket::kHeaderSize));
  std::vector<std::uint8_t> packet(CodedPacket::kHeaderSize + cut.size());
  Writer out(packet);
  begin_coded(out, code, id);
  out.bytes(cut);
  end_coded(out);
  packets_.push_back(std::move(packet));
}

Identifier Negotiator::take_identifier() noexcept {
  last_id_ = next(last_id_);
  return last_id_;
}

void Negotiator::set_max_packet(std::size_t octets) noexcept {
  max_packet_ = std::clamp(octets, kMinPacket, kMaxPacket);
}

void Negotiator::signal(LayerSignal what) {
  if (signals_.size() >= kMaxQueued) signals_.pop_front();
  signals_.push_back(what);
}

void Negotiator::log(LogLevel level, std::string_view what) const noexcept {
  if (!log_) return;
  log_.line(level, Text(name(policy_.protocol())).add(": ").add(what).view());
}

void Negotiator::log_change(State from, Event event) const noexcept {
  if (!log_) return;
  log(LogLevel::debug,
      Text(name(from)).add(" -> ").add(name(state_)).add(" (").add(name(event)).add(")").view());
}

}  // namespace pptp
