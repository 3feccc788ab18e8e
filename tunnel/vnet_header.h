#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/bytes.h"
#include "lib/error.h"

namespace pptp {

/// What stands before each packet of a TUN interface with IFF_VNET_HDR: virtio's struct
/// virtio_net_hdr (virtio 1.2, 5.1.6), little-endian, without the count of buffers.
struct VnetHeader {
  static constexpr std::size_t kSize = 10;

  /// Whose segments the packet is made of.
  enum class Segments : std::uint8_t { none, tcp_ipv4, tcp_ipv6 };

  /// The checksum field holds the sum of the pseudo-header, and nothing else yet.
  bool needs_checksum = false;
  Segments segments = Segments::none;
  std::uint16_t header_size = 0;      ///< a hint; the headers themselves tell
  std::uint16_t segment_size = 0;     ///< octets of payload; 0 only where segments is none
  std::uint16_t checksum_start = 0;   ///< where what it covers begins, to the packet's end
  std::uint16_t checksum_offset = 0;  ///< of the field, from there

  /// Takes it off the front. truncated; unsupported: segments that were not asked for; bad_value:
  /// segments of no size.
  static Result<VnetHeader> parse(Reader& reader) noexcept;
  void write(Writer& out) const noexcept;

  bool operator==(const VnetHeader&) const = default;
};

}  // namespace pptp
