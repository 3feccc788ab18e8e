#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "lib/bytes.h"
#include "lib/drops.h"
#include "lib/packet.h"
#include "tunnel/vnet_header.h"

namespace pptp {

/// Cuts what one read of a TUN interface with offloads gave into packets as they go over a wire:
/// TCP segments of one size, with all checksums in them. The copy into their slots is the only one.
///
/// What it was given can be taken out in pieces, as there are slots.
class Splitter {
 public:
  /// The longest that the kernel gives: its header, and an IPv6 packet of the greatest length.
  static constexpr std::size_t kMaxRead = VnetHeader::kSize + 40 + 65'535;

  /// Begins with what was read, a VnetHeader and a packet. They are referenced until done();
  /// nothing must be left of those before. Else why nothing will come of them: tun_malformed, or
  /// send_too_big where a segment does not fit into a slot.
  std::optional<Drop> begin(Bytes octets) noexcept;

  bool done() const noexcept { return rest_.empty(); }

  /// The next at most packets.size() packets: the first that many of `packets` hold them, in order.
  /// Slots that are missing are taken from `pool`; when it has none left there are fewer.
  std::size_t next(PacketPool& pool, std::span<Packet> packets) noexcept;

 private:
  bool prepare_segments(const VnetHeader& header, Bytes packet) noexcept;
  bool prepare_whole(const VnetHeader& header, Bytes packet) noexcept;
  void take_one(Packet& packet) noexcept;
  void finish_segment(MutableBytes packet, bool last) const noexcept;

  Bytes headers_;               ///< IP and TCP, as before each segment; of a whole packet none
  Bytes rest_;                  ///< what has not been taken
  std::size_t most_ = 0;        ///< octets of it in one packet
  std::size_t tcp_ = 0;         ///< where in headers_ TCP's begins
  std::uint32_t pseudo_ = 0;    ///< the sum of the pseudo-header, but for the length
  std::uint16_t taken_ = 0;     ///< segments
  std::uint32_t sequence_ = 0;  ///< of the next segment
  /// Of a whole packet that has no checksum yet.
  bool sums_ = false;
  std::size_t sum_start_ = 0;
  std::size_t sum_at_ = 0;
};

}  // namespace pptp
