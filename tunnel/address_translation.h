#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "lib/bytes.h"
#include "lib/drops.h"
#include "lib/ipv4.h"

namespace pptp {

/// Lets conversations go on that began at an address which this host had inside the tunnel before
/// the call gave it another one. With demand dialling every first one is such: the packet that
/// starts the call needs a source address, which the call has yet to bring.
///
/// Packets from a former address leave with the current one; what answers them comes in to the
/// former one again. IPv4: TCP, UDP and ICMP echo by their ports and identifiers, anything else by
/// the two hosts. ICMP errors are not looked into. A conversation is over when the same one leaves
/// from the current address; of those that are not, the one that was silent longest is forgotten
/// for want of room. Allocates nothing.
class AddressTranslation {
 public:
  static constexpr std::size_t kMaxConversations = 256;

  /// Former addresses besides the first one ever.
  static constexpr std::size_t kMaxFormer = 4;

  /// The address from now on. The one before it becomes a former one. The first one ever, which
  /// programs may have bound to before there was a call, stays one for good; of the others only
  /// the latest do.
  void set_current(Ipv4Address current) noexcept;

  /// Those that are translated, the oldest first. Valid until set_current().
  std::span<const Ipv4Address> former() const noexcept {
    return std::span(former_).first(former_count_);
  }

  /// Rewrites a packet that is about to leave, in place, where it is from a former address. False:
  /// it is, and cannot be rewritten, so that it must not leave.
  [[nodiscard]] bool outbound(MutableBytes packet) noexcept;

  /// Rewrites a packet that has come in, where it belongs to one that was rewritten.
  void inbound(MutableBytes packet) noexcept;

  /// Packets that outbound() held back, and conversations that were forgotten for want of room.
  const Drops& drops() const noexcept { return drops_; }

 private:
  struct Conversation {
    Ipv4Address remote;
    std::uint8_t protocol = 0;
    std::uint16_t remote_port = 0;
    std::uint16_t local_port = 0;

    bool operator==(const Conversation&) const = default;
  };

  struct Remembered {
    Conversation conversation;
    Ipv4Address former;
    std::uint64_t last_use = 0;  ///< a number that grows
  };

  struct View;

  static std::optional<View> look_at(MutableBytes packet) noexcept;
  static Conversation outgoing(Bytes packet, const View& view) noexcept;
  bool is_former(Ipv4Address address) const noexcept;
  void drop_former(Ipv4Address address) noexcept;
  std::span<Remembered> remembered() noexcept;
  Remembered* find(const Conversation& conversation) noexcept;
  void remember(const Conversation& conversation, Ipv4Address former) noexcept;
  void forget(Remembered& one) noexcept;

  std::optional<Ipv4Address> current_;
  std::optional<Ipv4Address> first_;
  std::array<Ipv4Address, kMaxFormer + 1> former_;
  std::size_t former_count_ = 0;
  std::array<Remembered, kMaxConversations> remembered_{};
  std::size_t used_ = 0;
  std::uint64_t uses_ = 0;
  Drops drops_;
};

}  // namespace pptp
