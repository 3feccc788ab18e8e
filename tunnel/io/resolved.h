#pragma once

#include <string>
#include <vector>

#include "lib/ipv4.h"
#include "tunnel/io/io_error.h"
#include "tunnel/io/undone.h"

namespace pptp::io {

/// Whether names are looked up through systemd-resolved, by the resolver's file and nsswitch.conf's
/// text: it may run without being asked by anybody.
bool is_resolved_asked(const std::string& resolv_conf, const std::string& nsswitch);

/// Whether it answers on the system bus. It is not started for that.
bool is_resolved_there();

/// Tells systemd-resolved, on the system bus, that an interface has name servers for all names.
/// IoFault::not_running: there is no such service or no bus, or libsystemd was missing when this
/// was built, or is now.
IoResult<void> set_resolved_link(unsigned device, const std::vector<Ipv4Address>& servers);

/// Takes all of that back. Undone::gone: the interface, or the service, is not there any more.
IoResult<Undone> revert_resolved_link(unsigned device);

}  // namespace pptp::io
