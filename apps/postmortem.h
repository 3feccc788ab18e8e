#pragma once

#include <functional>
#include <optional>

#include "apps/client_call.h"
#include "apps/doctor/firewall_look.h"
#include "apps/ending.h"
#include "tunnel/io/event_loop.h"

namespace pptp::app {

/// Why a call did not come up, told better by what this host shows: its route, its tunnels, its
/// packet filter. Sends nothing and changes nothing. Beside the event loop, for
/// FirewallLook::kNftLimit at most; ends when this goes.
class Postmortem {
 public:
  /// Called once, from the loop: the ending with the likeliest cause in front. Its exit status
  /// stays.
  using Done = std::function<void(Ending)>;

  Postmortem(io::EventLoop& loop, OverCall call, Done done);
  Postmortem(const Postmortem&) = delete;
  Postmortem& operator=(const Postmortem&) = delete;

 private:
  void tell();

  OverCall call_;
  io::Timer soon_;
  std::optional<FirewallLook> firewall_;
  Done done_;
};

/// The ending as a diagnosis has it; with another's exit status it would be another end.
Ending diagnosed(Ending ending, const diagnosis::Diagnosis& diagnosis);

}  // namespace pptp::app
