#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "lib/bytes.h"
#include "lib/ipv4.h"

namespace pptp {

/// Lets conversations go on that began at an address which this host had inside the tunnel before
/// the call gave it another one. With demand dialling every first one is such: the packet that
/// starts the call needs a source address, which the call has yet to bring.
///
/// Packets from a former address leave with the current one; what answers them comes in to the
/// former one again. IPv4: TCP, UDP and ICMP echo by their ports and identifiers, anything else by
/// the two hosts. ICMP errors are not looked into. Remembers a bounded number of conversations, and
/// forgets the oldest. Allocates nothing.
class AddressTranslation {
 public:
  static constexpr std::size_t kMaxConversations = 256;

  /// The address from now on. The one before it becomes a former one; only the latest two are
  /// remembered.
  void set_current(Ipv4Address current) noexcept;

  /// Rewrites a packet that is about to leave, in place, where it is from a former address.
  void outbound(MutableBytes packet) noexcept;

  /// Rewrites a packet that has come in, where it belongs to one that was rewritten.
  void inbound(MutableBytes packet) noexcept;

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
  };

  struct View;

  static std::optional<View> look_at(MutableBytes packet) noexcept;
  bool is_former(Ipv4Address address) const noexcept;
  void remember(const Conversation& conversation, Ipv4Address former) noexcept;

  std::optional<Ipv4Address> current_;
  std::array<std::optional<Ipv4Address>, 2> former_;
  std::array<Remembered, kMaxConversations> remembered_{};
  std::size_t used_ = 0;
  std::size_t next_ = 0;
};

}  // namespace pptp
