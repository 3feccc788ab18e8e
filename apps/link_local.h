#pragma once

#include <string>

#include "lib/log.h"
#include "ppp/ipv6cp.h"

namespace pptp::app {

/// fe80:: with the identifier behind it (RFC 4291 2.5.6), as text.
std::string link_local_text(const InterfaceId& id);

/// Whether the kernel may take its IPv6 default route from a router behind an interface. Where that
/// cannot be kept from it, the log says why.
void accept_default_router(const std::string& interface, bool accept, const Log& log);

/// Gives an interface the link-local address with identifier `id`, in the place of that with
/// `current`, which changes with it; all zeros: none. It goes with the interface. What other
/// addresses there may be come by router advertisements, which are the kernel's business.
/// Where that cannot be, the log says why, and `current` says what there is.
void set_link_local(unsigned device, InterfaceId& current, const InterfaceId& id, const Log& log);

}  // namespace pptp::app
