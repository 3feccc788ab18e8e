#pragma once

#include <cstdint>

#include "lib/bytes.h"
#include "ppp/protocol.h"

namespace pptp {

enum class Way : std::uint8_t { sent, received };

/// Told of everything that a call says and hears, for a log or a capture: the third interface that
/// the core calls out through. It must not call back, and what it is shown is gone when it returns.
class CallObserver {
 public:
  /// Octets of the control connection: sent, whole messages; received, as TCP has cut them.
  virtual void control(Way way, Bytes octets) noexcept = 0;
  /// A GRE packet without its outer IP header.
  virtual void gre(Way way, Bytes packet) noexcept = 0;
  /// A PPP frame that is not data: what follows its protocol field.
  virtual void frame(Way way, PppProtocol protocol, Bytes information) noexcept = 0;
  /// An IP packet, before it is enciphered or after it was deciphered. Sent: also one that is then
  /// dropped, which the counters tell.
  virtual void ip(Way way, Bytes packet) noexcept = 0;

  virtual ~CallObserver() = default;
};

}  // namespace pptp
