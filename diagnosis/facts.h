#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string_view>
#include <vector>

namespace pptp::diagnosis {

/// What can be said about one attempt at a call once all its lines are known. The catalogue's rules
/// are made of these.
enum class Fact : std::uint8_t {
  client,    ///< the log is the client's
  server,    ///< the log is the server's
  detailed,  ///< packets are printed
  up,        ///< network packets could flow
  ended_on_purpose,
  ended,              ///< the attempt came to its end within the log
  hung_up_before_up,  ///< that the log shows, and nothing else had ended it
  hung_up_after_up,
  hung_up_unasked,  ///< pptp went first, or whoever had started pppd ends it only then
  signal_repeated,  ///< the same end is told again and again
  was_up,           ///< only its end says so
  pty_failed,       ///< pptpd has lost its pppd
  only_the_end,     ///< nothing of the call but its end is in the log
  pppd_seen,        ///< pppd itself speaks in the log, about its link

  // control connection
  call_granted,
  start_unanswered,
  nothing_from_control,  ///< pptp began, and its control connection says nothing
  closed_before_reply,
  client_left_without_call,
  disconnected_before_up,
  disconnected_after_up,

  // LCP
  lcp_timed_out,
  nothing_received,     ///< PPP was sent, again and again, and nothing came
  gone_after_time_out,  ///< pppd says nothing, and is gone when LCP's time is over
  waited_in_vain,       ///< somebody has waited, and ended pppd
  answers_missing,      ///< the peer asks and never answers: one way only
  lcp_open,
  lcp_keeps_disagreeing,
  mru_naked_again,
  gre_filtered,     ///< this host's packet filter has logged GRE
  framing_in_data,  ///< asynchronous framing where none belongs

  // authentication
  mschap_refused_by_us,
  other_method_refused_by_us,
  method_refused_by_peer,
  asks_server_for_proof,
  method_changed,
  auth_failed,
  auth_succeeded,
  authorized,  ///< a server's pppd says so
  challenge_unanswered,
  response_unanswered,
  backslash_doubled,
  eap_used,

  // CCP
  mppe_asked_of_us,
  mppe_refused_by_us,
  mppe_refused_by_peer,
  mppe_asked_by_us,
  nothing_asked_and_naked,
  only_compression_asked,
  compression_refused_by_peer,
  ccp_refused_by_peer,  ///< Protocol-Reject
  peer_only_40,
  peer_only_stateful,
  peer_without_keys,     ///< a Nak without any key length
  peer_without_request,  ///< its request has no key length, and we hang up at once
  ccp_open,
  stateful,

  // garbage where packets should be
  garbage_at_once,
  garbage_later,
  garbage_received,  ///< without any sign of when
  reject_at_once,
  reject_later,
  reject_stream,
  unnegotiated_pfc,

  // IPCP
  address_refused,
  address_disputed,
  remote_is_server,
  default_route_replaced,
  sent_far_more,  ///< than was received, and much
  sent_alone,     ///< and next to nothing was received

  // once up
  echo_one_way,
  echo_lost,
  echo_unanswered,
  reordering,
  terminated_by_peer,
  terminated_without_reason,

  count_
};

inline constexpr std::size_t kFactCount = static_cast<std::size_t>(Fact::count_);

/// The facts of an attempt, each with the lines that show it.
class Facts {
 public:
  void add(Fact fact, std::size_t line) { lines_[index(fact)].insert(line); }

  bool has(Fact fact) const { return !lines_[index(fact)].empty(); }

  /// Indices into the lines, in order.
  const std::set<std::size_t>& lines(Fact fact) const { return lines_[index(fact)]; }

 private:
  static std::size_t index(Fact fact) { return static_cast<std::size_t>(fact); }

  std::array<std::set<std::size_t>, kFactCount> lines_;
};

}  // namespace pptp::diagnosis
