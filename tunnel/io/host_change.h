#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>

#include <nlohmann/json_fwd.hpp>

#include "tunnel/io/io_error.h"
#include "tunnel/io/name_servers.h"
#include "tunnel/io/netlink.h"
#include "tunnel/io/process.h"
#include "tunnel/io/undone.h"

namespace pptp::io {

/// An interface set up, with an MTU; undone by setting it down, with the MTU it had.
struct LinkChange {
  unsigned device = 0;
  std::string name;
  std::uint32_t mtu = 0;
  std::uint32_t mtu_before = 0;

  bool operator==(const LinkChange&) const = default;
};

/// What a script is about to do, which only another run of it can undo. Applying it is nothing.
struct ScriptChange {
  Command undo;

  bool operator==(const ScriptChange&) const = default;
};

/// One change to the host, which tells all that undoing it takes. Addresses, routes and rules are
/// added, and undone by deleting exactly them.
using HostChange =
    std::variant<LinkChange, InterfaceAddress, Route, Ipv6Route, Rule, NameServers, ScriptChange>;

/// How long a script may take to undo what it has done.
inline constexpr std::chrono::seconds kScriptLimit(30);

IoResult<void> apply(Netlink& netlink, const HostChange& change);

/// May be called again and again, and for changes that were never made. IoFault::script_failed:
/// nothing would come of another time.
IoResult<Undone> undo(Netlink& netlink, const HostChange& change);

/// For messages: "route 10.0.0.0/8".
std::string describe(const HostChange& change);

nlohmann::json to_json(const HostChange& change);

/// IoFault::bad_message for what to_json() does not write.
IoResult<HostChange> host_change_from_json(const nlohmann::json& json);

}  // namespace pptp::io
