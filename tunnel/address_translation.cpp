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
  if (current_) former_ = {current_, former_[0]};
  for (std::optional<Ipv4Address>& former : former_) {
    if (former == current) former.reset();
  }
  current_ = current;
}

bool AddressTranslation::is_former(Ipv4Address address) const noexcept {
  return std::ranges::find(former_, std::optional(address)) != former_.end();
}

void AddressTranslation::remember(const Conversation& conversation, Ipv4Address former) noexcept {
  const auto known = std::span(remembered_).first(used_);
  const auto found = std::ranges::find(known, conversation, &Remembered::conversation);
  if (found != known.end()) {
    found->former = former;
    return;
  }
  remembered_[next_] = {conversation, former};
  next_ = (next_ + 1) % kMaxConversations;
  used_ = std::min(used_ + 1, kMaxConversations);
}

void AddressTranslation::outbound(MutableBytes packet) noexcept {
  if (!former_[0] && !former_[1]) return;
  std::optional<View> view = look_at(packet);
  if (!view || !is_former(ipv4_source(packet))) return;
  const Ipv4Address former = ipv4_source(packet);
  if (!view->later_fragment) {
    remember({ipv4_destination(packet), view->protocol, view->destination_port, view->source_port},
             former);
  }
  view->rewrite(kSource, former, *current_);
}

void AddressTranslation::inbound(MutableBytes packet) noexcept {
  if (used_ == 0) return;
  std::optional<View> view = look_at(packet);
  if (!view || ipv4_destination(packet) != current_) return;
  const Conversation conversation{ipv4_source(packet), view->protocol, view->source_port,
                                  view->destination_port};
  for (const Remembered& one : std::span(remembered_).first(used_)) {
    // A later fragment belongs to whatever goes on between the two hosts.
    const bool same = view->later_fragment ? one.conversation.remote == conversation.remote &&
                                                 one.conversation.protocol == conversation.protocol
                                           : one.conversation == conversation;
    if (!same) continue;
    view->rewrite(kDestination, *current_, one.former);
    return;
  }
}

}  // namespace pptp
