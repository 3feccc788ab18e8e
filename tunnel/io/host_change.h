#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include <nlohmann/json_fwd.hpp>

#include "tunnel/io/io_error.h"
#include "tunnel/io/netlink.h"

namespace pptp::io {

/// An interface set up, with an MTU; undone by setting it down, with the MTU it had.
struct LinkChange {
  unsigned device = 0;
  std::string name;
  std::uint32_t mtu = 0;
  std::uint32_t mtu_before = 0;

  bool operator==(const LinkChange&) const = default;
};

/// One change to the host, which tells all that undoing it takes. Addresses, routes and rules are
/// added, and undone by deleting exactly them.
using HostChange = std::variant<LinkChange, InterfaceAddress, Route, Rule>;

/// What undoing a change came to.
enum class Undone : std::uint8_t {
  undone,
  gone,        ///< nothing of it was there any more
  left_alone,  ///< somebody has changed it since, so it is theirs
};

IoResult<void> apply(Netlink& netlink, const HostChange& change);

/// May be called again and again, and for changes that were never made.
IoResult<Undone> undo(Netlink& netlink, const HostChange& change);

/// For messages: "route 10.0.0.0/8".
std::string describe(const HostChange& change);

nlohmann::json to_json(const HostChange& change);

/// IoFault::bad_message for what to_json() does not write.
IoResult<HostChange> host_change_from_json(const nlohmann::json& json);

}  // namespace pptp::io
