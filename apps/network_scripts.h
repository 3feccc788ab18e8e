#pragma once

#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apps/profile.h"
#include "lib/log.h"
#include "ppp/link.h"
#include "tunnel/io/event_loop.h"
#include "tunnel/io/host_change.h"
#include "tunnel/io/process.h"

namespace pptp::app {

/// A tunnel, as its scripts are told of it.
struct ScriptFacts {
  std::string interface;
  std::string user;
  std::string server_name;  ///< as the profile has it
  Ipv4Address server;       ///< outside the tunnel
  NetworkUp network;
  std::vector<Ipv4Address> dns;  ///< that this host is to use
  std::uint32_t mtu = 0;
};

/// The user's scripts: `network.script`, called as vpnc and OpenConnect call theirs, and `ip-up`
/// and `ip-down` of `network.ip-up-dir`, called as pppd calls them.
///
/// They run beside the data path, one after another, each for kScriptLimit at most. What undoes
/// them is a change to the host, which its journal holds before they run.
class NetworkScripts {
 public:
  using Done = std::function<void(io::IoResult<void>)>;

  /// `profile` must outlive it.
  NetworkScripts(io::EventLoop& loop, Log log, const Profile& profile);

  /// What is wrong with them, before anything is dialled.
  io::IoResult<void> check() const;

  /// `network.script` takes care of routes and name servers; we do not.
  bool take_over_the_network() const noexcept { return !profile_.network.script.empty(); }

  /// What undoes start(), in the order in which it is to be put down in the journal, before it.
  std::vector<io::ScriptChange> undoing(const ScriptFacts& facts) const;

  /// The interface is up. `taken_over` is called from the loop when `network.script` has done its
  /// part, where it takes over the network; `done` when all have ended, or one has failed. Neither
  /// is when there are none.
  void start(const ScriptFacts& facts, const std::function<void()>& taken_over, const Done& done);

  /// A call is about to be made again for the interface as it stands, or has been. What these come
  /// to is logged.
  void calling_again(const ScriptFacts& facts);
  void called_again(const ScriptFacts& facts);

  /// Ends what runs.
  void stop();

  /// Whether any has still to end.
  bool running() const noexcept { return !steps_.empty(); }

 private:
  struct Step {
    io::Command command;
    Done done;  ///< empty: logged
  };

  std::string path_of(const std::string& file) const;
  std::optional<std::string> hook(const char* name) const;
  io::Command vpnc_command(const char* reason, const ScriptFacts& facts) const;
  io::Command pppd_command(std::string program, const ScriptFacts& facts) const;
  void enqueue(Step step);
  void next();
  void ended(const io::IoResult<void>& result);

  io::EventLoop& loop_;
  Log log_;
  const Profile& profile_;
  std::deque<Step> steps_;  ///< the first one runs
  std::optional<io::Process> process_;
  std::optional<io::FdWatch> watch_;
  io::Timer limit_;
};

/// What pppd tells ip-down of a link that is over.
std::map<std::string, std::string> link_words(Duration connected, std::uint64_t octets_sent,
                                              std::uint64_t octets_received);

}  // namespace pptp::app
