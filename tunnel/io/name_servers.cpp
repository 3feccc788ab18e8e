#include "tunnel/io/name_servers.h"

#include <chrono>
#include <filesystem>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "tunnel/io/file.h"
#include "tunnel/io/journal.h"
#include "tunnel/io/process.h"
#include "tunnel/io/resolved.h"

namespace pptp::io {
namespace {

constexpr std::chrono::seconds kResolvconfLimit(10);

/// Where resolvconf is; empty: nowhere. systemd-resolved installs its own program under that name,
/// which can do nothing without it.
std::string find_resolvconf() {
  for (const char* path : {"/usr/local/sbin/resolvconf", "/usr/sbin/resolvconf", "/sbin/resolvconf",
                           "/usr/bin/resolvconf"}) {
    std::error_code error;
    const std::filesystem::path real = std::filesystem::canonical(path, error);
    if (!error && real.filename() != "resolvectl" && ::access(path, X_OK) == 0) return path;
  }
  return {};
}

Command resolvconf(const NameServers& change, std::vector<std::string> arguments) {
  return {.program = change.program, .arguments = std::move(arguments)};
}

}  // namespace

NameServers name_servers_of(const std::string& interface, unsigned device,
                            std::vector<Ipv4Address> servers) {
  NameServers change{.device = device, .servers = std::move(servers)};
  if (is_resolved_asked(read_file(change.file.path).value_or(""),
                        read_file("/etc/nsswitch.conf").value_or("")) &&
      is_resolved_there()) {
    change.keeper = NameServers::Keeper::resolved;
    return change;
  }
  change.program = find_resolvconf();
  if (!change.program.empty()) {
    change.keeper = NameServers::Keeper::resolvconf;
    // Debian's puts tun* before the network cards; to openresolv, which knows -m, it is a name.
    change.record = "tun." + interface;
    return change;
  }
  const JournalOwner owner = JournalOwner::this_process();
  change.record = interface + " of process " + std::to_string(owner.pid) + " begun " +
                  std::to_string(owner.start_time);
  return change;
}

IoResult<void> apply(const NameServers& change) {
  switch (change.keeper) {
    case NameServers::Keeper::resolved:
      return set_resolved_link(change.device, change.servers);
    case NameServers::Keeper::resolvconf: {
      // openresolv: before all others, and instead of them. Debian's does not mind.
      Command command = resolvconf(change, {"-a", change.record, "-m", "0", "-x"});
      for (const Ipv4Address& server : change.servers)
        command.input += "nameserver " + server.text() + "\n";
      return run(command, kResolvconfLimit);
    }
    case NameServers::Keeper::file:
      return change.file.add(change.record, change.servers);
  }
  return {};
}

IoResult<Undone> undo(const NameServers& change) {
  switch (change.keeper) {
    case NameServers::Keeper::resolved:
      return revert_resolved_link(change.device);
    case NameServers::Keeper::resolvconf: {
      const auto removed = run(resolvconf(change, {"-d", change.record}), kResolvconfLimit);
      if (!removed) return std::unexpected(removed.error());
      return Undone::undone;
    }
    case NameServers::Keeper::file:
      return change.file.remove(change.record);
  }
  return Undone::gone;
}

}  // namespace pptp::io
