#include <algorithm>

#include "lib/ip_packet.h"
#include "ppp/vj.h"

namespace pptp {
namespace {

/// RFC 1144 3.2.2: one octet, or two behind a zero.
std::uint16_t change(Reader& in) noexcept {
  const std::uint8_t octet = in.u8();
  return octet != 0 ? octet : in.u16();
}

/// Makes of the header of the packet before the one of this, as `mask` and `in` say.
void apply_changes(std::uint8_t mask, Reader& in, VjHeader& header) noexcept {
  using namespace vj_mask;
  const std::uint16_t data_before = header.data_length();
  std::uint8_t flags =
      header.flags() & static_cast<std::uint8_t>(~(tcp_flag::kPsh | tcp_flag::kUrg));
  if ((mask & kPush) != 0) flags |= tcp_flag::kPsh;
  if ((mask & kSpecials) == kEcho) {
    header.set_acknowledgement(header.acknowledgement() + data_before);
    header.set_sequence(header.sequence() + data_before);
  } else if ((mask & kSpecials) == kData) {
    header.set_sequence(header.sequence() + data_before);
  } else {
    if ((mask & kUrgent) != 0) {
      flags |= tcp_flag::kUrg;
      header.set_urgent(change(in));
    }
    if ((mask & kWindow) != 0) {
      header.set_window(static_cast<std::uint16_t>(header.window() + change(in)));
    }
    if ((mask & kAcknowledgement) != 0) {
      header.set_acknowledgement(header.acknowledgement() + change(in));
    }
    if ((mask & kSequence) != 0) header.set_sequence(header.sequence() + change(in));
  }
  header.set_flags(flags);
  const std::uint16_t counted = (mask & kIdentification) != 0 ? change(in) : 1;
  header.set_identification(static_cast<std::uint16_t>(header.identification() + counted));
}

}  // namespace

std::optional<Drop> VjDecompressor::decompress(PppProtocol protocol, Packet& packet) noexcept {
  return protocol == protocol::kVjUncompressed ? refresh(packet) : rebuild(packet);
}

std::optional<Drop> VjDecompressor::refresh(Packet& packet) noexcept {
  const std::optional<std::size_t> length = ipv4_length(packet.bytes());
  if (!length) return Drop::vj_malformed;
  packet.truncate(*length);             // RFC 1661 5: padding is the information field's right
  constexpr std::size_t kProtocol = 9;  // RFC 791 3.1
  constexpr std::uint8_t kTcp = 6;
  const MutableBytes octets = packet.mutable_bytes();
  const std::uint8_t slot = octets[kProtocol];
  octets[kProtocol] = kTcp;
  std::optional<VjHeader> header = VjHeader::of(octets);
  if (!header || slot > parameters_.max_slot || slot >= kVjSlots) return Drop::vj_malformed;
  const Bytes data = packet.bytes().subspan(header->size());
  if (!header->checks_out(data)) return Drop::vj_unsynchronised;
  header->finish(data.size());
  std::ranges::copy(header->bytes(), octets.begin());
  slots_[slot] = header;
  last_ = slot;
  return std::nullopt;
}

std::optional<Drop> VjDecompressor::rebuild(Packet& packet) noexcept {
  Reader in(packet.bytes());
  const std::uint8_t mask = in.u8();
  const bool says_slot = (mask & vj_mask::kSlot) != 0;
  const std::uint8_t slot = says_slot ? in.u8() : 0;
  const std::uint16_t checksum = in.u16();
  if (!in.ok() || (mask & vj_mask::kReserved) != 0) return Drop::vj_malformed;
  if (says_slot) last_ = slot;
  if (!last_ || *last_ >= kVjSlots || !slots_[*last_]) return Drop::vj_unsynchronised;
  VjHeader header = *slots_[*last_];
  apply_changes(mask, in, header);
  header.set_checksum(checksum);
  if (!in.ok()) return Drop::vj_malformed;
  const Bytes data = in.rest();
  if (!header.checks_out(data)) {
    // Not tried again and again until a wrong header happens to have the right sum.
    if (says_slot) {
      slots_[slot].reset();
    } else {
      last_.reset();
    }
    return Drop::vj_unsynchronised;
  }
  header.finish(data.size());
  packet.pop_front(packet.size() - data.size());
  const MutableBytes front = packet.push_front(header.size());
  if (front.empty()) return Drop::no_slot;
  std::ranges::copy(header.bytes(), front.begin());
  slots_[*last_] = header;
  return std::nullopt;
}

}  // namespace pptp
