#include "lib/drops.h"

namespace pptp {

std::string_view name(Drop drop) noexcept {
  switch (drop) {
    case Drop::outer_malformed:
      return "outer-malformed";
    case Drop::gre_malformed:
      return "gre-malformed";
    case Drop::gre_other_call:
      return "gre-other-call";
    case Drop::gre_duplicate:
      return "gre-duplicate";
    case Drop::gre_late:
      return "gre-late";
    case Drop::gre_no_payload:
      return "gre-no-payload";
    case Drop::ppp_malformed:
      return "ppp-malformed";
    case Drop::ppp_control_malformed:
      return "ppp-control-malformed";
    case Drop::ppp_unknown_protocol:
      return "ppp-unknown-protocol";
    case Drop::ppp_wrong_phase:
      return "ppp-wrong-phase";
    case Drop::mppe_malformed:
      return "mppe-malformed";
    case Drop::mppe_not_ready:
      return "mppe-not-ready";
    case Drop::mppe_late:
      return "mppe-late";
    case Drop::mppe_unsynchronised:
      return "mppe-unsynchronised";
    case Drop::mppe_implausible:
      return "mppe-implausible";
    case Drop::clear_refused:
      return "clear-refused";
    case Drop::inner_malformed:
      return "inner-malformed";
    case Drop::vj_malformed:
      return "vj-malformed";
    case Drop::vj_unsynchronised:
      return "vj-unsynchronised";
    case Drop::mppc_malformed:
      return "mppc-malformed";
    case Drop::mppc_unsynchronised:
      return "mppc-unsynchronised";
    case Drop::send_not_up:
      return "send-not-up";
    case Drop::send_no_encryption:
      return "send-no-encryption";
    case Drop::send_malformed:
      return "send-malformed";
    case Drop::send_too_big:
      return "send-too-big";
    case Drop::send_window_full:
      return "send-window-full";
    case Drop::send_no_route:
      return "send-no-route";
    case Drop::no_slot:
      return "no-slot";
    case Drop::source_forged:
      return "source-forged";
    case Drop::outer_unsent:
      return "outer-unsent";
    case Drop::tun_refused:
      return "tun-refused";
    case Drop::tun_malformed:
      return "tun-malformed";
    case Drop::conversation_forgotten:
      return "conversation-forgotten";
    case Drop::count_:
      break;
  }
  return "unknown-drop";
}

}  // namespace pptp
