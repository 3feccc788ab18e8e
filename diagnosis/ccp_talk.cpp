#include "diagnosis/ccp_talk.h"

namespace pptp::diagnosis {
namespace {

// RFC 3078 2.1
constexpr std::uint32_t kStateless = 0x0100'0000;
constexpr std::uint32_t k128 = 0x40;
constexpr std::uint32_t k40 = 0x20;
constexpr std::uint32_t kKeys = 0xe0;

bool has_other_compression(const PrintedPacket& packet) {
  return packet.option("deflate") != nullptr || packet.option("deflate(old#)") != nullptr ||
         packet.option("bsd") != nullptr;
}

}  // namespace

void CcpTalk::note(const PrintedPacket& packet) {
  const bool sent = packet.direction == Direction::sent;
  const PacketOption* mppe = packet.option("mppe");
  const std::optional<std::uint32_t> bits =
      mppe == nullptr ? std::nullopt : parse_mppe_bits(mppe->value);
  switch (packet.code) {
    case PacketCode::configure_request:
      if (sent) {
        request_sent(packet, bits);
      } else if (mppe != nullptr) {
        request_received(bits.value_or(0));
      }
      break;
    case PacketCode::configure_nak:
      if (sent) {
        peer_asked_for_nothing_ = false;
      } else if (mppe != nullptr) {
        nak_received(bits.value_or(0));
      }
      break;
    case PacketCode::configure_reject:
      if (mppe != nullptr)
        facts_.push_back(sent ? Fact::mppe_refused_by_us : Fact::mppe_refused_by_peer);
      if (!sent && has_other_compression(packet))
        facts_.push_back(Fact::compression_refused_by_peer);
      break;
    case PacketCode::configure_ack:
      ack(sent, bits.value_or(0));
      break;
    default:
      break;
  }
}

void CcpTalk::request_sent(const PrintedPacket& packet, std::optional<std::uint32_t> bits) {
  if (bits) {
    facts_.push_back(Fact::mppe_asked_by_us);
    our_bits_ |= *bits;
  } else if (has_other_compression(packet)) {
    facts_.push_back(Fact::only_compression_asked);
  }
  our_request_empty_ = packet.options.empty();
}

void CcpTalk::request_received(std::uint32_t bits) {
  facts_.push_back(Fact::mppe_asked_of_us);
  peer_asked_for_nothing_ = (bits & kKeys) == 0;
  if (!peer_asked_for_nothing_) compare_with_ours(bits);
}

void CcpTalk::nak_received(std::uint32_t bits) {
  if (our_request_empty_) {
    if (++empty_naked_ >= 2 || (bits & kKeys) == 0) facts_.push_back(Fact::nothing_asked_and_naked);
  } else if ((bits & kKeys) == 0) {
    facts_.push_back(Fact::peer_without_keys);
  } else {
    compare_with_ours(bits);
  }
}

void CcpTalk::ack(bool sent, std::uint32_t bits) {
  if (sent) peer_asked_for_nothing_ = false;
  (sent ? ack_sent_ : ack_received_) |= (bits & kKeys) != 0;
  if (!ack_sent_ || !ack_received_) return;
  facts_.push_back(Fact::ccp_open);
  if ((bits & kStateless) == 0) facts_.push_back(Fact::stateful);
}

/// What the peer would take, beside what we asked for.
void CcpTalk::compare_with_ours(std::uint32_t bits) {
  if (our_bits_ == 0) return;
  if ((bits & kKeys) == k40 && (our_bits_ & k128) != 0 && (our_bits_ & k40) == 0)
    facts_.push_back(Fact::peer_only_40);
  if ((bits & kStateless) == 0 && (bits & our_bits_ & kKeys) != 0 && (our_bits_ & kStateless) != 0)
    facts_.push_back(Fact::peer_only_stateful);
}

}  // namespace pptp::diagnosis
