#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/coded_packet.h"
#include "lib/deadlines.h"
#include "lib/drops.h"
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
  no_agreement,     ///< a policy said there is no way on, or the two sides did not converge
  peer_terminated,  ///< Terminate-Request
  rejected,         ///< RXJ-: Protocol-Reject, or Code-Reject of a code that is needed
};

std::string_view name(FinishReason reason) noexcept;

/// RFC 1661's automaton driven: adds identifiers, restart timer and counters, Nak-to-Reject after
/// Max-Failure, and the exact-echo check of Configure-Acks. Owns no policy; `policy` must outlive
/// it.
///
/// What the peer can make it hold or do is bounded: packets and signals that nobody polls, rounds
/// of one negotiation, renegotiations in a while (RFC 1661 leaves the last two open). A negotiation
/// beyond its bound ends with FinishReason::no_agreement or timeout.
class Negotiator {
 public:
  /// Nothing longer is ever sent, whatever MRU the peer names.
  static constexpr std::size_t kMaxPacket = 1500;
  /// A max_packet() below this is taken as this.
  static constexpr std::size_t kMinPacket = 64;

  Negotiator(OptionPolicy& policy, NegotiatorConfig config, Log log);

  void open(TimePoint now);
  /// `reason` goes into the Terminate-Request.
  void close(TimePoint now, std::string_view reason);
  void lower_up(TimePoint now);
  void lower_down(TimePoint now);

  /// A packet of this protocol from its Code field on; Length is checked and padding cut off here.
  /// What is malformed or stale is dropped without an answer, as RFC 1661 5 wants. Returns why it
  /// was dropped, unless it was merely stale.
  std::optional<Drop> receive(TimePoint now, Bytes packet);

  /// The peer's LCP rejected this protocol as a whole.
  void protocol_rejected(TimePoint now);

  /// Early and late calls are harmless.
  void on_deadline(TimePoint now);
  Deadline next_deadline() const noexcept;

  /// The next packet to send, from the Code field on. While kMaxQueued are waiting more are
  /// dropped, which the peer cannot tell from a loss on the way.
  std::optional<std::vector<std::uint8_t>> poll_packet();
  /// What happened, oldest first. Poll after every call: of more than kMaxQueued the oldest go.
  std::optional<LayerSignal> poll_signal();
  static constexpr std::size_t kMaxQueued = 32;

  State state() const noexcept { return state_; }

  /// Why the layer finished or is about to; none from the beginning of a negotiation on.
  FinishReason finish_reason() const noexcept { return finish_reason_; }

  /// Whether the peer's Terminate-Request came in this negotiation, also before Opened, and no
  /// Configure-Request since.
  bool peer_terminated() const noexcept { return peer_terminated_; }

  /// Data of the peer's last Terminate-Request in this negotiation, as it came.
  const std::string& terminate_text() const noexcept { return terminate_text_; }

  /// For policies and the Link: a packet with one of the extra codes, outside the automaton. Data
  /// that would make the packet longer than `max_packet()` is cut.
  void send(std::uint8_t code, Identifier id, Bytes data);
  /// A fresh identifier for such a packet.
  Identifier take_identifier() noexcept;
  /// RFC 1661 5: nothing sent is longer than the peer's MRU (interop note 3.18). kMaxPacket until
  /// set.
  void set_max_packet(std::size_t octets) noexcept;

  std::size_t max_packet() const noexcept { return max_packet_; }

 private:
  /// What a Configure-Request is answered with.
  struct Answer {
    std::uint8_t code;
    std::vector<std::uint8_t> options;
  };

  std::optional<Drop> dispatch(TimePoint now, const CodedPacket& received);
  std::optional<Drop> receive_configure_request(TimePoint now, const CodedPacket& received);
  std::optional<Drop> receive_configure_ack(TimePoint now, const CodedPacket& received);
  std::optional<Drop> receive_refusal(TimePoint now, const CodedPacket& received);
  void receive_terminate_request(TimePoint now, const CodedPacket& received);
  void receive_terminate_ack(TimePoint now, const CodedPacket& received);
  std::optional<Drop> receive_code_reject(TimePoint now, const CodedPacket& received);

  /// nullopt: give_up() was called.
  std::optional<Answer> judge(const OptionList& options);
  bool is_acked_request(const CodedPacket& received) const noexcept;
  bool answers_request(const CodedPacket& received) const noexcept;
  bool all_requested(const OptionList& options) const noexcept;

  // `received` caused the event, or is empty.
  void apply(TimePoint now, Event event, const CodedPacket& received);
  void perform(TimePoint now, Action action, const CodedPacket& received);
  void send_configure_request(TimePoint now);
  void send_answer(const CodedPacket& received);
  void send_terminate_request(TimePoint now);

  void begin_negotiation() noexcept;
  bool may_renegotiate(TimePoint now) noexcept;
  void finish_for(FinishReason reason) noexcept;
  void give_up(std::string_view words);
  void close_if_given_up(TimePoint now);

  void log(LogLevel level, std::string_view what) const noexcept;
  void log_change(State from, Event event) const noexcept;
  void signal(LayerSignal what);

  OptionPolicy& policy_;
  NegotiatorConfig config_;
  Log log_;

  State state_ = State::initial;
  FinishReason finish_reason_ = FinishReason::none;
  std::string close_text_;
  bool peer_terminated_ = false;
  std::string terminate_text_;
  std::size_t max_packet_ = kMaxPacket;

  Deadline restart_deadline_;
  unsigned restart_count_ = 0;

  Identifier last_id_;
  Identifier request_id_;
  std::vector<std::uint8_t> request_;  ///< the options of our last Configure-Request
  bool request_pending_ = false;       ///< it waits for its answer
  Identifier terminate_id_;
  Answer answer_{};  ///< to the Configure-Request at hand, or the last one
  Identifier answer_id_;

  // What bounds one negotiation.
  unsigned naks_sent_ = 0;
  unsigned refusals_sent_ = 0;
  unsigned requests_sent_ = 0;
  bool given_up_ = false;

  unsigned renegotiations_ = 0;
  TimePoint renegotiations_since_;

  std::deque<std::vector<std::uint8_t>> packets_;
  std::deque<LayerSignal> signals_;
};

}  // namespace pptp
