#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lib/bytes.h"
#include "lib/cause.h"
#include "lib/deadlines.h"
#include "lib/ids.h"
#include "lib/log.h"
#include "lib/role.h"
#include "lib/time.h"
#include "tunnel/control_message.h"
#include "tunnel/gre_sender.h"
#include "tunnel/quirks.h"

namespace pptp {

struct ControlConfig {
  Role role = Role::client;
  /// Ours, never 0 (interop note 3.2), and not in use between the same two hosts.
  CallId call_id;
  /// What the peer, and who reads its log, is told of us; each cut at 64 octets. The same of every
  /// host: what ours is called is nobody's business.
  std::string host_name = "pptpd-user";
  std::string vendor = "pptpd-user";
  Quirks quirks;
  std::uint16_t receive_window = kGreReceiveWindow;
  bool accept_calls = true;  ///< server; false: a call is answered with "do not accept"

  Duration start_timeout = std::chrono::seconds(10);  ///< client: for Start-...-Reply
  Duration call_timeout = std::chrono::seconds(15);   ///< client: for Outgoing-Call-Reply
  /// Server: from the TCP connection to the call.
  Duration handshake_timeout = std::chrono::seconds(30);
  /// For taking down, all in all (interop note 3.28).
  Duration close_timeout = std::chrono::seconds(2);
  /// RFC 2637 3.1.4. Zero: no Echo-Request is sent.
  Duration echo_interval = std::chrono::seconds(60);
  Duration echo_timeout = std::chrono::seconds(60);
};

/// GRE packets may flow. (They may have come already: interop note 3.6.)
struct CallConnected {
  PeerCallId peer_call_id;
  std::uint16_t peer_window = 0;  ///< as announced; 0 occurs
};

/// The call is over, or will not come up. Comes exactly once, at the beginning of the taking down:
/// the connection stays until finished().
struct ControlEnded {
  End end;
};

using ControlEvent = std::variant<CallConnected, ControlEnded>;

/// RFC 2637 3.1 and 3.2.4, a control connection and its one call taken together.
enum class ControlState : std::uint8_t {
  unconnected,
  wait_start,       ///< wait_ctl_reply (client); idle (server)
  wait_call,        ///< wait_reply (client); control connection established, no call yet (server)
  established,      ///< the call is up
  wait_disconnect,  ///< client: Call-Clear-Request was sent
  wait_stop_reply,
  ended,
};

std::string_view name(ControlState state) noexcept;

/// One PPTP control connection with one outgoing call on it: the client (PNS) asks for it, the
/// server (PAC) grants it.
///
/// Sans-I/O: the owner connects TCP, feeds what arrives to receive(), sends what poll_output() has,
/// and closes TCP when finished(). After each call any poll may have something new. Poll output
/// only when the last has been taken by the socket: then the bound on the output here holds against
/// a peer that does not read.
class ControlConnection {
 public:
  /// Octets of output that may wait; more, and the peer is given up.
  static constexpr std::size_t kMaxOutput = 4096;

  ControlConnection(ControlConfig config, Log log);

  /// TCP is up: the client starts.
  void connected(TimePoint now);
  /// Octets from TCP, in any segmentation. Ignored once ended.
  void receive(TimePoint now, Bytes octets);
  /// TCP ended, by whatever side or failure.
  void closed(TimePoint now);
  /// Clears the call and stops the control connection, as far as the peer goes along and within
  /// close_timeout. The event comes at once. May be called in any state, more than once.
  void close(TimePoint now);

  void on_deadline(TimePoint now);

  Deadline next_deadline() const noexcept { return deadlines_.next(); }

  /// What to send: whole messages, oldest first.
  std::optional<std::vector<std::uint8_t>> poll_output();
  std::optional<ControlEvent> poll_event();

  /// Everything has been polled out and said: close TCP now.
  bool finished() const noexcept { return state_ == ControlState::ended && output_.empty(); }

  ControlState state() const noexcept { return state_; }

 private:
  enum class Timer : std::uint8_t { step, echo, echo_reply, count_ };

  void handle(TimePoint now, const ControlMessage& message);
  void start_requested(const StartControlConnectionRequest& request);
  void start_replied(TimePoint now, const StartControlConnectionReply& reply);
  void call_requested(TimePoint now, const OutgoingCallRequest& request);
  void call_replied(TimePoint now, const OutgoingCallReply& reply);
  void call_cleared(TimePoint now, const ControlMessage& message);
  void malformed(Error error);

  void ask_for_call();
  void establish(TimePoint now, PeerCallId peer, std::uint16_t peer_window);
  void stop_requested(std::uint8_t reason);
  void stop(TimePoint now, std::uint8_t reason);
  void end(End why);
  void finish();
  void enter(ControlState state);

  StartControlConnectionReply start_reply(std::uint8_t result) const;
  OutgoingCallReply call_reply(const OutgoingCallRequest& request, std::uint8_t result) const;
  void send(const ControlMessage& message);
  void send_echo_request(TimePoint now);
  void heard(TimePoint now);
  bool names_our_call(std::uint16_t id) const noexcept;

  ControlConfig config_;
  Log log_;
  ControlState state_ = ControlState::unconnected;
  ControlStream stream_;
  bool heard_octets_ = false;
  std::optional<PeerCallId> peer_;
  std::uint32_t echo_identifier_ = 0;
  Deadlines<Timer> deadlines_;

  std::vector<std::uint8_t> output_;
  std::optional<CallConnected> connected_event_;
  std::optional<ControlEnded> ended_event_;
  bool ended_ = false;  ///< ended_event_ has been set
};

}  // namespace pptp
