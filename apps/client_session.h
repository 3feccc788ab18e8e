#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "apps/client_call.h"
#include "apps/credentials_prompt.h"
#include "apps/encryption_record.h"
#include "apps/ending.h"
#include "apps/network_scripts.h"
#include "apps/postmortem.h"
#include "apps/profile.h"
#include "apps/progress.h"
#include "apps/redial.h"
#include "apps/server_list.h"
#include "apps/status_report.h"
#include "lib/drops.h"
#include "lib/log.h"
#include "tunnel/address_translation.h"
#include "tunnel/engine.h"
#include "tunnel/io/command_room.h"
#include "tunnel/io/control_server.h"
#include "tunnel/io/event_loop.h"
#include "tunnel/io/host_state.h"
#include "tunnel/io/netlink.h"
#include "tunnel/io/os_entropy.h"
#include "tunnel/io/packet_device.h"
#include "tunnel/io/runtime_dir.h"

namespace pptp::app {

/// One profile's connection, from the name lookup until the last route has been taken back: one
/// call after another, where the profile wants that, over one interface.
///
/// Owns everything that the connection needs on this host. What it changed there is undone when
/// run() has returned, or, if the process does not live to do that, by whoever reads its journal.
class ClientSession final : private CallOwner {
 public:
  /// `directory`, `log`, `progress`, `recorder` and `room` must outlive it. `room`: of the command
  /// that the tunnel is for, and that the connection ends with; nullptr: it is for the host.
  ClientSession(Profile profile, Credentials credentials, const io::RuntimeDir& directory,
                io::ProfileLock lock, LogSink& log, Progress& progress, CallRecorder& recorder,
                io::CommandRoom* room = nullptr);
  ClientSession(const ClientSession&) = delete;
  ClientSession& operator=(const ClientSession&) = delete;
  ~ClientSession();

  /// Dials, and returns when the connection is over, for whatever reason. Once.
  Ending run();

 private:
  // Making calls.
  io::IoResult<void> prepare();
  void prepare_demand();
  io::IoResult<void> make_device();

  template <class Device>
  io::IoResult<void> take_device(io::IoResult<std::unique_ptr<Device>> made) {
    if (!made) return std::unexpected(made.error());
    device_ = *std::move(made);
    return {};
  }

  io::IoResult<void> configure_dormant();
  io::IoResult<void> run_command();
  void sleep();
  void hold(Packet packet);
  void peer_ready();
  void send(std::span<Packet> packets);
  std::size_t outbound(std::span<Packet> packets);
  std::optional<ClientCall::HostPackets> host_packets();
  void dial();
  void call_ended(Ending ending);
  bool try_next_server(const Ending& ending);
  void give_up(OverCall call);
  void explain_end();
  void look_into(OverCall call);
  void wait(const Redial& redial);
  bool way_has_appeared();
  std::optional<io::RouteAnswer> way_outside() const;
  void waited();
  void call_again(std::string_view why);

  // What a call comes to.
  io::IoResult<void> call_trying(Ipv4Address server) override;
  void call_event(const EngineEvent& event) override;
  void call_received(TimePoint now, std::span<Packet> packets) override;
  void call_mtu_lowered() override;
  void call_over(Ending ending) override;
  void phase_changed(Phase phase);
  void ask_again(const AnotherTry& another);

  // The interface.
  void network_up(const NetworkUp& up);
  void now_at(Ipv4Address local);
  void watch_encryption();
  void read_device();
  void drop_rest();
  void leave_device();
  void from_host(std::span<Packet> packets);
  io::IoResult<void> configure_interface(std::uint32_t mtu, Ipv4Address server);
  std::vector<Ipv4Address> former_addresses();
  io::IoResult<void> configure_names();
  io::IoResult<void> reach_name_servers(const std::vector<Ipv4Address>& servers);
  bool address_is_taken(Ipv4Address local);
  void scripts_ran(const io::IoResult<void>& ran);
  void tell_scripts(const StatusReport::Counters& counters);
  void device_readable();
  void device_gone();
  void set_device_mtu(std::uint32_t mtu);
  void watch_route();
  void check_limits();

  bool counts_idle_time() const noexcept { return profile_.link.idle_timeout > Duration::zero(); }

  // Ending it.
  void on_signal(int signal);
  void end(Ending why);
  void close(Ending why);
  void finish(Ending ending);
  void take_back_host_changes();
  Ending host_config_failed(const io::IoError& error) const;
  EndingContext context() const;

