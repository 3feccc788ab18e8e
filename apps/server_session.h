#pragma once

#include <array>
#include <deque>
#include <expected>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "apps/call_recorder.h"
#include "apps/chap_secrets.h"
#include "apps/ending.h"
#include "apps/log_quota.h"
#include "apps/server_config.h"
#include "lib/log.h"
#include "tunnel/acceptor.h"
#include "tunnel/io/event_loop.h"
#include "tunnel/io/gre_socket.h"
#include "tunnel/io/host_state.h"
#include "tunnel/io/os_entropy.h"
#include "tunnel/io/runtime_dir.h"
#include "tunnel/io/tcp_stream.h"
#include "tunnel/io/tun.h"

namespace pptp::app {

/// `serve`: one listener, one GRE socket and one TUN interface for all calls.
class ServerSession {
 public:
  /// `directory`, `log` and `recorder` must outlive it.
  ServerSession(ServerConfig config, ChapSecrets users, const io::RuntimeDir& directory,
                io::ProfileLock lock, LogSink& log, CallRecorder& recorder);
  ServerSession(const ServerSession&) = delete;
  ServerSession& operator=(const ServerSession&) = delete;
  ~ServerSession();

  /// Serves until INT or TERM, or the loss of its interface, has ended all calls.
  Ending run();

 private:
  io::IoResult<void> prepare();
  io::IoResult<void> configure_interface();
  void accepted(io::TcpStream stream);
  void gre_readable();
  void tun_readable();
  void write_tun();
  void interface_gone();
  /// After everything that feeds the acceptor: does what it says.
  void drain();
  void send_control();
  void close_connection(SessionId session);
  void close_lingering();
  void connection_closed(SessionId session);
  void send_gre();
  void on_event(SessionEvent&& event);
  void call_ended(const SessionDown& down);
  void find_user(const SessionSecretWanted& wanted);
  void give_address(const SessionAuthenticated& known);
  void change_password(const SessionPasswordChosen& chosen);
  std::expected<void, std::string> store_secret(const SessionPasswordChosen& chosen);
  std::optional<Ipv4Address> address_for(const User& user) const;
  void on_signal(int signal);
  void log_statistics() const;
  void stop(Ending why);
  void stop_if_done();

  void log(LogLevel level, std::string_view text) const { log_.line(level, text); }

  /// About what a stranger can cause as often as it likes.
  void log_of_stranger(Ipv4Address from, std::string_view text);

  ServerConfig config_;
  ChapSecrets users_;
  const io::RuntimeDir& directory_;
  io::ProfileLock lock_;
  Log log_;
  CallRecorder& recorder_;

  io::EventLoop loop_;
  io::OsEntropy entropy_;
  PacketPool pool_;
  io::Timer timer_;
  std::uint32_t mtu_;
  std::unordered_map<SessionId, std::unique_ptr<CallObserver>> observers_;  ///< outlive calls
  Acceptor acceptor_;
  std::optional<io::HostState> host_;
  std::optional<io::Tun> tun_;
  std::optional<io::FdWatch> tun_watch_;
  io::Timer tun_timer_;  ///< when the interface has packets left over
  std::optional<io::GreServerSocket> gre_;
  std::optional<io::FdWatch> gre_watch_;
  std::optional<io::TcpListener> listener_;
  std::set<Ipv4Address> fixed_addresses_;  ///< each for one user alone
  std::unordered_map<SessionId, io::TcpStream> streams_;
  /// Connections that have heard our last word, and until when they may take to close: closing one
  /// here while something unread is left in it would take that word away.
  std::deque<std::pair<TimePoint, SessionId>> lingering_;
  io::Timer linger_timer_;
  LogQuota quota_;
  io::Timer quota_timer_;
  std::array<GreDatagram, io::GreSocket::kBatch> gre_in_;
  std::array<GreDatagram, io::GreSocket::kBatch> gre_out_;
  std::array<Packet, io::GreSocket::kBatch> tun_in_;
  std::array<Packet, io::GreSocket::kBatch> tun_out_;
  std::optional<Ending> stopping_;  ///< what it will have come to
};

}  // namespace pptp::app
