#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "apps/ending.h"
#include "lib/entropy.h"
#include "lib/time.h"

namespace pptp::app {

/// When to call again.
struct Redial {
  Duration after{};
  bool or_route_change = false;  ///< the network was unreachable: sooner, if a way there appears
};

/// Whether, and when, a call that was up and has ended is made again. Knows no clock.
class RedialPolicy {
 public:
  struct Config {
    bool reconnect = true;
    unsigned max_attempts = 0;  ///< attempts in a row without success; 0: no limit
    Duration first = std::chrono::seconds(1);
    Duration limit = std::chrono::seconds(60);
  };

  explicit RedialPolicy(Config config) noexcept : config_(config) {}

  /// The call came up: the next wait is the first again.
  void came_up() noexcept;

  /// What follows `ending`. nullopt: nothing, it is over.
  std::optional<Redial> after(const Ending& ending, Entropy& entropy);

 private:
  Config config_;
  unsigned attempts_ = 0;  ///< since it was last up
  Duration next_{};        ///< zero: the first
};

/// Whether another server of the list, where there is one, may do what this one did not.
bool another_server_may_help(const Ending& ending) noexcept;

/// What is logged when it is tried.
std::string next_server_words(const Ending& ending);

}  // namespace pptp::app
