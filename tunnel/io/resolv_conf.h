#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/ipv4.h"
#include "tunnel/io/io_error.h"
#include "tunnel/io/undone.h"

namespace pptp::io {

/// The resolver's file, which several tunnels may want to be different at the same time, whose
/// processes may be killed, and which outlives a boot.
///
/// What it was before the first tunnel came, and which tunnels there are, is kept in a file of its
/// own in `state_folder`, written before each change: so they may come and go in any order, and
/// the last one puts back what was there, be it a file, a link or nothing. Where somebody else has
/// changed the file since, it is theirs, and stays.
struct ResolvConf {
  std::string path = "/etc/resolv.conf";
  std::string state_folder = "/var/lib/pptpd-user";

  bool operator==(const ResolvConf&) const = default;

  /// Puts the tunnel's name servers before those of other tunnels, and in the place of the host's
  /// own. `tunnel`: a name for it that no other ever has.
  IoResult<void> add(const std::string& tunnel, const std::vector<Ipv4Address>& servers) const;

  IoResult<Undone> remove(const std::string& tunnel) const;

  /// Takes out the tunnels of processes that are no more, in this boot and before. nullopt: there
  /// were none.
  IoResult<std::optional<Undone>> recover() const;
};

}  // namespace pptp::io
