#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace pptp::diagnosis {

/// Messages that say how far a call has come, whatever comes of it. diagnosis/catalogue/marks.toml
/// has their wordings.
enum class Mark : std::uint8_t {
  // pptp-linux
  pptp_began,
  start_sent,
  start_replied,
  control_failed,
  control_up,
  call_up,
  plugin_call_up,
  peer_closed_control,
  call_disconnected,
  stop_received,
  pptp_closing,
  pptp_ended,
  pppd_gone,
  // pptpd, accel-ppp
  server_program,
  client_came,
  call_started,
  client_left,
  pty_failed,
  // pppd
  pppd_started,
  interface_used,
  link_connected,
  lcp_up,
  auth_succeeded,
  auth_failed,
  eap_answered,
  client_accepted,
  client_authorized,
  mppe_up,
  mppe_up_stateful,
  network_up,
  lcp_timed_out,
  echo_unanswered,
  terminated_by_peer,
  unknown_protocol,
  protocol_rejected,
  ended_on_purpose,
  hung_up,
  link_ended,
  link_had_lasted,
  octets_counted,
  process_ended,
  packet_reordered,
  default_route_replaced,
  gre_filtered,
  // pptpd-user
  own_word,
  // which link it is
  pptp_link,
  modem_link,
  pppoe_link,
  l2tp_link,
  other_vpn,
  count_
};

inline constexpr std::size_t kMarkCount = static_cast<std::size_t>(Mark::count_);

/// One wording of a mark; a mark has several where programs or versions differ.
struct MarkPattern {
  Mark mark;
  std::string_view regex;
  std::string_view example;
};

std::span<const MarkPattern> mark_patterns();

}  // namespace pptp::diagnosis
