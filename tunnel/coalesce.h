#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "lib/bytes.h"
#include "lib/packet.h"
#include "tunnel/vnet_header.h"

namespace pptp {

/// What goes into a TUN interface with one system call: the header, and the pieces of one packet.
struct TunWrite {
  VnetHeader header;
  std::span<const Bytes> pieces;
};

/// Joins received TCP segments, so that the host takes each run of them as one packet, as its own
/// network cards would have it (Linux: GRO). No payload is copied.
///
/// Only what Splitter would make of the whole again is joined: segments of one flow that follow
/// upon each other and differ in nothing else, each with right checksums. MPPE has no integrity,
/// and the kernel checks nothing of a joined packet any more; anything else is left alone, for the
/// kernel to judge. Segments of one flow stay in order.
class Coalescer {
 public:
  static constexpr std::size_t kBatch = 64;

  /// `packets`: at most kBatch whole IP packets; the headers of the first segment of a run are
  /// changed. What is returned refers to them, and is valid until the next call.
  std::span<const TunWrite> coalesce(std::span<Packet> packets) noexcept;

 private:
  /// Flows that wait for their next segment; one more, and the oldest waits no longer.
  static constexpr std::size_t kFlows = 8;

  /// Packets that become one write.
  struct Run {
    std::uint8_t first = 0;
    std::uint8_t last = 0;
    std::uint8_t count = 1;
    std::size_t tcp = 0;         ///< where its header begins
    std::size_t headers = 0;     ///< octets of both headers
    std::size_t segment = 0;     ///< octets of payload in each but the last
    std::size_t total = 0;       ///< octets
    std::uint32_t sequence = 0;  ///< of the segment that would be next
  };

  struct Segment;

  void place(std::uint8_t index) noexcept;
  std::size_t find_flow(Bytes packet, std::size_t tcp) const noexcept;
  bool append(std::size_t flow, const Segment& segment) noexcept;
  void open(std::uint8_t run) noexcept;
  void close(std::size_t flow) noexcept;
  TunWrite finish(const Run& run, std::span<const Bytes> pieces) noexcept;

  std::span<Packet> packets_;
  std::array<std::uint8_t, kBatch> behind_{};  ///< the next packet of the same run
  std::array<Run, kBatch> runs_{};
  std::size_t run_count_ = 0;
  std::array<std::uint8_t, kFlows> open_{};  ///< runs, the oldest first
  std::size_t open_count_ = 0;
  std::array<Bytes, kBatch> pieces_{};
  std::array<TunWrite, kBatch> writes_{};
};

}  // namespace pptp
