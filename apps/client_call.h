#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apps/call_history.h"
#include "apps/call_recorder.h"
#include "apps/dialer.h"
#include "apps/doctor/host_checks.h"
#include "apps/ending.h"
#include "apps/profile.h"
#include "apps/progress.h"
#include "apps/server_list.h"
#include "diagnosis/checkup.h"
#include "lib/drops.h"
#include "lib/log.h"
#include "tunnel/engine.h"
#include "tunnel/io/event_loop.h"
#include "tunnel/io/gre_socket.h"
#include "tunnel/io/netlink.h"
#include "tunnel/io/os_entropy.h"
#include "tunnel/io/tcp_stream.h"
#include "tunnel/io/transmit_thread.h"

namespace pptp::app {

/// A call that is over, for who wants to know why.
struct OverCall {
  Ending ending;
  diagnosis::Checkup seen;  ///< by the call itself; nothing of this host
  Destination to;           ///< its address is zero where none was tried
  bool was_up = false;
};

/// Told by a ClientCall what it comes to; must not destroy the call from inside any of these.
class CallOwner {
 public:
  virtual void call_event(const EngineEvent& event) = 0;
  /// IP packets out of the tunnel, at most ClientCall::kBatch, which may be changed. Their slots
  /// stay the call's.
  virtual void call_received(TimePoint now, std::span<Packet> packets) = 0;
  /// This address is about to be tried; an error: it cannot be.
  virtual io::IoResult<void> call_trying(Ipv4Address server) = 0;
  /// The path takes less than it seemed to: allowed_mtu() is less than before.
  virtual void call_mtu_lowered() = 0;
  /// The last thing ever said, once.
  virtual void call_over(Ending ending) = 0;

 protected:
  ~CallOwner() = default;
};

/// One attempt at one server: name lookup, control connection, GRE socket and engine, to the last
/// message of the control connection. What the call means to this host is its owner's business.
class ClientCall {
 public:
  /// Packets moved between the owner and the call at a time.
  static constexpr std::size_t kBatch = io::GreSocket::kBatch;

  /// Slots that one call and its owner's batch need.
  static constexpr std::size_t kPoolSlots =
      2 * kBatch + GreReceiver::kWindow + TxPath::kMaxWaiting + 32;

  /// All must outlive the call.
  struct Surroundings {
    io::EventLoop& loop;
    Entropy& entropy;
    PacketPool& pool;
    Log log;
    Progress& progress;
    CallRecorder& recorder;
    CallOwner& owner;
  };

  /// What the host sends, to be read on a thread that only transmits.
  struct HostPackets {
    io::Tun from;
    /// As TransmitThread::Handlers has them.
    std::function<std::size_t(std::span<Packet>)> admit;
    std::function<void()> device_gone;
  };

  struct Request {
    ServerList::Attempt at;
    std::optional<std::uint32_t> path_mtu = {};  ///< what an earlier call has measured
    InterfaceId ipv6_id = {};                    ///< to ask for; zero: a random one
    std::uint32_t mark = 0;  ///< SO_MARK of everything that is sent to the server; 0: none
    /// The owner may answer AnotherTry.
    bool may_try_again = false;
    bool tell_ready = false;  ///< the owner wants PeerReady
    /// nullopt: the owner reads what the host sends, and calls send().
    std::optional<HostPackets> host = {};
  };

  /// `profile` must outlive it. Without credentials the call ends, with exit status 0, where the
  /// server asks for them.
  ClientCall(Surroundings surroundings, const Profile& profile,
             std::shared_ptr<const Credentials> credentials, Request request);
  ClientCall(const ClientCall&) = delete;
  ClientCall& operator=(const ClientCall&) = delete;
  ~ClientCall();

  /// Begins. Fails, with nothing said to the owner, when this host has no GRE to offer. Once.
  io::IoResult<void> dial();

  /// Sends IP packets of the host's. Their slots stay the caller's. Only when the network is up.
  void send(std::span<Packet> packets);

  /// Whether a thread of its own reads what the host sends, from begin_reading() on.
  bool reads() const noexcept { return transmit_ != nullptr; }

  void begin_reading();

  /// When it returns, the owner may read.
  void end_reading();

  /// The answer to AnotherTry.
  void try_again(std::shared_ptr<const Credentials> credentials);

