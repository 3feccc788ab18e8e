#include "lib/cause.h"

namespace pptp {

std::string_view name(Cause cause) noexcept {
  switch (cause) {
    case Cause::closed_locally:
      return "closed-locally";
    case Cause::internal_error:
      return "internal-error";
    case Cause::control_lost:
      return "control-lost";
    case Cause::control_closed_at_once:
      return "control-closed-at-once";
    case Cause::control_timeout:
      return "control-timeout";
    case Cause::not_pptp:
      return "not-pptp";
    case Cause::start_rejected:
      return "start-rejected";
    case Cause::call_rejected:
      return "call-rejected";
    case Cause::call_busy:
      return "call-busy";
    case Cause::gre_blocked:
      return "gre-blocked";
    case Cause::lcp_timeout:
      return "lcp-timeout";
    case Cause::lcp_no_agreement:
      return "lcp-no-agreement";
    case Cause::looped_back:
      return "looped-back";
    case Cause::no_network_protocols:
      return "no-network-protocols";
    case Cause::auth_no_common_method:
      return "auth-no-common-method";
    case Cause::auth_failed:
      return "auth-failed";
    case Cause::auth_timeout:
      return "auth-timeout";
    case Cause::auth_peer_failed:
      return "auth-peer-failed";
    case Cause::server_not_authentic:
      return "server-not-authentic";
    case Cause::mppe_peer_refused:
      return "mppe-peer-refused";
    case Cause::mppe_peer_requires:
      return "mppe-peer-requires";
    case Cause::mppe_bits_refused:
      return "mppe-bits-refused";
    case Cause::mppe_stateful_only:
      return "mppe-stateful-only";
    case Cause::mppe_no_keys:
      return "mppe-no-keys";
    case Cause::mppe_timeout:
      return "mppe-timeout";
    case Cause::mppe_lost:
      return "mppe-lost";
    case Cause::ipcp_no_agreement:
      return "ipcp-no-agreement";
    case Cause::ipcp_timeout:
      return "ipcp-timeout";
    case Cause::ipcp_no_local_address:
      return "ipcp-no-local-address";
    case Cause::ipcp_address_refused:
      return "ipcp-address-refused";
    case Cause::peer_not_responding:
      return "peer-not-responding";
    case Cause::peer_terminated:
      return "peer-terminated";
    case Cause::peer_cleared_call:
      return "peer-cleared-call";
    case Cause::peer_shutting_down:
      return "peer-shutting-down";
    case Cause::replaced:
      return "replaced";
    case Cause::time_limit:
      return "time-limit";
    case Cause::idle_timeout:
      return "idle-timeout";
  }
  return "unknown-cause";
}

}  // namespace pptp
