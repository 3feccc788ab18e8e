#pragma once

#include <optional>

#include "lib/drops.h"
#include "lib/legacy_crypto.h"
#include "lib/packet.h"
#include "lib/serial.h"
#include "mppe/keys.h"

namespace pptp {

/// RFC 3078 7: stateless changes the key before every packet; stateful every 256 packets, and after
/// a loss by a reset exchange (CCP Reset-Request, then a packet with the A bit).
enum class MppeMode : std::uint8_t { stateless, stateful };

struct MppeParameters {
  KeyBits bits = KeyBits::k128;
  MppeMode mode = MppeMode::stateless;

  bool operator==(const MppeParameters&) const = default;
};

/// The sending direction of one call.
class MppeSealer {
 public:
  static constexpr std::size_t kHeaderSize = 2;

  MppeSealer(MppeKey start, MppeParameters parameters) noexcept;

  /// Enciphers the whole packet in place (inner PPP protocol field and information) and puts the
  /// two octet MPPE header in front. False, and the packet unchanged, when there is no headroom.
  [[nodiscard]] bool seal(Packet& packet) noexcept;

  /// Stateful: the peer sent a Reset-Request, so the next packet carries the A bit and, as Linux
  /// does, a changed key (interop note 3.10). Once, however often it is asked for. Stateless:
  /// nothing.
  void flush() noexcept;

  const MppeParameters& parameters() const noexcept;
};

/// The receiving direction of one call.
///
/// Takes packets in order: reordering belongs before it (interop note 3.7d). State moves only when
/// the result is plausible, so that a packet damaged on the way cannot move the key chain.
class MppeOpener {
 public:
  MppeOpener(MppeKey start, MppeParameters parameters) noexcept;

  /// Takes the MPPE header off and deciphers in place; what is left begins with the inner PPP
  /// protocol field (one octet or two, note 3.14). Returns why the packet must be dropped, or
  /// nullopt.
  [[nodiscard]] std::optional<Drop> open(Packet& packet) noexcept;

  /// Stateful: whether the last packets make a CCP Reset-Request due. The caller limits the rate.
  bool needs_reset() const noexcept;

  const MppeParameters& parameters() const noexcept;
};

}  // namespace pptp
