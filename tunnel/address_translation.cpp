#include "tunnel/address_translation.h"

#include <algorithm>
#include <span>

#include "lib/ip_packet.h"

namespace pptp {
namespace {

// RFC 791 3.1.
constexpr std::size_t kFragment = 6;
constexpr std::size_t kProtocol = 9;
constexpr std::size_t kHeaderChecksum = 10;
constexpr std::size_t kSource = 12;
constexpr std::size_t kDestination = 16;
constexpr std::uint16_t kFragmentOffset = 0x1fff;

constexpr std::uint8_t kIcmp = 1;
constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;
constexpr std::size_t kTcpChecksum = 16;
constexpr std::size_t kUdpChecksum = 6;
// RFC 792: echo and its reply have an identifier.
constexpr std::uint8_t kEchoReply = 0;
constexpr std::uint8_t kEcho = 8;
constexpr std::size_t kEchoIdentifier = 4;

}  // namespace

/// What there is to rewrite in a packet, and whose it is.
struct AddressTranslation::View {
  MutableBytes header;          ///< from the first octet of the packet
  MutableBytes payload;         ///< behind its header
  bool later_fragment = false;  ///< has no ports and no checksum of the payload's
  std::uint8_t protocol = 0;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;

  void rewrite(std::size_t at, Ipv4Address from, Ipv4Address to) noexcept {
    put_u16(header, at, static_cast<std::uint16_t>(to.value() >> 16));
    put_u16(header, at + 2, static_cast<std::uint16_t>(to.value() & 0xffff));
    adjust(header, kHeaderChecksum, from, to);
    if (later_fragment) return;
    if (protocol == kTcp) adjust(payload, kTcpChecksum, from, to);
    // RFC 768: zero is "none", and what comes to zero is sent as its complement.
    if (protocol == kUdp && u16_at(payload, kUdpChecksum) != 0) {
      adjust(payload, kUdpChecksum, from, to);
      if (u16_at(payload, kUdpChecksum) == 0) put_u16(payload, kUdpChecksum, 0xffff);
    }
  }

 private:
  static void adjust(MutableBytes octets, std::size_t at, Ipv4Address from,
                     Ipv4Address to) noexcept {
    put_u16(octets, at, adjusted_checksum(u16_at(octets, at), from.value(), to.value()));
  }
};

std::optional<AddressTranslation::View> AddressTranslation::look_at(MutableBytes packet) noexcept {
  const std::optional<std::size_t> length = ipv4_length(packet);
  if (!length) return std::nullopt;
  const std::size_t header = static_cast<std::size_t>(packet[0] & 15) * 4;
  View view;
  view.header = packet.first(header);
  view.payload = packet.subspan(header, *length - header);
  view.protocol = packet[kProtocol];
  view.later_fragment = (u16_at(packet, kFragment) & kFragmentOffset) != 0;
  if (view.later_fragment) return view;
  const std::size_t size = view.payload.size();
  if (view.protocol == kTcp || view.protocol == kUdp) {
    if (size < (view.protocol == kTcp ? kTcpChecksum : kUdpChecksum) + 2) return std::nullopt;
    view.source_port = u16_at(view.payload, 0);
    view.destination_port = u16_at(view.payload, 2);
  } else if (view.protocol == kIcmp && size >= kEchoIdentifier + 2 &&
             (view.payload[0] == kEcho || view.payload[0] == kEchoReply)) {
    view.source_port = view.destination_port = u16_at(view.payload, kEchoIdentifier);
  }
  return view;
}

void AddressTranslation::set_current(Ipv4Address current) noexcept {
  if (current_ == current) return;
  if (!first_) first_ = current;
  drop_former(current);
  if (current_) {
    if (former_count_ == former_.size()) drop_former(former_[former_[0] == first_ ? 1 : 0]);
    former_[former_count_++] = *current_;
  }
  current_ = current;
}

bool AddressTranslation::is_former(Ipv4Address address) const noexcept {
  return std::ranges::find(former(), address) != former().end();
}

/// With the conversations that began there.
void AddressTranslation::drop_former(Ipv4Address address) noexcept {
  const auto known = std::span(former_).first(former_count_);
  const auto gone = std::ranges::remove(known, address);
  if (gone.empty()) return;
  former_count_ -= gone.size();
  for (std::size_t i = used_; i-- > 0;) {
    if (remembered_[i].former == address) forget(remembered_[i]);
  }
}

std::span<AddressTranslation::Remembered> AddressTranslation::remembered() noexcept {
  return std::span(remembered_).first(used_);
}

AddressTranslation::Remembered* AddressTranslation::find(
    const Conversation& conversation) noexcept {
  const auto found = std::ranges::find(remembered(), conversation, &Remembered::conversation);
  return found != remembered().end() ? &*found : nullptr;
}

void AddressTranslation::remember(const Conversation& conversation, Ipv4Address former) noexcept {
  Remembered* place = find(conversation);
  if (place == nullptr) {
    if (used_ == kMaxConversations) {
      drops_.count(Drop::conversation_forgotten);
      forget(*std::ranges::min_element(remembered(), {}, &Remembered::last_use));
    }
    place = &remembered_[used_++];
  }
  *place = {.conversation = conversation, .former = former, .last_use = ++uses_};
}

void AddressTranslation::forget(Remembered& one) noexcept {
  one = remembered_[--used_];
}

AddressTranslation::Conversation AddressTranslation::outgoing(Bytes packet,
                                                              const View& view) noexcept {
  return {ipv4_destination(packet), view.protocol, view.destination_port, view.source_port};
}

bool AddressTranslation::outbound(MutableBytes packet) noexcept {
  if (former_count_ == 0 || !ipv4_length(packet)) return true;
  const Ipv4Address source = ipv4_source(packet);
  const bool from_former = is_former(source);
  if (!from_former && (used_ == 0 || source != current_)) return true;
  std::optional<View> view = look_at(packet);
  if (!view) {
    if (from_former) drops_.count(Drop::send_malformed);
    return !from_former;
  }
  if (from_former) {
    if (!view->later_fragment) remember(outgoing(packet, *view), source);
    view->rewrite(kSource, source, *current_);
  } else if (!view->later_fragment) {
    // Somebody has begun anew with the same ports: what answers is meant for him.
    if (Remembered* const over = find(outgoing(packet, *view))) forget(*over);
  }
  return true;
}

void AddressTranslation::inbound(MutableBytes packet) noexcept {
  if (used_ == 0) return;
  std::optional<View> view = look_at(packet);
  if (!view || ipv4_destination(packet) != current_) return;
  const Conversation conversation{ipv4_source(packet), view->protocol, view->source_port,
                                  view->destination_port};
  // A later fragment belongs to whatever goes on between the two hosts, most likely the latest.
  const auto same = [&](const Remembered& one) {
    return view->later_fragment ? one.conversation.remote == conversation.remote &&
                                      one.conversation.protocol == conversation.protocol
                                : one.conversation == conversation;
  };
  Remembered* latest = nullptr;
  for (Remembered& one : remembered()) {
    if (same(one) && (latest == nullptr || one.last_use > latest->last_use)) latest = &one;
  }
  if (latest == nullptr) return;
  latest->last_use = ++uses_;
  view->rewrite(kDestination, *current_, latest->former);
}

}  // namespace pptp
