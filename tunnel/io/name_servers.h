#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/ipv4.h"
#include "tunnel/io/io_error.h"
#include "tunnel/io/resolv_conf.h"
#include "tunnel/io/undone.h"

namespace pptp::io {

/// The name servers of a tunnel, in whatever this host looks names up with. A change to the host:
/// it tells all that undoing it takes.
struct NameServers {
  enum class Keeper : std::uint8_t {
    resolved,    ///< systemd-resolved
    resolvconf,  ///< the program of that name: Debian's, or openresolv
    file,        ///< nobody: the file itself
  };

  Keeper keeper = Keeper::file;
  unsigned device = 0;       ///< the tunnel's interface index
  std::string record = {};   ///< resolvconf's word for it, or ResolvConf's
  std::string program = {};  ///< resolvconf's path
  ResolvConf file = {};
  std::vector<Ipv4Address> servers = {};  ///< the preferred one first

  bool operator==(const NameServers&) const = default;
};

/// The change that gives this host these name servers for the interface: by systemd-resolved where
/// names are looked up through it, by resolvconf where that is installed, else in the file.
NameServers name_servers_of(const std::string& interface, unsigned device,
                            std::vector<Ipv4Address> servers);

IoResult<void> apply(const NameServers& change);

IoResult<Undone> undo(const NameServers& change);

}  // namespace pptp::io
