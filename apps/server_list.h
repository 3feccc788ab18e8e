#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "apps/address_text.h"
#include "lib/ipv4.h"
#include "tunnel/io/event_loop.h"
#include "tunnel/io/io_error.h"
#include "tunnel/io/resolve.h"

namespace pptp::app {

/// The servers of a profile: which one is called, and where each was found. Once a tunnel stands,
/// its name servers may be the only ones, and cannot be reached while there is no call; so that all
/// are looked up before that, and what was found is remembered.
class ServerList {
 public:
  /// `servers` must outlive it, and is not empty.
  ServerList(io::EventLoop& loop, const std::vector<HostPort>& servers);

  /// The one that is called.
  const HostPort& current() const noexcept { return servers_[current_]; }

  /// Where it was found, the address that it last answered at first; empty: nowhere yet.
  const std::vector<Ipv4Address>& known() const noexcept { return places_[current_].known; }

  /// Looks up all but the current one, whose call does that. Nothing waits for it.
  void look_up_others();

  using Done = std::function<void(io::IoResult<void>)>;

  /// Looks up all of them, takes the first that was found for the current one, and tells; an error
  /// is what came of the first in the list. Once.
  void look_up_all(Done done);

  struct Attempt {
    HostPort server;
    std::vector<Ipv4Address> known;
    bool by_name = true;  ///< the name is asked for all the same: the server may have moved
  };

  /// How the current one is to be called now: where it is known to be, and every other time by
  /// name.
  Attempt attempt();

  /// None of them has been tried.
  void begin_again() noexcept { tried_ = 0; }

  /// Goes on to the next one; false: all have been tried.
  bool next() noexcept;

  /// A call is up, with the current one `at` that address. `found`: what its name stood for; empty
  /// where it was not asked for.
  void came_up(Ipv4Address at, const std::vector<Ipv4Address>& found);

 private:
  struct Place {
    std::vector<Ipv4Address> known = {};
    std::optional<io::Lookup> lookup = {};
    std::optional<io::IoError> trouble = {};  ///< that came of the lookup
    unsigned attempts = 0;                    ///< since the last call that came up
  };

  void look_up(std::size_t index);
  void all_looked_up();

  io::EventLoop& loop_;
  const std::vector<HostPort>& servers_;
  std::vector<Place> places_;
  std::size_t current_ = 0;
  std::size_t tried_ = 0;  ///< since begin_again()
  std::size_t looking_up_ = 0;
  Done done_;
};

}  // namespace pptp::app
