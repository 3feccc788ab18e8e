// What comes with the tunnel's addresses: name servers and scripts.
#include <cerrno>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "apps/client_session.h"
#include "tunnel/io/name_servers.h"
#include "tunnel/io/netlink.h"
#include "tunnel/io/taken_address.h"

namespace pptp::app {

/// Name servers; and in the journal, what undoes the scripts that are about to run.
io::IoResult<void> ClientSession::configure_names() {
  if (!device_->is_in_our_namespace()) return {};
  const ScriptFacts facts = script_facts();
  std::vector<io::HostChange> changes;
  if (!scripts_.take_over_the_network() && !facts.dns.empty()) {
    if (auto reached = reach_name_servers(facts.dns); !reached) return reached;
    changes.emplace_back(io::name_servers_of(device_->name(), device_->index(), facts.dns));
  }
  for (io::ScriptChange& undoing : scripts_.undoing(facts))
    changes.emplace_back(std::move(undoing));
  for (const io::HostChange& change : changes) {
    if (auto added = host_->add(change); !added) return added;
  }
  return {};
}

/// The server's own are behind the tunnel, whatever else is.
io::IoResult<void> ClientSession::reach_name_servers(const std::vector<Ipv4Address>& servers) {
  if (!std::holds_alternative<DnsFromPeer>(profile_.network.dns)) return {};
  for (const Ipv4Address& server : servers) {
    const auto added = host_->add(io::Route{.destination = io::Ipv4Prefix(server),
                                            .device = device_->index(),
                                            .source = network_->local});
    // Somebody knows a way already.
    if (!added && added.error().error != EEXIST) return added;
  }
  return {};
}

/// Packets that are for this host, or its gateway, must not be sent to the server.
bool ClientSession::address_is_taken(Ipv4Address local) {
  if (!device_->is_in_our_namespace()) return false;
  io::IoResult<io::Netlink> netlink = io::Netlink::open();
  if (!netlink) return false;
  const io::IoResult<bool> taken = io::is_taken(*netlink, local, device_->index());
  return taken && *taken;
}

void ClientSession::scripts_ran(const io::IoResult<void>& ran) {
  if (ran) return progress_.up(report());
  end(ending_of(Trouble::script_failed, ran.error().text(), context()));
}

/// What those that undo scripts are told of the connection.
void ClientSession::tell_scripts(const StatusReport::Counters& counters) {
  (void)host_->tell_scripts(link_words(was_up_ ? loop_.now() - up_since_ : Duration::zero(),
                                       counters.tx_bytes, counters.rx_bytes));
}

ScriptFacts ClientSession::script_facts() const {
  return {.interface = device_->name(),
          .user = credentials_->user(),
          .server_name = servers_.current().host,
          .server = outside_,
          .network = *network_,
          .dns = name_servers(),
          .mtu = mtu_};
}

/// Those that this host is to ask.
std::vector<Ipv4Address> ClientSession::name_servers() const {
  const DnsChoice& choice = profile_.network.dns;
  if (const auto* own = std::get_if<std::vector<Ipv4Address>>(&choice)) return *own;
  if (std::holds_alternative<NoDns>(choice)) return {};
  return told_servers_;
}

/// Of the name servers that the server has told, those that are asked through the tunnel. What is
/// sent to any other would stay on this side of it, where it is nobody's business.
std::vector<Ipv4Address> ClientSession::judge_name_servers(const NetworkUp& up) {
  std::vector<Ipv4Address> servers;
  for (const Ipv4Address& server : up.dns) {
    if (server.is_zero()) continue;
    if (is_host_address(server) && server != call_->server() && server != up.local &&
        !address_is_taken(server)) {
      servers.push_back(server);
    } else {
      log(LogLevel::warning,
          fmt::format("the server tells {} as a name server, which is not behind the tunnel: it is "
                      "left out",
                      server.text()));
    }
  }
  return servers;
}

}  // namespace pptp::app
