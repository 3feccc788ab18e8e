#include <algorithm>
#include <array>

#include "ppp/vj.h"

namespace pptp {
namespace {

/// Five of three octets at most.
constexpr std::size_t kLongestChanges = 5 * 3;

/// What follows on mask, slot and checksum: the changes, of which some do not fit (RFC 1144 3.2.2).
class Changes {
 public:
  /// One octet, or three with a zero in front.
  void put(std::uint8_t bit, std::uint16_t value) noexcept {
    mask |= bit;
    Writer out(MutableBytes(octets_).subspan(size_));
    if (value == 0 || value > 0xff) {
      out.u8(0);
      out.u16(value);
    } else {
      out.u8(static_cast<std::uint8_t>(value));
    }
    size_ += out.written().size();
  }

  Bytes bytes() const noexcept { return Bytes(octets_).first(size_); }

  void clear() noexcept { size_ = 0; }

  std::uint8_t mask = 0;

 private:
  std::array<std::uint8_t, kLongestChanges> octets_{};
  std::size_t size_ = 0;
};

/// RFC 1144 A.2: how `now` differs from `before`; nullopt: in a way that has to be sent whole.
std::optional<Changes> changes_between(const VjHeader& before, const VjHeader& now) noexcept {
  using namespace vj_mask;
  if (!now.same_constants(before)) return std::nullopt;
  Changes changes;
  if ((now.flags() & tcp_flag::kUrg) != 0) {
    changes.put(kUrgent, now.urgent());
  } else if (now.urgent() != before.urgent() || (before.flags() & tcp_flag::kUrg) != 0) {
    // The flag has gone, which some receivers do not see in the special cases below.
    return std::nullopt;
  }
  const auto window = static_cast<std::uint16_t>(now.window() - before.window());
  if (window != 0) changes.put(kWindow, window);
  const std::uint32_t acknowledged = now.acknowledgement() - before.acknowledgement();
  const std::uint32_t advanced = now.sequence() - before.sequence();
  constexpr std::uint32_t kLargest = 0xffff;
  if (acknowledged > kLargest || advanced > kLargest) return std::nullopt;
  if (acknowledged != 0) {
    changes.put(kAcknowledgement, static_cast<std::uint16_t>(acknowledged));
  }
  if (advanced != 0) changes.put(kSequence, static_cast<std::uint16_t>(advanced));

  const std::uint16_t data_before = before.data_length();
  switch (changes.mask) {
    case 0:
      // Data behind an acknowledgement alone; anything else is a retransmission or a probe.
      if (now.data_length() == data_before || data_before != 0) return std::nullopt;
      break;
    case kEcho:
    case kData:
      return std::nullopt;
    case kSequence | kAcknowledgement:
      if (advanced == acknowledged && advanced == data_before) {
        changes.clear();
        changes.mask = kEcho;
      }
      break;
    case kSequence:
      if (advanced == data_before) {
        changes.clear();
        changes.mask = kData;
      }
      break;
    default:
      break;
  }
  const auto counted = static_cast<std::uint16_t>(now.identification() - before.identification());
  if (counted != 1) changes.put(kIdentification, counted);
  if ((now.flags() & tcp_flag::kPsh) != 0) changes.mask |= kPush;
  return changes;
}

}  // namespace

PppProtocol VjCompressor::compress(Packet& packet) noexcept {
  const std::optional<VjHeader> header = VjHeader::of(packet.bytes());
  // What opens or closes a connection is too rare to be worth it.
  constexpr std::uint8_t kPlain = tcp_flag::kSyn | tcp_flag::kFin | tcp_flag::kRst | tcp_flag::kAck;
  if (!header || (header->flags() & kPlain) != tcp_flag::kAck) return protocol::kIp;
  const std::uint8_t number = slot_of(*header);
  Slot& slot = slots_[number];
  slot.used = ++packets_;
  if (!slot.header || !slot.header->same_connection(*header)) {
    return refresh(number, *header, packet);
  }
  std::optional<Changes> changes = changes_between(*slot.header, *header);
  if (!changes) return refresh(number, *header, packet);

  const bool says_slot = !parameters_.implicit_slot || last_ != number;
  packet.pop_front(header->size());
  Writer out(packet.push_front(1 + (says_slot ? 1U : 0U) + 2 + changes->bytes().size()));
  out.u8(changes->mask | (says_slot ? vj_mask::kSlot : 0));
  if (says_slot) out.u8(number);
  out.u16(header->checksum());
  out.bytes(changes->bytes());
  slot.header = header;
  last_ = number;
  return protocol::kVjCompressed;
}

/// The slot of the connection, or the one that has not been used for longest.
std::uint8_t VjCompressor::slot_of(const VjHeader& header) const noexcept {
  const std::size_t count = std::min<std::size_t>(parameters_.max_slot + 1U, kVjSlots);
  std::size_t oldest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (slots_[i].header && slots_[i].header->same_connection(header)) {
      return static_cast<std::uint8_t>(i);
    }
    if (slots_[i].used < slots_[oldest].used) oldest = i;
  }
  return static_cast<std::uint8_t>(oldest);
}

/// RFC 1144 3.2.2: the packet as it is, but for the slot in the place of the protocol.
PppProtocol VjCompressor::refresh(std::uint8_t slot, const VjHeader& header,
                                  Packet& packet) noexcept {
  constexpr std::size_t kProtocol = 9;  // RFC 791 3.1
  packet.mutable_bytes()[kProtocol] = slot;
  slots_[slot].header = header;
  last_ = slot;
  return protocol::kVjUncompressed;
}

}  // namespace pptp