  /// Ends the call politely; `why` is what it will have come to.
  void close(Ending why);

  /// Zero until an address is being tried.
  Ipv4Address server() const noexcept { return server_; }

  /// What the server's name stands for; empty: it was not asked for, or nobody has said.
  std::vector<Ipv4Address> found() const {
    return dialer_ ? dialer_->found() : std::vector<Ipv4Address>();
  }

  /// Whether the way to the server is still the one the call was made over.
  bool way_stands() const;

  /// Octets of the longest outer packet that arrived, where that was measured.
  std::optional<std::uint32_t> probed() const noexcept { return probed_; }

  /// Octets of the longest outer packet that the path seemed to take when the call was made.
  std::uint32_t path_mtu() const noexcept { return way_mtu_; }

  /// Octets of the longest inner IP packet that the profile, the path and the peer allow.
  std::uint32_t allowed_mtu() const;

  /// Octets of the longest inner IP packet that is sent from now on.
  void set_mtu(std::uint32_t mtu);

  /// nullptr before the control connection.
  const Engine* engine() const noexcept { return engine_ ? &*engine_ : nullptr; }

  std::optional<AuthMethod> method() const noexcept { return method_; }

  const std::optional<EncryptionAgreed>& encryption() const noexcept { return encryption_; }

  /// What was sent. Once there is an engine.
  TxReport sent() const;

  /// All that was dropped on the way, either way.
  Drops drops() const;

  /// What it fails of if it is given up as it is.
  Ending unfinished() const;

  /// How it went, with what it has come to.
  OverCall told(Ending ending) const;

  /// Which way packets to the server went, where the profile leaves the choice.
  std::optional<io::SentCounts> sent_by() const;

  /// To word endings with.
  EndingContext context() const;

 private:
  void connected(io::TcpStream stream);
  io::IoResult<void> open_paths();
  void start_transmitting();
  CallConfig config() const;
  void gre_readable();
  void send_gre(std::span<Packet> packets);
  void tell_transmit();
  void on_gre_trouble(const io::GreTrouble& trouble);
  void path_probed(const PathProbed& probed);
  void lower_path_mtu();
  /// After everything that feeds the engine: does what it says.
  void drain();
  void on_event(const EngineEvent& event);
  void call_ended(const End& end);
  Ending ending_for(const End& end) const;
  bool is_one_way() const;
  std::string traffic_words() const;
  void hang_up();
  void over(Ending ending);

  Surroundings around_;
  const Profile& profile_;
  std::shared_ptr<const Credentials> credentials_;
  Request request_;

  io::Timer timer_;
  Deadline goodbye_ends_;   ///< once we are ending it
  io::Timer linger_timer_;  ///< from our last word on, until the server closes
  std::optional<Dialer> dialer_;
  std::optional<io::TcpStream> stream_;
  std::optional<io::GreClientSocket> gre_;
  std::optional<io::FdWatch> gre_watch_;
  std::unique_ptr<CallObserver> observer_;
  std::optional<Engine> engine_;
  std::unique_ptr<io::TransmitThread> transmit_;
  std::array<Packet, kBatch> gre_in_;
  std::array<Packet, kBatch> gre_out_;
  std::array<Packet, kBatch> ip_in_;

  Ipv4Address server_;
  std::optional<io::RouteAnswer> way_;  ///< to the server, when the call was made
  std::uint16_t our_port_ = 0;          ///< of the control connection
  CallId call_id_;
  std::uint32_t path_mtu_ = 1500;  ///< of whole outer packets
  std::uint32_t way_mtu_ = 1500;   ///< the same, before anything was learned on the way
  std::optional<std::uint32_t> probed_;
  std::optional<std::uint32_t> too_big_;   ///< the path MTU that a packet of ours was too long for
  std::optional<io::GreTrouble> trouble_;  ///< the latest with GRE
  std::optional<AuthMethod> method_;
  std::optional<EncryptionAgreed> encryption_;
  CallHistory history_;
  TimePoint up_since_;  ///< once the network has been up
  TimePoint last_heard_;
  std::optional<Ending> closing_;  ///< we are ending it, and this is why
  std::optional<Ending> ended_;    ///< the call is over; TCP may not be yet
  bool drain_again_ = false;
  bool hung_up_ = false;
  bool over_ = false;
};

}  // namespace pptp::app
