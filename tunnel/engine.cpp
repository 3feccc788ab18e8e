#include "tunnel/engine.h"

#include <utility>

namespace pptp {

Engine::Engine(CallConfig config, PacketPool& pool, Entropy& entropy, Log log)
    : pool_(pool),
      log_(log),
      control_(config, entropy, log),
      rx_(config.call_id),
      keeps_early_(config.role == Role::client),
      clamps_mss_(config.mss_clamp),
      paces_(config.pace_by_window),
      always_acknowledges_(config.quirks.has(Quirk::always_ack)) {}

void Engine::connected(TimePoint now) {
  control_.connected(now);
  settle(now);
}

void Engine::control_received(TimePoint now, Bytes octets) {
  if (observer_ != nullptr) observer_->control(Way::received, octets);
  control_.received(now, octets);
  settle(now);
  if (!connected_ || early_.empty()) return;
  std::vector<Packet> early = std::exchange(early_, {});
  take_gre(now, early);
}

std::optional<std::vector<std::uint8_t>> Engine::poll_control() {
  std::optional<std::vector<std::uint8_t>> octets = control_.poll_output();
  if (octets && observer_ != nullptr) observer_->control(Way::sent, *octets);
  return octets;
}

void Engine::control_closed(TimePoint now) {
  control_.closed(now);
  settle(now);
}

void Engine::gre_received(TimePoint now, std::span<Packet> packets) {
  if (observer_ != nullptr) {
    for (const Packet& packet : packets)
      observer_->gre(Way::received, packet.bytes());
  }
  take_gre(now, packets);
}

void Engine::take_gre(TimePoint now, std::span<Packet> packets) {
  if (!connected_) return keep_early(packets);
  std::size_t waiting = 0;
  for (Packet& packet : packets) {
    rx_.put(now, std::move(packet));
    packet.release();
    if (++waiting < RxPath::kTogether && !rx_.is_full()) continue;
    drain_rx(now);
    waiting = 0;
  }
  drain_rx(now);
  if (rx_.heard()) control_.heard();
  after_rx(now);
}

/// The peer's first packets may overtake its Outgoing-Call-Reply (interop note 3.6). A server's
/// cannot: a client has its call id from that reply, and who has not asked for a call is not to
/// fill the pool that all calls share.
void Engine::keep_early(std::span<Packet> packets) {
  for (Packet& packet : packets) {
    if (keeps_early_ && early_.size() < kMaxEarly) {
      early_.push_back(std::move(packet));
    } else {
      rx_.count(Drop::ppp_wrong_phase);
      packet.release();
    }
  }
}

/// Control frames are acted upon one by one, before the next packet is deciphered: the keys for it
/// may just have come.
void Engine::drain_rx(TimePoint now) {
  while (std::optional<Delivery> delivery = rx_.poll(now)) {
    if (delivery->protocol == protocol::kIp) {
      if (observer_ != nullptr) observer_->ip(Way::received, delivery->packet.bytes());
      control_.note_traffic(now);
      ip_.push(std::move(delivery->packet));
      continue;
    }
    if (observer_ != nullptr)
      observer_->frame(Way::received, delivery->protocol, delivery->packet.bytes());
    const std::optional<Drop> drop =
        control_.frame(now, delivery->protocol, delivery->packet.bytes());
    if (drop) rx_.count(*drop);
    delivery->packet.release();
    settle(now);
  }
}

/// What a batch of GRE packets leaves to be said, once for all of them.
void Engine::after_rx(TimePoint now) {
  const bool lost = rx_.wants_reset();
  if (std::exchange(lost_, lost) && !lost) control_.reset_answered();
  // A Reset-Request for what came in vain, and no more of them when nothing comes.
  reset_due_ = rx_.take_unopened() || reset_due_;
  if (reset_due_) reset_due_ = lost && !control_.request_reset(now);
  if (const std::optional<SeqNo> highest = rx_.highest_received())
    tell_tx(TxReceived{now, *highest});
  if (const std::optional<AckNo> ack = rx_.take_peer_acknowledgement())
    tell_tx(TxAcknowledged{now, *ack});
  settle(now);
}

std::optional<Packet> Engine::poll_gre(TimePoint now) {
  std::optional<Packet> packet = next_gre(now);
  if (packet && observer_ != nullptr) observer_->gre(Way::sent, packet->bytes());
  return packet;
}

std::optional<Packet> Engine::next_gre(TimePoint now) {
  if (!tx_) return std::nullopt;
  if (gre_.empty()) {
    if (std::optional<Packet> waited = tx_->poll_waiting(now)) return waited;
    Packet acknowledgement = pool_.acquire();
    if (!tx_->seal_acknowledgement(now, acknowledgement)) return std::nullopt;
    return acknowledgement;
  }
  return gre_.pop();
}

std::optional<TxOrder> Engine::poll_tx_order() {
  if (tx_orders_.empty()) return std::nullopt;
  TxOrder order = std::move(tx_orders_.front());
  tx_orders_.pop_front();
  return order;
}

std::size_t Engine::seal(TimePoint now, std::span<Packet> packets) noexcept {
  if (observer_ == nullptr) return tx_->seal(now, packets);
  for (const Packet& packet : packets)
    observer_->ip(Way::sent, packet.bytes());
  const std::size_t sealed = tx_->seal(now, packets);
  for (const Packet& packet : packets.first(sealed))
    observer_->gre(Way::sent, packet.bytes());
  return sealed;
}

void Engine::set_mtu(std::size_t mtu) {
  tell_tx(TxMtu{mtu, clamps_mss_});
  if (clamps_mss_) rx_.clamp_mss_to(mtu);
}

std::optional<Packet> Engine::poll_ip() {
  return ip_.pop();
}

void Engine::close(TimePoint now, End end) {
  control_.close(now, std::move(end));
  settle(now);
}

void Engine::supply_secret(TimePoint now, const Credentials* credentials) {
  control_.supply_secret(now, credentials);
  settle(now);
}

void Engine::password_stored(TimePoint now, bool stored) {
  control_.password_stored(now, stored);
  settle(now);
}

void Engine::try_again(TimePoint now, std::shared_ptr<const Credentials> credentials) {
  control_.try_again(now, std::move(credentials));
  settle(now);
}

void Engine::assign(TimePoint now, const IpAssignment& assignment) {
  control_.assign(now, assignment);
  settle(now);
}

std::optional<EngineEvent> Engine::poll_event() {
  if (events_.empty()) return std::nullopt;
  EngineEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

void Engine::on_deadline(TimePoint now) {
  drain_rx(now);
  control_.on_deadline(now);
  after_rx(now);
}

Deadline Engine::next_deadline() const noexcept {
  const Deadline next = earliest(control_.next_deadline(), rx_.next_deadline());
  return tx_ ? earliest(next, tx_->next_deadline()) : next;
}

Drops Engine::drops() const noexcept {
  Drops all = rx_.drops();
  if (tx_) all += tx_->drops();
  return all;
}

/// Takes what Control has to say. Events first: a frame that follows on them may need the new
/// framing, and LCP's own are framed the same way always.
void Engine::settle(TimePoint now) {
  while (std::optional<CallEvent> event = control_.poll_event()) {
    std::visit([this](auto&& what) { apply(std::move(what)); }, *std::move(event));
  }
  while (std::optional<ControlFrame> frame = control_.poll_frame()) {
    if (observer_ != nullptr) observer_->frame(Way::sent, frame->protocol, frame->information);
    send(now, *std::move(frame));
  }
}

void Engine::send(TimePoint now, ControlFrame frame) {
  if (!tx_) {
    tx_orders_.emplace_back(std::move(frame));
    return;
  }
  Packet packet = pool_.acquire();
  if (tx_->seal_control(now, frame, packet)) {
    gre_.push(std::move(packet));
  } else {
    rx_.count(Drop::no_slot);
  }
}

void Engine::tell_tx(TxSetting setting) {
  if (tx_) {
    tx_->obey(std::move(setting));
  } else {
    tx_orders_.emplace_back(std::move(setting));
  }
}

void Engine::apply(CallConnected&& event) {
  connected_ = true;
  const auto window = paces_ ? std::optional(event.peer_window) : std::nullopt;
  tell_tx(TxConnect{event.peer_call_id, window, always_acknowledges_});
  events_.emplace_back(std::move(event));
}

void Engine::apply(CallEnded&& event) {
  set_gate(Gate::closed);
  early_.clear();
  events_.emplace_back(std::move(event));
}

void Engine::apply(LinkEvent&& event) {
  std::visit([this](auto&& what) { apply(std::move(what)); }, std::move(event));
}

void Engine::apply(FramingAgreed&& event) {
  tell_tx(Framing{.acfc = event.send_acfc, .pfc = event.send_pfc});
  peer_mru_ = event.peer_mru;
}

void Engine::apply(EncryptionUp&& event) {
  tell_tx(TxKey{std::move(event.keys.send), event.send});
  rx_.install_key(std::move(event.keys.receive), event.receive);
  encrypted_ = true;
  events_.emplace_back(EncryptionAgreed{event.send, event.receive});
}

void Engine::apply(EncryptionDown&&) {
  // The gate is not opened here: only NetworkUp does that, and the link sends it when policy
  // allows.
  set_gate(Gate::closed);
  tell_tx(TxNoKey{});
  rx_.remove_key();
  encrypted_ = false;
}

void Engine::apply(ResetRequested&&) {
  const FlushRule rule = rx_.flush_rule();
  if (rule == FlushRule::keep_key && !std::exchange(told_of_reuse_, true)) {
    log_.line(LogLevel::warning,
              "after each loss the peer has the same key stream used again: what is sent can be "
              "read in part by who listens; stateless encryption has no need of that");
  }
  tell_tx(TxFlush{rule});
}

void Engine::apply(NetworkUp&& event) {
  tell_tx(TxVj{event.send_vj});
  rx_.set_vj(event.receive_vj);
  set_gate(encrypted_ ? Gate::encrypted : Gate::clear);
  events_.emplace_back(std::move(event));
}

void Engine::apply(NetworkDown&& event) {
  set_gate(Gate::closed);
  events_.emplace_back(std::move(event));
}

void Engine::apply(Ipv6Up&& event) {
  tell_tx(TxIpv6{true});
  rx_.set_ipv6(true);
  events_.emplace_back(event);
}

void Engine::apply(Ipv6Down&& event) {
  tell_tx(TxIpv6{false});
  rx_.set_ipv6(false);
  events_.emplace_back(event);
}

void Engine::apply(LinkEnded&&) {}  // Control turns it into CallEnded

void Engine::set_gate(Gate gate) {
  tell_tx(gate);
  rx_.set_gate(gate);
}

}  // namespace pptp
