#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/deadlines.h"
#include "lib/ids.h"
#include "lib/log.h"
#include "ppp/automaton.h"
#include "ppp/option_policy.h"

namespace pptp {

/// RFC 1661 4.6, with its defaults.
struct NegotiatorConfig {
  Duration restart_timer = std::chrono::seconds(3);
  unsigned max_configure = 10;
  unsigned max_terminate = 2;
  unsigned max_failure = 5;
};

/// RFC 1661 4.4: what the automaton tells the layers around it.
enum class LayerSignal : std::uint8_t { up, down, started, finished };

/// Why a layer finished, for the Link to name the cause.
enum class FinishReason : std::uint8_t {
  none,
  closed,           ///< close() was called
  timeout,          ///< Max-Configure requests went unanswered
  no_agreement,     ///< a policy said there is no way on, or Max-Failure
  peer_terminated,  ///< Terminate-Request
  rejected,         ///< RXJ-: Protocol-Reject, or Code-Reject of a code that is needed
};

/// RFC 1661's automaton driven: adds identifiers, restart timer and counters, Nak-to-Reject after
/// Max-Failure, and the exact-echo check of Configure-Acks. Owns no policy; `policy` must outlive
/// it.
class Negotiator {
 public:
  Negotiator(OptionPolicy& policy, NegotiatorConfig config, Log log);

  void open(TimePoint now);
  /// `reason` goes into the Terminate-Request.
  void close(TimePoint now, std::string_view reason);
  void lower_up(TimePoint now);
  void lower_down(TimePoint now);

  /// A packet of this protocol from its Code field on; Length is checked and padding cut off here.
  void receive(TimePoint now, Bytes packet);

  /// The peer's LCP rejected this protocol as a whole.
  void protocol_rejected(TimePoint now);

  void on_deadline(TimePoint now);
  Deadline next_deadline() const noexcept;

  /// The next packet to send, from the Code field on.
  std::optional<std::vector<std::uint8_t>> poll_packet();
  /// What happened, oldest first.
  std::optional<LayerSignal> poll_signal();

  State state() const noexcept;
  FinishReason finish_reason() const noexcept;
  /// Data of the peer's Terminate-Request, as it came.
  const std::string& terminate_text() const noexcept;

  /// For policies and the Link: a packet with one of the extra codes, outside the automaton. Data
  /// that would make the packet longer than `max_packet()` is cut.
  void send(std::uint8_t code, Identifier id, Bytes data);
  /// A fresh identifier for such a packet.
  Identifier take_identifier() noexcept;
  /// RFC 1661 5: nothing sent is longer than the peer's MRU (interop note 3.18).
  void set_max_packet(std::size_t octets) noexcept;
};

}  // namespace pptp
