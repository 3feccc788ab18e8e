#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "lib/drops.h"
#include "lib/packet.h"
#include "ppp/protocol.h"
#include "ppp/vj_header.h"

namespace pptp {

/// RFC 1332 4: what the receiver of TCP/IP with compressed headers can take.
struct VjParameters {
  std::uint8_t max_slot = 15;  ///< Max-Slot-Id: connections have the numbers from 0 to this
  bool implicit_slot = true;   ///< Comp-Slot-Id: the number may be left out when it stays the same

  bool operator==(const VjParameters&) const = default;
};

/// Connections that are remembered in one direction at most, whatever the peer can take.
inline constexpr std::size_t kVjSlots = 16;

/// Van Jacobson's compression of TCP/IP headers (RFC 1144), the sending end.
class VjCompressor {
 public:
  explicit VjCompressor(VjParameters parameters) noexcept : parameters_(parameters) {}

  /// Shortens the header of a whole IPv4 packet in place where it is that of a TCP connection.
  /// Returns the protocol that the packet is to go under: kVjCompressed, kVjUncompressed, or kIp
  /// for one that was left as it is.
  PppProtocol compress(Packet& packet) noexcept;

 private:
  struct Slot {
    std::optional<VjHeader> header;
    std::uint64_t used = 0;  ///< when last; counts packets
  };

  std::uint8_t slot_of(const VjHeader& header) const noexcept;
  PppProtocol refresh(std::uint8_t slot, const VjHeader& header, Packet& packet) noexcept;

  VjParameters parameters_;
  std::array<Slot, kVjSlots> slots_{};
  std::optional<std::uint8_t> last_;
  std::uint64_t packets_ = 0;
};

/// The receiving end.
///
/// A lost packet puts it out of step with the sender, until the sender sends a whole header, which
/// a TCP that retransmits makes it do. What it would rebuild meanwhile has a wrong TCP checksum:
/// only packets with a right one are let through, and the first with a wrong one ends its
/// connection's until there is a whole header again. (The identification of an IP header, which no
/// checksum of TCP covers, may be off after a loss.)
class VjDecompressor {
 public:
  explicit VjDecompressor(VjParameters parameters) noexcept : parameters_(parameters) {}

  /// Makes a whole IPv4 packet, in place, of one that came as kVjCompressed or kVjUncompressed.
  /// Returns why the packet must be dropped (its octets are then worth nothing), or nullopt.
  [[nodiscard]] std::optional<Drop> decompress(PppProtocol protocol, Packet& packet) noexcept;

 private:
  std::optional<Drop> refresh(Packet& packet) noexcept;
  std::optional<Drop> rebuild(Packet& packet) noexcept;

  VjParameters parameters_;
  std::array<std::optional<VjHeader>, kVjSlots> slots_{};
  std::optional<std::uint8_t> last_;
};

}  // namespace pptp
