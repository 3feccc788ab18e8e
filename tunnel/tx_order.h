#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>

#include "lib/ids.h"
#include "lib/serial.h"
#include "lib/time.h"
#include "mppe/cipher.h"
#include "ppp/frame.h"
#include "ppp/link.h"
#include "ppp/vj.h"
#include "tunnel/gate.h"

namespace pptp {

/// The call is granted.
struct TxConnect {
  PeerCallId peer;
  std::optional<std::uint16_t> window;  ///< to be kept to, in packets; nullopt: interop note 3.7c
  bool always_acknowledge = false;      ///< interop note 3.7g
};

struct TxMtu {
  std::size_t mtu = 0;  ///< octets of the longest inner IP packet that may go
  bool clamps_mss = false;
};

struct TxKey {
  MppeKey start;
  MppeParameters parameters;
};

struct TxNoKey {};

struct TxFlush {
  FlushRule rule;
};

struct TxVj {
  std::optional<VjParameters> parameters;
};

struct TxIpv6 {
  bool passes = false;
};

/// The highest sequence number that had come in by then.
struct TxReceived {
  TimePoint at;
  SeqNo highest;
};

/// The peer's acknowledgement that had come in by then.
struct TxAcknowledged {
  TimePoint at;
  AckNo acknowledged;
};

/// What the sending half of a call has to know of the rest, for TxPath::obey().
using TxSetting = std::variant<TxConnect, Framing, Gate, TxMtu, TxKey, TxNoKey, TxFlush, TxVj,
                               TxIpv6, TxReceived, TxAcknowledged>;

/// The same, and frames to be sent. Their order counts: a frame may need the framing before it, a
/// gate the key.
using TxOrder = std::variant<TxSetting, ControlFrame>;

}  // namespace pptp
