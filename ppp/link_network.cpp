// The Network phase of a Link: CCP, IPCP, IPV6CP, and when data may flow.
#include "lib/text.h"
#include "ppp/link.h"

namespace pptp {
namespace {

// pppd reads LCP before all else that has come, so that the first reply may be from before it has
// looked at our IPCP; before the second one it has (interop note 3.46).
constexpr unsigned kBarriers = 2;

}  // namespace

void Link::enter_network(TimePoint now, IpcpPolicy ipcp) {
  timers_.clear(Timer::authentication);
  enter(Phase::network);
  ipv6cp_over_ = false;
  ipcp_.emplace(std::move(ipcp), config_.negotiation, log_);
  ipcp_->negotiator.set_max_packet(lcp_->policy.peer_mru());

  if (config_.encryption.policy != EncryptionPolicy::off) {
    if (derive_keys(KeyBits::k128)) {
      ccp_.emplace(CcpPolicy(config_.encryption), config_.negotiation, log_);
      ccp_->negotiator.set_max_packet(lcp_->policy.peer_mru());
      ccp_->negotiator.open(now);
      ccp_->negotiator.lower_up(now);
    } else if (config_.encryption.policy == EncryptionPolicy::require || was_encrypted_) {
      terminate(now, {Cause::mppe_no_keys, 0, {}});
      return;
    } else {
      log_.line(LogLevel::warning, "no encryption: the authentication made no keys");
    }
  }
  // A peer that requires encryption does not answer IPCP before CCP is through, and a request that
  // goes unheard costs a Restart timer: IPCP waits for CCP, or until the peer begins with it.
  if (!ccp_) start_ipcp(now);
}

bool Link::advance_network(TimePoint now) {
  if (ccp_) {
    if (const auto signal = ccp_->negotiator.poll_signal()) {
      on_ccp(now, *signal);
      return true;
    }
    if (has_ended(ccp_->negotiator)) {
      no_encryption(now);
      return true;
    }
    if (ccp_->policy.take_reset_request()) events_.emplace_back(ResetRequested{});
  }
  if (const auto signal = ipcp_->negotiator.poll_signal()) {
    on_ipcp(now, *signal);
    return true;
  }
  if (has_ended(ipcp_->negotiator)) {
    terminate(now, ipcp_->policy.failure(ipcp_->negotiator.finish_reason()));
    return true;
  }
  return ipv6cp_ && advance_ipv6cp();
}

// --- CCP ---

void Link::on_ccp(TimePoint now, LayerSignal signal) {
  if (signal == LayerSignal::up) {
    ccp_up(now);
  } else if (signal == LayerSignal::down && encrypted_) {
    network_down();
    encryption_down();
    if (++rekeys_ > kMaxRekeys) terminate(now, {Cause::mppe_lost, 0, {}});
  }
}

void Link::ccp_up(TimePoint now) {
  const std::optional<MppeParameters>& send = ccp_->policy.send();
  const std::optional<MppeParameters>& receive = ccp_->policy.receive();
  if (!send || !receive) {
    // Half a line in clear is a line in clear.
    no_encryption(now);
    return;
  }
  auto send_keys = derive_keys(send->bits);
  auto receive_keys = derive_keys(receive->bits);
  if (!send_keys || !receive_keys) {
    terminate(now, {Cause::mppe_no_keys, 0, {}});
    return;
  }
  if (was_encrypted_ && equal_secret(last_send_key_.bytes(), send_keys->send.bytes())) {
    log_.line(
        LogLevel::warning,
        Text("CCP was negotiated anew: the key stream is used again, time ").add(rekeys_).view());
  }
  encrypted_ = true;
  was_encrypted_ = true;
  last_send_key_ = send_keys->send.clone();
  events_.emplace_back(EncryptionUp{
      *send, *receive, {std::move(send_keys->send), std::move(receive_keys->receive)}});
  start_ipcp(now);
  network_up_if_ready();
}

/// CCP is over, or open without encryption.
void Link::no_encryption(TimePoint now) {
  const End why = was_encrypted_ ? End{Cause::mppe_lost, 0, {}}
                                 : ccp_->policy.failure(ccp_->negotiator.finish_reason());
  // A link that fell back to clear in the middle would do so for whoever can forge a packet.
  if (config_.encryption.policy == EncryptionPolicy::require || was_encrypted_) {
    terminate(now, why);
    return;
  }
  log_.line(LogLevel::warning, Text("no encryption: ").add(name(why.cause)).view());
  ccp_->negotiator.close(now, "no encryption");
  collect();
  // From here on CCP is a protocol that is not spoken, and rejected.
  drop_ccp();
  start_ipcp(now);
  network_up_if_ready();
}

void Link::drop_ccp() {
  past_offers_ = encryption_offers();
  ccp_.reset();
}

void Link::encryption_down() {
  if (!std::exchange(encrypted_, false)) return;
  events_.emplace_back(EncryptionDown{});
}

// --- IPCP ---

void Link::start_ipcp(TimePoint now) {
  if (ipcp_->negotiator.state() != State::initial) return;
  ipcp_->negotiator.open(now);
  ipcp_->negotiator.lower_up(now);
  if (config_.ipv6) start_ipv6cp(now);
}

void Link::on_ipcp(TimePoint now, LayerSignal signal) {
  if (signal == LayerSignal::up) {
    if (std::optional<End> refusal = ipcp_->policy.refusal()) {
      terminate(now, *std::move(refusal));
    } else {
      network_up_if_ready();
    }
  } else if (signal == LayerSignal::down) {
    network_down();
  }
}

void Link::network_up_if_ready() {
  if (network_up_ || ipcp_->negotiator.state() != State::opened) return;
  // RFC 3078 9: no data before encryption is up. Where it is not required, before it is settled
  // that there will be none (interop note 3.16).
  if (!encrypted_ && (ccp_ || config_.encryption.policy == EncryptionPolicy::require)) return;
  network_up_ = true;
  const IpAssignment& agreed = ipcp_->policy.agreed();
  const auto& receive_vj = ipcp_->policy.receive_vj();
  // Linux can take off only what it puts on as well: compression goes both ways or not at all.
  const auto& send_vj = receive_vj ? ipcp_->policy.send_vj() : receive_vj;
  events_.emplace_back(
      NetworkUp{agreed.local, agreed.peer, agreed.dns, agreed.wins, send_vj, receive_vj});
}

void Link::network_down() {
  ipv6_down();
  ready_ = false;
  barriers_ = 0;
  barrier_.reset();
  timers_.clear(Timer::ready);
  if (!std::exchange(network_up_, false)) return;
  events_.emplace_back(NetworkDown{});
}

/// Finds out when the peer can pass packets on: when it answers what was sent after IPCP.
bool Link::advance_readiness(TimePoint now, std::optional<Identifier> replied) {
  if (!config_.tell_ready || !network_up_ || ready_) return false;
  if (barriers_ == 0)
    timers_.set(Timer::ready, now + kReadyLimit);
  else if (!replied || replied != barrier_)
    return false;
  if (barriers_ == kBarriers) {
    peer_ready();
    return false;
  }
  ++barriers_;
  barrier_ = lcp_->policy.send_uncounted_echo(lcp_->negotiator, 0);
  return true;
}

void Link::peer_ready() {
  ready_ = true;
  timers_.clear(Timer::ready);
  events_.emplace_back(PeerReady{});
}

// --- IPV6CP: what comes of it does not concern the rest of the link ---

void Link::start_ipv6cp(TimePoint now) {
  if (ipv6cp_ || ipv6cp_over_) return;
  ipv6cp_.emplace(Ipv6cpPolicy(config_.wanted_ipv6_id, entropy_), config_.negotiation, log_);
  ipv6cp_->negotiator.set_max_packet(lcp_->policy.peer_mru());
  ipv6cp_->negotiator.open(now);
  ipv6cp_->negotiator.lower_up(now);
}

bool Link::advance_ipv6cp() {
  if (const auto signal = ipv6cp_->negotiator.poll_signal()) {
    if (*signal == LayerSignal::down) ipv6_down();
    return true;
  }
  if (has_ended(ipv6cp_->negotiator)) {
    log_.line(LogLevel::info, "no IPv6");
    // From here on it is a protocol that is not spoken, and rejected.
    ipv6cp_.reset();
    ipv6cp_over_ = true;
    return true;
  }
  if (!ipv6_up_ && network_up_ && ipv6cp_->negotiator.state() == State::opened) {
    ipv6_up_ = true;
    events_.emplace_back(Ipv6Up{ipv6cp_->policy.local(), ipv6cp_->policy.peer()});
    return true;
  }
  return false;
}

void Link::ipv6_down() {
  if (!std::exchange(ipv6_up_, false)) return;
  events_.emplace_back(Ipv6Down{});
}

}  // namespace pptp
