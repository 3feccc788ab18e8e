#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "lib/cause.h"
#include "lib/deadlines.h"
#include "lib/ids.h"
#include "lib/log.h"
#include "ppp/link.h"
#include "tunnel/control_connection.h"
#include "tunnel/quirks.h"

namespace pptp {

/// One call as it is to be made or taken.
struct CallConfig {
  Role role = Role::client;
  ControlConfig control;  ///< role and call id are filled in from here
  /// Ours; not 0, and unique among the calls of one GRE socket.
  CallId call_id{1};
  LinkConfig link;  ///< its role is filled in from here
  /// Keep to the receive window that the peer announces (RFC 2637 4.2).
  bool pace_by_window = false;
  Quirks quirks;
  /// Client: how long the server may send no GRE packet at all once the call is granted. (A server
  /// has LCP's own limit: it is the client's to say what is wrong with the path.)
  Duration gre_timeout = std::chrono::seconds(8);
  /// TCP's segments are kept small enough for the tunnel (Engine::set_mtu).
  bool mss_clamp = true;
  /// How long taking down may last altogether (interop note 3.28).
  Duration shutdown_limit = std::chrono::milliseconds(1800);
};

/// The call is over, or never came up. No event follows; the TCP connection stays until finished(),
/// for what is still to be said on it.
struct CallEnded {
  End end;
};

using CallEvent = std::variant<CallConnected, CallEnded, LinkEvent>;

/// The control half of a call: PPTP control connection and PPP link, and in which order they come
/// and go.
///
/// Told of bytes, frames and the time; asked for bytes, frames, events and its deadline.
class Control {
 public:
  Control(CallConfig config, Entropy& entropy, Log log);

  // The TCP connection.
  void connected(TimePoint now);
  void received(TimePoint now, Bytes octets);
  void closed(TimePoint now);

  std::optional<std::vector<std::uint8_t>> poll_output() { return connection_.poll_output(); }

  /// Whether the TCP connection should be closed: all output polled has to go first.
  bool finished() const noexcept { return connection_.finished(); }

  // PPP frames that are not data.
  std::optional<Drop> frame(TimePoint now, PppProtocol protocol, Bytes information);

  std::optional<ControlFrame> poll_frame() { return link_.poll_frame(); }

  /// A GRE packet of this call came in, whatever was in it: the path lets GRE through.
  void heard() noexcept;

  /// An IP packet of the peer was delivered: proof that its PPP lives, as frame() is. An
  /// acknowledgement alone, a duplicate or what cannot be deciphered is none.
  void note_traffic(TimePoint now) noexcept { link_.note_traffic(now); }

  /// RxPath lost its place in the cipher stream. False: too early, as Link::request_reset() says.
  bool request_reset(TimePoint now) { return link_.request_reset(now); }

  /// It has found it again.
  void reset_answered() noexcept { link_.reset_answered(); }

  /// Ends the call politely: LCP Terminate-Request, Call-Clear-Request,
  /// Stop-Control-Connection-Request, each as far as the peer goes along; CallEnded follows within
  /// CallConfig::shutdown_limit.
  void close(TimePoint now, End end);

  void supply_secret(TimePoint now, const Credentials* credentials);
  void password_stored(TimePoint now, bool stored);
  void try_again(TimePoint now, std::shared_ptr<const Credentials> credentials);
  void assign(TimePoint now, const IpAssignment& assignment);

  void on_deadline(TimePoint now);
  Deadline next_deadline() const noexcept;

  /// Oldest first.
  std::optional<CallEvent> poll_event();

  Phase phase() const noexcept { return link_.phase(); }

  /// What the call fails of if it is given up as it is.
  End unfinished() const;

  EncryptionOffers encryption_offers() const { return link_.encryption_offers(); }

 private:
  enum class Timer : std::uint8_t { gre, shutdown, count_ };

  void settle(TimePoint now);
  void on_control_event(TimePoint now, CallConnected&& event);
  void on_control_event(TimePoint now, ControlEnded&& event);
  void link_ended(TimePoint now, End end);
  void end_call();
  End as_heard(End end) const;

  Duration gre_timeout_;  ///< zero: none
  Duration shutdown_limit_;
  Log log_;
  ControlConnection connection_;
  Link link_;
  Deadlines<Timer> timers_;
  std::deque<CallEvent> events_;
  std::optional<End> end_;  ///< the first reason; later ones are consequences
  bool heard_ = false;
  bool link_over_ = true;
  bool connection_over_ = false;
  bool told_ = false;  ///< CallEnded has been queued
};

}  // namespace pptp
