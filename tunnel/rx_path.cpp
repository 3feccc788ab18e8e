#include "tunnel/rx_path.h"

#include <utility>

#include "lib/ip_packet.h"
#include "ppp/frame.h"
#include "tunnel/gre.h"
#include "tunnel/mss_clamp.h"

namespace pptp {

void RxPath::put(TimePoint now, Packet&& packet) noexcept {
  const Result<ParsedGre> gre = pop_gre_header(packet);
  if (!gre) return drops_.count(Drop::gre_malformed);
  if (gre->call != own_) return drops_.count(Drop::gre_other_call);
  heard_ = true;
  if (gre->acknowledgement) peer_acknowledgement_ = gre->acknowledgement;
  if (!gre->sequence) return;  // an acknowledgement alone (interop note 3.7b)
  if (const std::optional<Drop> drop = receiver_.put(now, *gre->sequence, std::move(packet))) {
    drops_.count(*drop);
  }
}

std::optional<Delivery> RxPath::poll(TimePoint now) noexcept {
  for (;;) {
    std::optional<Drop> drop;
    Framed next;
    if (first_opened_ < end_opened_) {
      next = {protocol::kMppe, std::move(opened_[first_opened_])};
      drop = openings_[first_opened_++];
      unopened_ = unopened_ || drop;
      if (!drop) drop = admit_opened(next.protocol, next.packet);
    } else if (std::optional<Framed> framed = take(now)) {
      next = *std::move(framed);
      if (next.protocol == protocol::kMppe && opener_) {
        open_together(now, std::move(next.packet));
        continue;
      }
      drop = admit_clear(next.protocol, next.packet);
    } else {
      return std::nullopt;
    }
    if (!drop) return Delivery{next.protocol, std::move(next.packet)};
    drops_.count(*drop);
  }
}

/// The next frame in order.
std::optional<RxPath::Framed> RxPath::take(TimePoint now) noexcept {
  if (ahead_) return std::exchange(ahead_, std::nullopt);
  while (std::optional<Packet> packet = receiver_.take(now)) {
    if (const Result<Frame> outer = parse_frame(packet->bytes())) {
      const PppProtocol protocol = outer->protocol;
      packet->pop_front(outer->header);
      return Framed{protocol, *std::move(packet)};
    }
    drops_.count(Drop::ppp_malformed);
  }
  return std::nullopt;
}

/// Opens an enciphered packet, with those that follow it right away.
void RxPath::open_together(TimePoint now, Packet first) noexcept {
  first_opened_ = 0;
  end_opened_ = 0;
  opened_[end_opened_++] = std::move(first);
  while (end_opened_ < kTogether) {
    ahead_ = take(now);
    if (!ahead_ || ahead_->protocol != protocol::kMppe) break;
    opened_[end_opened_++] = std::move(ahead_->packet);
    ahead_.reset();
  }
  opener_->open(std::span(opened_).first(end_opened_), std::span(openings_).first(end_opened_));
}

std::optional<Drop> RxPath::admit_clear(PppProtocol& protocol, Packet& packet) noexcept {
  if (carries_ip(protocol)) return admit(protocol, packet, false);
  if (protocol == protocol::kMppe) return Drop::mppe_not_ready;
  // Any other network packet in clear would step round the encryption just as IP would; with no
  // encryption it goes to Control, which rejects the protocol.
  if (protocol.is_network_layer() && gate_ != Gate::clear) return Drop::clear_refused;
  return std::nullopt;
}

/// What was deciphered, even when it may not pass: the cipher has to keep its place.
std::optional<Drop> RxPath::admit_opened(PppProtocol& protocol, Packet& packet) noexcept {
  const Result<Frame> inner = parse_inner_frame(packet.bytes());
  if (!inner) return Drop::mppe_implausible;
  packet.pop_front(inner->header);
  protocol = inner->protocol;
  // RFC 3078 4.2: nothing but network packets is enciphered; and no other network protocol is open,
  // so a Protocol-Reject, which would quote the packet in clear, is the last thing wanted.
  if (!carries_ip(protocol)) return Drop::ppp_wrong_phase;
  return admit(protocol, packet, true);
}

/// With compressed headers and as IPv6 too, where that was agreed.
bool RxPath::carries_ip(PppProtocol protocol) const noexcept {
  return protocol == protocol::kIp || (ipv6_ && protocol == protocol::kIpv6) ||
         (vj_ && (protocol == protocol::kVjCompressed || protocol == protocol::kVjUncompressed));
}

std::optional<Drop> RxPath::admit(PppProtocol& protocol, Packet& packet,
                                  bool was_encrypted) noexcept {
  if (gate_ == Gate::closed) return was_encrypted ? Drop::ppp_wrong_phase : Drop::clear_refused;
  if (was_encrypted != (gate_ == Gate::encrypted)) return Drop::clear_refused;
  const bool ipv6 = protocol == protocol::kIpv6;
  if (!ipv6 && protocol != protocol::kIp) {
    if (const std::optional<Drop> drop = vj_->decompress(protocol, packet)) return drop;
  }
  protocol = protocol::kIp;
  const std::optional<std::size_t> length =
      ipv6 ? ipv6_length(packet.bytes()) : ipv4_length(packet.bytes());
  if (!length) return Drop::inner_malformed;
  packet.truncate(*length);  // RFC 1661 5: padding is the information field's right
  if (mss_mtu_) clamp_mss(packet.mutable_bytes(), *mss_mtu_);
  ++counters_.packets;
  counters_.octets += *length;
  return std::nullopt;
}

void RxPath::install_key(MppeKey start, MppeParameters parameters) {
  opener_.emplace(std::move(start), parameters);
}

void RxPath::set_vj(const std::optional<VjParameters>& parameters) {
  vj_ = parameters ? std::make_unique<VjDecompressor>(*parameters) : nullptr;
}

std::optional<AckNo> RxPath::take_peer_acknowledgement() noexcept {
  return std::exchange(peer_acknowledgement_, std::nullopt);
}

FlushRule RxPath::flush_rule() const noexcept {
  return opener_ ? opener_->flush_rule() : FlushRule::change_key;
}

bool RxPath::wants_reset() const noexcept {
  return opener_ && opener_->needs_reset();
}

}  // namespace pptp
