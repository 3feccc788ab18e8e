#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/ipv4.h"
#include "tunnel/io/host_change.h"
#include "tunnel/io/host_recovery.h"
#include "tunnel/io/io_error.h"
#include "tunnel/io/ipv4_prefix.h"
#include "tunnel/io/journal.h"
#include "tunnel/io/netlink.h"
#include "tunnel/io/runtime_dir.h"

namespace pptp::io {

/// A tunnel interface as it is to stand in the host.
struct TunnelSettings {
  unsigned device = 0;  ///< interface index
  Ipv4Address local;
  std::vector<Ipv4Address> former = {};  ///< addresses that programs may still be bound to
  std::optional<Ipv4Address> peer = {};  ///< the far end inside the tunnel
  std::uint32_t mtu = 0;
  std::vector<Ipv4Prefix> routes = {};  ///< what is sent through the tunnel
  bool default_route = false;           ///< everything is that no more special route knows
  bool routes_by_script = false;        ///< a script makes these routes: they are guarded only
  Ipv4Address server;                   ///< the far end outside the tunnel: never sent through it
  std::vector<Ipv4Address> name_servers = {};  ///< for a program that takes the packets
  std::vector<Ipv4Prefix> guarded = {};        ///< what else leads into the tunnel, by add()
};

/// All that one process changes in the host's network configuration, in the network namespace it
/// was created in. Each change is in the profile's journal before it is made; all are undone, last
/// first, when this goes, or by recover() when the process did not get that far.
///
/// The server's own address stays outside the tunnel by a mark on our sockets and a rule that looks
/// marked packets up in a table of our own, which holds one route: the way to the server as it was
/// before the tunnel. (The tunnel's own default route has a second table.) Without a mark it stays
/// outside by a host route in the main table, for all programs.
///
/// The kernel deletes the way to the server with the interface, or the address, that it goes by.
/// Marked packets are then unreachable, rather than sent into the tunnel that they carry, until
/// refresh_server_route() has found the new way.
class HostState {
 public:
  /// First undoes what a dead process with the same profile has left; see recovered(). What cannot
  /// be undone is kept in the new journal, and tried again with this one's own changes.
  static IoResult<HostState> create(const RuntimeDir& directory, const ProfileLock& lock);

  HostState(HostState&&) noexcept = default;
  HostState& operator=(HostState&&) = delete;
  ~HostState();

  /// What create() had to undo.
  const UndoReport& recovered() const noexcept { return recovered_; }

  /// Finds a mark that nobody uses, and claims it, with two tables, by its rule. To be set on the
  /// control connection's and the GRE socket (SO_MARK) before they connect. nullopt: this kernel
  /// has no rules.
  IoResult<std::optional<std::uint32_t>> reserve_mark();

  /// Sets the interface up and routes to it. All or nothing: when something fails, what was done is
  /// undone again, and the error names what failed.
  IoResult<void> configure_tunnel(const TunnelSettings& settings);

  /// Configures the tunnel anew, the way to the server apart, and undoes add(). What the tunnel
  /// leads to, or is to lead to, takes no other way meanwhile: where the kernel has rules, it is
  /// unreachable from here on, until lower_guard(). Nothing is changed where that cannot be had, or
  /// there is no way to the server; when something fails later, everything is undone.
  IoResult<void> reconfigure_tunnel(const TunnelSettings& settings);

  /// All that leads into the tunnel stands again.
  void lower_guard();

  /// Looks for the way to the server again, in the main table without the tunnel's routes, and
  /// takes it where the one in use is gone or the main table's has changed. To be called every few
  /// seconds, and when sending fails; between configure_tunnel() and undo_tunnel(), otherwise does
  /// nothing. Whether the way changed. net_unreachable: there is none at the moment.
  IoResult<bool> refresh_server_route();

