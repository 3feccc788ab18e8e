#include "ppp/automaton.h"

namespace pptp {
namespace {

constexpr std::array<std::string_view, kStates> kStateNames = {
    "Initial",  "Starting", "Closed",   "Stopped",  "Closing",
    "Stopping", "Req-Sent", "Ack-Rcvd", "Ack-Sent", "Opened"};

constexpr std::array<std::string_view, kEvents> kEventNames = {
    "Up",  "Down", "Open", "Close", "TO+", "TO-",  "RCR+", "RCR-",
    "RCA", "RCN",  "RTR",  "RTA",   "RUC", "RXJ+", "RXJ-", "RXR"};

constexpr std::array<std::string_view, kActions> kActionNames = {
    "tlu", "tld", "tls", "tlf", "irc", "zrc", "scr", "sca", "scn", "str", "sta", "scj", "ser"};

}  // namespace

std::string_view name(State state) noexcept {
  return kStateNames[std::to_underlying(state)];
}

std::string_view name(Event event) noexcept {
  return kEventNames[std::to_underlying(event)];
}

std::string_view name(Action action) noexcept {
  return kActionNames[std::to_underlying(action)];
}

}  // namespace pptp
