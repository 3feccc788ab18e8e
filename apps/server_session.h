#pragma once

#include <array>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>

#include "apps/chap_secrets.h"
#include "apps/ending.h"
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
  /// `directory` and `log` must outlive it.
  ServerSession(ServerConfig config, ChapSecrets users, const io::RuntimeDir& directory,
                io::ProfileLock lock, LogSink& log);
  ServerSession(const ServerSession&) = delete;
  ServerSession& operator=(const ServerSession&) = delete;
  ~ServerSession();

  /// Serves until INT or TERM has ended all calls.
  Ending run();

 private:
  io::IoResult<void> prepare();
  io::IoResult<void> configure_interface();
  void accepted(io::TcpStream stream);
  void gre_readable();
  void tun_readable();
  /// After everything that feeds the acceptor: does what it says.
  void drain();
  void send_control();
  void send_gre();
  void on_event(SessionEvent&& event);
  void find_user(const SessionSecretWanted& wanted);
  std::optional<Ipv4Address> address_for(const User& user) const;
  void on_signal(int signal);
  void stop_if_done();

  void log(LogLevel level, std::string_view text) const { log_.line(level, text); }

  ServerConfig config_;
  ChapSecrets users_;
  const io::RuntimeDir& directory_;
  io::ProfileLock lock_;
  Log log_;

  io::EventLoop loop_;
  io::OsEntropy entropy_;
  PacketPool pool_;
  io::Timer timer_;
  std::uint32_t mtu_;
  Acceptor acceptor_;
  std::optional<io::HostState> host_;
  std::optional<io::Tun> tun_;
  std::optional<io::FdWatch> tun_watch_;
  std::optional<io::GreServerSocket> gre_;
  std::optional<io::FdWatch> gre_watch_;
  std::optional<io::TcpListener> listener_;
  std::set<Ipv4Address> fixed_addresses_;  ///< each for one user alone
  std::unordered_map<SessionId, io::TcpStream> streams_;
  /// The address of ours that each client has called: its GRE has to come from there (note 3.24).
  std::unordered_map<Ipv4Address, Ipv4Address> called_;
  std::array<io::GreDatagram, io::GreSocket::kBatch> gre_in_;
  std::array<io::GreDatagram, io::GreSocket::kBatch> gre_out_;
  std::array<Packet, io::GreSocket::kBatch> tun_batch_;
  bool stopping_ = false;
};

}  // namespace pptp::app