  /// Keeps another address of a server's outside the tunnel, instead of the one that is: before a
  /// call is made to it while the tunnel stands. Between configure_tunnel() and undo_tunnel(),
  /// otherwise does nothing. net_unreachable: there is no way to it at the moment. When it fails,
  /// the former address is still outside.
  IoResult<void> move_server(Ipv4Address server);

  /// Lets IPv6 into the tunnel, which a default route keeps everywhere else, for as long as the
  /// kernel has learned a default route from a router behind the tunnel. To be called every few
  /// seconds.
  IoResult<void> refresh_ipv6();

  /// One more change on top of configure_tunnel(), undone with it. Where it fails, nothing of it
  /// stands.
  IoResult<void> add(const HostChange& change) { return this->change(Layer::inside, change); }

  /// Puts words about how it went into the environment of all scripts that undo something.
  IoResult<void> tell_scripts(const std::map<std::string, std::string>& words);

  /// Undoes configure_tunnel(), so that it can be called again. The mark stays.
  UndoReport undo_tunnel();

  /// Undoes everything, the mark too, and removes the journal unless something failed. After that
  /// nothing can be changed any more.
  UndoReport undo_all();

 private:
  struct Tables {
    std::uint32_t mark;
    std::uint32_t server;            ///< holds the way to the server
    std::uint32_t default_route;     ///< holds the default route through the tunnel
    std::uint32_t guard_priority;    ///< the first of two
    std::uint32_t default_priority;  ///< the last of four
  };

  /// Changes in the order in which they lie upon each other; they are undone from the last one on.
  enum class Layer : std::uint8_t {
    mark,
    outside,  ///< what must not go through the tunnel, or round it, and stays from call to call
    guard,
    inside,  ///< the interface, its addresses, and what leads there
  };
  static constexpr std::size_t kLayers = 4;

  /// The way to the server, outside the tunnel that is configured.
  struct ServerRoute {
    unsigned tunnel;               ///< interface index
    Route route;                   ///< ours
    std::optional<Route> in_main;  ///< the main table's, when last looked at
    bool strict_reverse_path;      ///< has rules, and a route to the gateway, for that
  };

  HostState(Netlink netlink, Journal journal) noexcept;

  IoResult<void> raise_guard(const TunnelSettings& settings);
  std::vector<HostChange>& changes(Layer layer) noexcept;
  bool stands(Layer layer, const HostChange& change);
  IoResult<void> change(Layer layer, const HostChange& change);
  /// Undoes this layer and those upon it.
  UndoReport undo_from(Layer first);
  IoResult<void> write_journal();
  IoResult<bool> is_free(const Tables& tables, const std::vector<Rule>& rules);
  IoResult<void> configure_inside(const TunnelSettings& settings);
  IoResult<void> add_addresses(const TunnelSettings& settings);
  IoResult<void> keep_server_outside(const TunnelSettings& settings);
  IoResult<void> take_way(const ServerRoute& way);
  IoResult<void> change_way(const ServerRoute& after);
  IoResult<void> refuse_ipv6();
  IoResult<void> admit_server(const Route& to_server);
  IoResult<void> admit_gateway(const Route& to_server);
  IoResult<std::optional<Route>> route_in_main(Ipv4Address server, unsigned tunnel);
  IoResult<void> replace(const Route& before, const Route& after);
  IoResult<void> add_default_route(const TunnelSettings& settings);

  static Tables tables_of_slot(std::uint32_t slot) noexcept;

  Netlink netlink_;
  Journal journal_;
  std::array<std::vector<HostChange>, kLayers> changes_;  ///< of each Layer
  std::vector<nlohmann::json> stuck_;  ///< could not be undone; made before `changes_`
  std::optional<Tables> tables_;
  std::optional<ServerRoute> server_route_;
  std::optional<TunnelSettings> configured_;  ///< between configure_tunnel() and undo_tunnel()
  UndoReport recovered_;
};

}  // namespace pptp::io
