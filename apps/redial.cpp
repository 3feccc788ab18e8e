#include "apps/redial.h"

#include <algorithm>

#include <fmt/format.h>

namespace pptp::app {
namespace {

/// How a kind of ending is taken.
enum class Again : std::uint8_t {
  never,        ///< it would end the same way, or the user wanted it so
  soon,         ///< with waits that grow
  later,        ///< the server asked for patience, in its way
  at_its_host,  ///< the host answers and the service does not: it is being restarted
  with_a_way,   ///< the network is missing
};

/// "busy" and "shutting down": not sooner than that.
constexpr Duration kPatience = std::chrono::seconds(10);

/// A service that is being restarted is found within that time of its return.
constexpr Duration kRestartLimit = std::chrono::seconds(8);

/// Waits vary by a fifth less, so that a server's clients do not all come back at once.
constexpr unsigned kJitterDivisor = 5;

Again again(const Ending& ending) noexcept {
  using enum ExitStatus;
  if (ending.id == "call-busy" || ending.id == "server-shutdown") return Again::later;
  if (ending.id == "ctrl-refused") return Again::at_its_host;
  switch (ending.exit) {
    case ended_by_us:
    case internal_error:
    case config_invalid:
    case not_permitted:
    case interrupted:
    case script_failed:
    case idle_time:
    case time_limit:
    case host_config_failed:
    case already_connected:
    case no_common_method:
    case server_not_authentic:
      return Again::never;
    case not_authenticated:
      // Only a server that did not say a word has not refused the password.
      return ending.id == "auth-timeout" ? Again::soon : Again::never;
    case not_encrypted:
      return ending.id == "ccp-timeout" || ending.id == "mppe-lost" ? Again::soon : Again::never;
    case not_reached:
      return ending.id == "ctrl-unreachable-1723" ? Again::soon : Again::with_a_way;
    case name_not_found:
      return Again::with_a_way;
    case no_agreement:
    case peer_not_responding:
    case peer_terminated:
    case looped_back:
    case call_rejected:
    case no_gre:
    case no_address:
      return Again::soon;
  }
  return Again::never;
}

Duration with_jitter(Duration wait, Entropy& entropy) {
  return wait - wait / kJitterDivisor * entropy.u16() / 0xffff;
}

}  // namespace

void RedialPolicy::came_up() noexcept {
  attempts_ = 0;
  next_ = {};
}

std::optional<Redial> RedialPolicy::after(const Ending& ending, Entropy& entropy) {
  const Again how = again(ending);
  if (!config_.reconnect || how == Again::never) return std::nullopt;
  if (config_.max_attempts != 0 && attempts_ == config_.max_attempts) return std::nullopt;
  ++attempts_;
  if (next_ == Duration::zero()) next_ = std::min(config_.first, config_.limit);
  Duration wait = with_jitter(next_, entropy);
  next_ = std::min(2 * next_, config_.limit);
  if (how == Again::later) wait = std::max(wait, kPatience);
  if (how == Again::at_its_host) wait = std::min(wait, kRestartLimit);
  return Redial{.after = wait, .or_route_change = how == Again::with_a_way};
}

bool another_server_may_help(const Ending& ending) noexcept {
  using enum ExitStatus;
  switch (ending.exit) {
    case name_not_found:
    case not_reached:
    case call_rejected:
    case no_gre:
    case peer_not_responding:
    case no_agreement:
      return true;
    default:
      return false;
  }
}

std::string next_server_words(const Ending& ending) {
  return fmt::format("{} [{}]; trying the next server", ending.summary, ending.id);
}

}  // namespace pptp::app
