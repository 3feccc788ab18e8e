#include "tunnel/tx_path.h"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include "lib/ip_packet.h"
#include "tunnel/gre.h"
#include "tunnel/mss_clamp.h"
#include "tunnel/sizes.h"

namespace pptp {
namespace {

/// Packets enciphered at once.
constexpr std::size_t kTogether = Rc4::kSideBySide;

/// All that is put in front of an IP packet, at most.
constexpr std::size_t kHeaders = kGreOverhead + kPppOverhead + kMppeOverhead;

}  // namespace

std::size_t TxPath::seal(TimePoint now, std::span<Packet> packets) noexcept {
  std::size_t sealed = 0;
  std::size_t ready = 0;
  std::array<PppProtocol, kTogether> protocols;
  const auto seal_ready = [&] {
    finish(now, packets.subspan(sealed, ready), protocols);
    sealed += std::exchange(ready, 0);
  };
  for (Packet& packet : packets) {
    if (has_to_wait(now)) {
      wait(std::move(packet));
      continue;
    }
    if (!prepare_or_drop(packet, protocols[ready])) continue;
    Packet& place = packets[sealed + ready];
    if (&place != &packet) place = std::move(packet);
    // Whether the next one may go depends on this one having gone.
    if (++ready == kTogether || paces_) seal_ready();
  }
  seal_ready();
  return sealed;
}

std::optional<Packet> TxPath::poll_waiting(TimePoint now) noexcept {
  while (!waiting_.empty() && sender_.may_send(now)) {
    Packet packet = *waiting_.pop();
    PppProtocol protocol;
    if (!prepare_or_drop(packet, protocol)) continue;
    finish(now, std::span(&packet, 1), std::span(&protocol, 1));
    return packet;
  }
  return std::nullopt;
}

/// What a closed gate is going to drop does not wait for that.
bool TxPath::has_to_wait(TimePoint now) noexcept {
  return gate_ != Gate::closed && (!waiting_.empty() || !sender_.may_send(now));
}

void TxPath::wait(Packet packet) noexcept {
  if (waiting_.size() == kMaxWaiting) return drops_.count(Drop::send_window_full);
  waiting_.push(std::move(packet));
}

bool TxPath::prepare_or_drop(Packet& packet, PppProtocol& protocol) noexcept {
  const std::size_t octets = packet.size();
  if (const std::optional<Drop> drop = prepare(packet, protocol)) {
    drops_.count(*drop);
    packet.release();
    return false;
  }
  ++counters_.packets;
  counters_.octets += octets;
  return true;
}

/// All that may be wrong with a packet, and what is done to it before it is enciphered.
std::optional<Drop> TxPath::prepare(Packet& packet, PppProtocol& protocol) noexcept {
  // The gate comes first: whatever else is wrong, nothing passes a closed one.
  if (gate_ == Gate::closed || !peer_) return Drop::send_not_up;
  if (gate_ == Gate::encrypted && !sealer_) return Drop::send_no_encryption;
  const bool ipv6 = !packet.empty() && packet.bytes()[0] >> 4 == 6;
  if (ipv6 && !ipv6_) return Drop::send_not_up;
  if (packet.size() != ip_length(packet.bytes())) return Drop::send_malformed;
  if (packet.size() > mtu_) return Drop::send_too_big;
  if (packet.headroom() < kHeaders) return Drop::no_slot;
  if (mss_mtu_) clamp_mss(packet.mutable_bytes(), *mss_mtu_);
  protocol = ipv6 ? protocol::kIpv6 : vj_ ? vj_->compress(packet) : protocol::kIp;
  return std::nullopt;
}

/// Enciphers packets that are prepared and puts their headers in front, for which there is room.
void TxPath::finish(TimePoint now, std::span<Packet> packets,
                    std::span<const PppProtocol> protocols) noexcept {
  const bool encrypts = gate_ == Gate::encrypted;
  if (encrypts) {
    for (std::size_t i = 0; i < packets.size(); ++i)
      (void)push_inner_header(packets[i], protocols[i], framing_);
    sealer_->seal(packets);
  }
  for (std::size_t i = 0; i < packets.size(); ++i) {
    (void)push_header(packets[i], encrypts ? protocol::kMppe : protocols[i], framing_);
    (void)number(now, packets[i]);
  }
}

/// Puts the GRE header in front, which takes a sequence number.
bool TxPath::number(TimePoint now, Packet& packet) noexcept {
  const GreSender::DataNumbers numbers = sender_.next_data(now);
  return push_gre_header(packet, *peer_, numbers.sequence, numbers.acknowledgement);
}

bool TxPath::seal_control(TimePoint now, const ControlFrame& frame, Packet& out) noexcept {
  return peer_ && out.assign(frame.information) && push_header(out, frame.protocol, framing_) &&
         number(now, out);
}

bool TxPath::seal_acknowledgement(TimePoint now, Packet& out) noexcept {
  if (!peer_) return false;
  const std::optional<AckNo> acknowledgement = sender_.poll_acknowledgement(now);
  return acknowledgement && push_gre_header(out, *peer_, std::nullopt, *acknowledgement);
}

Deadline TxPath::next_deadline() const noexcept {
  if (!peer_) return std::nullopt;
  if (waiting_.empty()) return sender_.next_deadline();
  return earliest(sender_.next_deadline(), sender_.may_send_at());
}

TxReport TxPath::report() const noexcept {
  return {counters_, drops_, streams_reused(), sender_.round_trip(), sender_.was_acknowledged()};
}

void TxPath::obey(TxSetting setting) {
  std::visit([this](auto&& what) { apply(std::move(what)); }, std::move(setting));
}

void TxPath::apply(const TxConnect& connect) {
  peer_ = connect.peer;
  if (connect.always_acknowledge) sender_.always_acknowledge();
  if (!connect.window) return;
  paces_ = true;
  waiting_.reserve(kMaxWaiting);
  sender_.pace(*connect.window);
}

void TxPath::apply(Gate gate) noexcept {
  gate_ = gate;
  if (gate != Gate::closed) return;
  while (waiting_.pop())
    drops_.count(Drop::send_not_up);
}

void TxPath::apply(const TxMtu& mtu) noexcept {
  mtu_ = mtu.mtu;
  if (mtu.clamps_mss) mss_mtu_ = mtu.mtu;
}

void TxPath::apply(TxKey&& key) {
  apply(TxNoKey());
  sealer_.emplace(std::move(key.start), key.parameters);
}

void TxPath::apply(TxNoKey) noexcept {
  streams_reused_ = streams_reused();
  sealer_.reset();
}

void TxPath::apply(TxFlush flush) noexcept {
  if (sealer_) sealer_->flush(flush.rule);
}

void TxPath::apply(const TxVj& vj) {
  vj_ = vj.parameters ? std::make_unique<VjCompressor>(*vj.parameters) : nullptr;
}

}  // namespace pptp
