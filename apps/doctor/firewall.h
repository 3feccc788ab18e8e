#pragma once

#include <string_view>

#include "diagnosis/checkup.h"

namespace pptp::app {

/// What a packet filter, as `nft -j list ruleset` prints it, does with GRE that comes in and that
/// goes out. A rule that asks for what is not known of a packet, such as an address, is taken to
/// fit when it names GRE, and else not to.
diagnosis::SeenFirewall read_firewall(std::string_view ruleset);

/// The rules of iptables-legacy, which nft does not list: where its kernel tables are in use
/// (`names`: /proc/net/ip_tables_names) nothing can be said for this host's filter.
void note_legacy_tables(std::string_view names, diagnosis::SeenFirewall& seen);

}  // namespace pptp::app
