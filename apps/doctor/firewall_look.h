#pragma once

#include <functional>
#include <optional>

#include "diagnosis/checkup.h"
#include "tunnel/io/event_loop.h"
#include "tunnel/io/process.h"
#include "tunnel/io/unique_fd.h"

namespace pptp::app {

/// Reads this host's packet filter, where nft is there and lets us, and what is known of the
/// conntrack helper for PPTP. Beside the event loop, for kNftLimit at most; ends when this goes.
class FirewallLook {
 public:
  /// Called once, from the loop.
  using Done = std::function<void(const diagnosis::SeenFirewall&)>;

  FirewallLook(io::EventLoop& loop, Done done);
  FirewallLook(const FirewallLook&) = delete;
  FirewallLook& operator=(const FirewallLook&) = delete;

  static constexpr Duration kNftLimit = std::chrono::seconds(3);

 private:
  void ended();

  io::UniqueFd out_;
  std::optional<io::Process> process_;
  std::optional<io::FdWatch> watch_;
  io::Timer limit_;
  Done done_;
};

}  // namespace pptp::app
