#pragma once

#include <algorithm>
#include <cstdint>

namespace pptp {

// How much of an outer IPv4 packet is left for the inner one (interop note 3.13).

inline constexpr std::uint32_t kOuterIpHeader = 20;
inline constexpr std::uint32_t kGreOverhead = 16;  ///< with sequence and acknowledgement
inline constexpr std::uint32_t kPppOverhead = 4;   ///< FF 03 and a two octet protocol field
/// Inside the PPP information field: MPPE header, and the inner protocol field.
inline constexpr std::uint32_t kMppeOverhead = 4;

inline constexpr std::uint32_t kMinMtu = 576;  ///< RFC 791: what every host takes
inline constexpr std::uint32_t kMaxMtu = 1500;

/// The longest PPP information field that fits into outer packets of `path_mtu` octets.
constexpr std::uint32_t max_information(std::uint32_t path_mtu) noexcept {
  const std::uint32_t overhead = kOuterIpHeader + kGreOverhead + kPppOverhead;
  return std::clamp(path_mtu, kMinMtu + overhead, kMaxMtu + overhead) - overhead;
}

/// The MTU for the inner packets. `peer_mru`: what the peer takes as information field.
constexpr std::uint32_t inner_mtu(std::uint32_t path_mtu, std::uint32_t peer_mru,
                                  bool encrypted) noexcept {
  const std::uint32_t information = std::min(max_information(path_mtu), peer_mru);
  return std::clamp(information - (encrypted ? kMppeOverhead : 0), std::uint32_t{68}, kMaxMtu);
}

}  // namespace pptp
