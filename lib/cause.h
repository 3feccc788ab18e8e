#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pptp {

/// Why a call ended, or never came up, as far as the protocols can tell. The program adds what only
/// it can see (names, sockets, the host) and turns all of them into exit statuses.
enum class Cause : std::uint8_t {
  closed_locally,  ///< we were asked to
  internal_error,  ///< a mistake of ours was noticed
  // control connection, RFC 2637 2
  control_lost,            ///< TCP ended, or PPTP echo went unanswered, while the call was up
  control_closed_at_once,  ///< TCP was accepted and closed without a word, as hosts.allow does
  control_timeout,         ///< no Start-Control-Connection-Reply or Outgoing-Call-Reply came
  not_pptp,                ///< what answered does not speak PPTP
  start_rejected,          ///< Start-Control-Connection-Reply; code = result << 8 | error
  call_rejected,           ///< Outgoing-Call-Reply; code = result << 8 | error
  call_busy,               ///< Outgoing-Call-Reply, result 4 (busy) or 5 (no dial tone)
  gre_blocked,             ///< the call was granted and not one GRE packet came
  // LCP, RFC 1661
  lcp_timeout,           ///< GRE came, LCP did not converge in time
  lcp_no_agreement,      ///< Max-Failure, or an option that one side insists on
  looped_back,           ///< RFC 1661 6.4: our own magic number comes back
  no_network_protocols,  ///< the peer rejected or closed every network protocol
  // authentication
  auth_no_common_method,  ///< the peer asks for nothing that we allow; code = its protocol number
  auth_failed,            ///< the peer refused us; code = its E= number (691 where it gave none)
  auth_timeout,           ///< no result came
  auth_peer_failed,       ///< server: the peer did not prove itself; code = the E= number sent
  server_not_authentic,   ///< the S= of MS-CHAPv2 is missing or wrong
  // CCP
  mppe_peer_refused,   ///< the peer will not encrypt
  mppe_peer_requires,  ///< the peer goes because we do not encrypt
  mppe_bits_refused,   ///< no common key length; code = the peer's CCP bits
  mppe_stateful_only,  ///< the peer insists on stateful mode
  mppe_no_keys,        ///< the method that authenticated makes no keys
  mppe_timeout,        ///< CCP did not converge in time
  mppe_lost,           ///< encryption ended while the call was up
  // IPCP
  ipcp_no_agreement,
  ipcp_timeout,
  ipcp_no_local_address,  ///< the peer gave us none
  ipcp_address_refused,   ///< the address it gave cannot be used; code = that address
  // once up
  peer_not_responding,  ///< LCP echoes went unanswered
  peer_terminated,      ///< LCP Terminate-Request; text = its data
  peer_cleared_call,    ///< Call-Clear-Request, Call-Disconnect-Notify or Stop; code = its result
  peer_shutting_down,   ///< Stop-Control-Connection-Request with reason 3, RFC 2637 2.3
  replaced,             ///< server: the same user has called again and takes over the address
  time_limit,
  idle_timeout,
};

std::string_view name(Cause cause) noexcept;

/// The end of a call. `text` is the peer's, as it came: escape it before showing it.
struct End {
  Cause cause = Cause::closed_locally;
  std::uint32_t code = 0;
  std::string text;
};

}  // namespace pptp
