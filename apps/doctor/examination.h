#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "apps/call_recorder.h"
#include "apps/client_call.h"
#include "apps/dialer.h"
#include "apps/ending.h"
#include "apps/profile.h"
#include "apps/progress.h"
#include "diagnosis/checkup.h"
#include "lib/log.h"
#include "tunnel/io/event_loop.h"
#include "tunnel/io/os_entropy.h"

namespace pptp::app {

/// Looks at this host, then makes one call to the profile's first server and listens how far it
/// comes; to the next one where `connect` would try that too and there is time. Where it has not
/// the right to send GRE it knocks at the first server's TCP port. There is no interface, and
/// nothing on this host is changed: the call ends when the addresses are agreed on and the path has
/// been measured.
class Examination final : private CallOwner {
 public:
  /// Without credentials the call ends before it would log in. `log`, `progress` and
  /// `recorder` must outlive it.
  Examination(Profile profile, std::shared_ptr<const Credentials> credentials, LogSink& log,
              Progress& progress, CallRecorder& recorder);
  Examination(const Examination&) = delete;
  Examination& operator=(const Examination&) = delete;

  /// Once; takes at most kLimit and what ending a call takes.
  diagnosis::Checkup run();

  /// INT or TERM has ended it.
  bool interrupted() const noexcept { return interrupted_; }

  static constexpr Duration kLimit = std::chrono::seconds(25);
  /// The least time for another server.
  static constexpr Duration kAnother = std::chrono::seconds(4);
  /// For LCP, from the granted call on: five Configure-Requests (RFC 1661 4.6).
  static constexpr Duration kLcpLimit = std::chrono::seconds(13);

 private:
  void look_at_firewall();
  void call();
  void knock();
  void knocked(io::IoResult<io::TcpStream> stream);
  void out_of_time();
  void over(OverCall call);
  bool try_next_server(const OverCall& call);

  void call_event(const EngineEvent& event) override;

  void call_received(TimePoint, std::span<Packet>) override {}

  io::IoResult<void> call_trying(Ipv4Address server) override;

  void call_mtu_lowered() override {}

  void call_over(Ending ending) override;

  void network_up(const NetworkUp& up);
  void path_probed();

  Profile profile_;
  std::shared_ptr<const Credentials> credentials_;
  Log log_;
  Progress& progress_;
  CallRecorder& recorder_;
  io::EventLoop loop_;
  io::OsEntropy entropy_;
  PacketPool pool_{ClientCall::kPoolSlots};
  io::Timer limit_;
  TimePoint ends_;  ///< kLimit
  std::optional<ClientCall> call_;
  std::optional<Dialer> knock_;
  std::size_t server_ = 0;  ///< of the profile's, the one that is called
  bool interrupted_ = false;
  diagnosis::Checkup seen_;
};

}  // namespace pptp::app
