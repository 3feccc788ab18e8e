#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lib/bytes.h"
#include "tunnel/io/ipv4_prefix.h"

namespace pptp::app::demo {

/// What all data sent through the tunnel consists of, over and over, so that it is found again on
/// the wire wherever it can be read there.
inline constexpr std::string_view kMarker = "pptpd-user demo ";

/// How many octets of a frame look_at() needs: any 31 octets of data hold the marker as a whole,
/// wherever they begin, and the longest headers of a TCP segment in the tunnel have 130.
inline constexpr std::size_t kLookedAt = 192;

/// What somebody who listens between client and server makes of one frame.
enum class Sight : std::uint8_t {
  enciphered,       ///< GRE, in it PPP's protocol for compressed datagrams: MPPE, with bit D
  clear,            ///< what was meant for the tunnel, and can be read
  negotiation,      ///< GRE, in it PPP's own protocols: LCP, CHAP, CCP, IPCP
  acknowledgement,  ///< GRE without payload
  control,          ///< TCP, port 1723
  other,            ///< anything else, for example ARP
  count_,
};

/// An Ethernet frame, or as much of it as was captured. Clear is also what goes from or to `inner`,
/// the addresses inside the tunnel, without being in GRE, and whatever holds kMarker, so that one
/// does not have to believe the headers.
///
/// Reads the headers by itself, not with the program's parsers: a witness must not be asked by the
/// one it is to watch.
Sight look_at(Bytes frame, const io::Ipv4Prefix& inner) noexcept;

struct WireCount {
  std::array<std::uint64_t, static_cast<std::size_t>(Sight::count_)> seen{};
  std::uint64_t missed = 0;  ///< frames that came too fast to be looked at

  std::uint64_t& operator[](Sight sight) noexcept { return seen[static_cast<std::size_t>(sight)]; }

  std::uint64_t operator[](Sight sight) const noexcept {
    return seen[static_cast<std::size_t>(sight)];
  }

  /// All that were looked at.
  std::uint64_t total() const noexcept;
};

}  // namespace pptp::app::demo
