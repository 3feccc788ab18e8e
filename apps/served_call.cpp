#include "apps/served_call.h"

#include <fmt/format.h>

#include "apps/config_error.h"
#include "apps/ending.h"
#include "diagnosis/words.h"

namespace pptp::app {
namespace {

using namespace diagnosis;

std::string hung_up(const End& end) {
  if (end.text.empty()) return "the client hung up";
  const auto number = windows_error(end.text);
  if (!number) return fmt::format("the client hung up: \"{}\"", escaped(end.text));
  const std::string_view words = windows_error_words(*number);
  return words.empty() ? fmt::format("the client hung up with Windows error {}", *number)
                       : fmt::format("the client hung up: {} (Windows error {})", words, *number);
}

std::string words_of(const End& end) {
  switch (end.cause) {
    case Cause::closed_locally:
      return "it was ended here";
    case Cause::internal_error:
      return "an error in pptpd-user itself";
    case Cause::control_lost:
      return "the control connection was lost";
    case Cause::control_closed_at_once:
      return "the client connected and closed the connection without a word";
    case Cause::control_timeout:
      return "the client connected and asked for no call";
    case Cause::not_pptp:
      return "what the client sent is not PPTP";
    case Cause::start_rejected:
    case Cause::call_rejected:
    case Cause::call_busy:
      return "the call was rejected";
    case Cause::gre_blocked:
      return "no GRE packet came from the client";
    case Cause::lcp_timeout:
      return "the link could not be agreed on in time";
    case Cause::lcp_no_agreement:
      return "the two ends insist on different options for the link";
    case Cause::looped_back:
      return "our own packets come back to us";
    case Cause::no_network_protocols:
      return "no network protocol was left to carry anything";
    case Cause::auth_no_common_method:
      return "the client allows no way of authentication that is allowed here";
    case Cause::auth_failed:
    case Cause::server_not_authentic:
      return "the client did not accept us";
    case Cause::auth_timeout:
      return "the client did not authenticate in time";
    case Cause::auth_peer_failed:
      return fmt::format("wrong user name or password (E={})", end.code);
    case Cause::mppe_peer_refused:
      return "the client will not encrypt";
    case Cause::mppe_peer_requires:
      return "the client requires encryption, which is off here";
    case Cause::mppe_bits_refused:
      return fmt::format("the client encrypts with {}, which is not allowed here",
                         key_length_words(end.code));
    case Cause::mppe_stateful_only:
      return "the client insists on stateful encryption, which is not allowed here";
    case Cause::mppe_no_keys:
      return "the way the client authenticated makes no keys to encrypt with";
    case Cause::mppe_timeout:
      return "encryption could not be agreed on in time";
    case Cause::mppe_lost:
      return "encryption ended while the call was up";
    case Cause::ipcp_no_agreement:
      return "the two ends could not agree on addresses";
    case Cause::ipcp_timeout:
      return "addresses could not be agreed on in time";
    case Cause::ipcp_no_local_address:
      return "no address is left that the user may have";
    case Cause::ipcp_address_refused:
      return "the client gave an address that cannot be used";
    case Cause::peer_not_responding:
      return "the client stopped answering";
    case Cause::peer_terminated:
    case Cause::peer_cleared_call:
      return hung_up(end);
    case Cause::peer_shutting_down:
      return "the client is shutting down";
    case Cause::replaced:
      return "the same user has called again";
    case Cause::time_limit:
      return "the time limit was reached";
    case Cause::idle_timeout:
      return "nothing was sent or received for the idle time";
  }
  return "an error in pptpd-user itself";
}

}  // namespace

std::string served_call_name(const SessionDown& down) {
  constexpr std::size_t kMaxClaim = 64;
  if (down.user.empty()) return "call";
  if (down.authenticated) return fmt::format("call of {}", printable(down.user));
  return fmt::format("call of who claims to be \"{}{}\"", escaped(down.user.substr(0, kMaxClaim)),
                     down.user.size() > kMaxClaim ? "..." : "");
}

std::string served_call_end(const End& end) {
  const std::string id = ending_of(end).id;
  return id.empty() ? words_of(end) : fmt::format("{} [{}]", words_of(end), id);
}

}  // namespace pptp::app