  // Being asked.
  nlohmann::json answer(const nlohmann::json& request);
  StatusReport report() const;
  StatusReport::Counters counters() const;
  std::vector<Ipv4Address> name_servers() const;
  std::vector<Ipv4Address> judge_name_servers(const NetworkUp& up);
  ScriptFacts script_facts() const;
  void enter(CallState state);

  static constexpr Duration kRouteCheckInterval = std::chrono::seconds(3);

  void log(LogLevel level, std::string_view text) const { log_.line(level, text); }

  Profile profile_;
  std::shared_ptr<const Credentials> credentials_;
  const io::RuntimeDir& directory_;
  io::ProfileLock lock_;
  Log log_;
  Progress& progress_;
  CallRecorder& recorder_;
  io::CommandRoom* room_;

  io::EventLoop loop_;
  io::OsEntropy entropy_;
  PacketPool pool_;
  io::Timer route_timer_;
  io::Timer limit_timer_;
  io::Timer redial_timer_;
  io::Timer rest_timer_;  ///< when the device has packets left over
  std::optional<io::HostState> host_;
  std::unique_ptr<io::PacketDevice> device_;
  bool device_is_gone_ = false;
  bool device_carries_ = false;              ///< it is configured, and what the host sends is read
  std::optional<io::FdWatch> device_watch_;  ///< unless the call reads
  std::optional<io::FdWatch> loss_watch_;    ///< of a device that can be lost unnoticed
  std::optional<io::FdWatch> room_watch_;    ///< while the command runs
  std::optional<io::ControlServer> control_server_;
  NetworkScripts scripts_;
  EncryptionRecord encrypted_;
  bool record_fails_ = false;
  RedialPolicy redial_;
  ServerList servers_;
  bool call_again_at_once_ = false;     ///< when the call that is being ended has ended
  Deadline redial_at_;                  ///< we wait until then
  bool waits_for_way_ = false;          ///< or until there is a way to the server
  std::optional<io::RouteAnswer> way_;  ///< to the server, when that wait began; of the host's own
  std::vector<Packet> held_;            ///< on demand: what waits for the call
  /// Of what follows, which is for who transmits too, and that may be another thread.
  mutable std::mutex sending_lock_;
  AddressTranslation translation_;  ///< on demand: what was sent from an address before
  TimePoint last_traffic_;
  std::optional<ClientCall> call_;
  std::optional<OverCall> given_up_;  ///< the last call, which did not come up
  std::optional<Postmortem> postmortem_;
  std::string looked_into_;  ///< the id of the attempts that failed last, while it stays the same
  std::optional<CredentialsPrompt> prompt_;
  bool password_changes_ = false;  ///< the server has been given a new one
  StatusReport::Counters past_;    ///< of the calls before this one
  Drops dropped_;                  ///< between calls
  std::optional<StatusReport::Last> last_;
  /// The path MTU that a call has measured, for those after it.
  std::optional<std::uint32_t> probed_;
  std::array<Packet, ClientCall::kBatch> batch_;

  std::optional<std::uint32_t> mark_;   ///< nullopt: this kernel has no rules
  std::optional<Ending> ending_;        ///< everything is over
  std::optional<Ending> asked_to_end_;  ///< by a signal or a command, and as what

  bool has_terminal_;
  CallState state_ = CallState::idle;
  std::chrono::system_clock::time_point since_;
  std::optional<NetworkUp> network_;
  std::vector<Ipv4Address> told_servers_;  ///< name servers of network_ that are behind the tunnel
  std::uint32_t mtu_ = 0;                  ///< of the interface, while it is up
  std::uint32_t configured_mtu_ = 0;       ///< what the journal says it is
  Ipv4Address outside_;                    ///< the server that the interface was configured for
  bool was_up_ = false;
  InterfaceId ipv6_id_{};  ///< of the interface's link-local address; zero: it has none
  TimePoint up_since_;
};

/// Takes the profile's lock, runs its connection, and keeps how that ended for `status`.
/// `directory` to `room` as above.
Ending run_session(Profile profile, Credentials credentials, const io::RuntimeDir& directory,
                   LogSink& log, Progress& progress, CallRecorder& recorder,
                   io::CommandRoom* room = nullptr);

}  // namespace pptp::app
