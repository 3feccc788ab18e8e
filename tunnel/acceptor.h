#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "lib/drops.h"
#include "lib/ids.h"
#include "lib/ipv4.h"
#include "lib/ring_queue.h"
#include "tunnel/address_pool.h"
#include "tunnel/engine.h"
#include "tunnel/gre.h"

namespace pptp {

struct AcceptorConfig {
  CallConfig call;      ///< for every call; role and call id are filled in
  Ipv4Address address;  ///< our end inside every tunnel
  std::vector<AddressRange> pool;
  std::array<Ipv4Address, 2> dns{};
  std::array<Ipv4Address, 2> wins{};
  std::size_t max_sessions = 10'000;
  /// Connections of one outer address whose user has not been authenticated.
  std::size_t max_strangers_per_source = 64;
};

/// One TCP connection and the call on it.
using SessionId = StrongId<struct SessionIdTag, std::uint64_t>;

/// Somebody claims to be `user`: answer with Acceptor::supply_secret().
struct SessionSecretWanted {
  SessionId session;
  std::string user;
};

/// `user` has proven who it is: answer with Acceptor::give_address(), or close the session.
struct SessionAuthenticated {
  SessionId session;
  std::string user;
};

/// `user`, whose password had expired, has chosen another: answer with Acceptor::password_stored().
struct SessionPasswordChosen {
  SessionId session;
  std::string user;
  SecretText password;  ///< UTF-8
};

struct SessionUp {
  SessionId session;
  std::string user;
  Ipv4Address from;     ///< outer
  Ipv4Address address;  ///< inner
  std::optional<MppeParameters> encryption;
};

struct SessionDown {
  SessionId session;
  std::string user;  ///< empty: it did not come to that
  Ipv4Address from;
  bool authenticated = false;  ///< false: `user` is what somebody has claimed, and may be anything
  bool was_up = false;
  End end;
};

using SessionEvent = std::variant<SessionSecretWanted, SessionPasswordChosen, SessionAuthenticated,
                                  SessionUp, SessionDown>;

/// Octets for a session's TCP connection; `close` means that it is to be closed after them.
struct ControlOutput {
  SessionId session;
  std::vector<std::uint8_t> octets;
  bool close = false;
};

/// The server: admits connections, gives addresses, and finds the call for each packet: by outer
/// source and call id from GRE, by inner destination from the host. Pure, like Engine, and like it
/// to be drained after each call that feeds it.
class Acceptor {
 public:
  Acceptor(AcceptorConfig config, PacketPool& pool, Entropy& entropy, Log log = Log());
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;
  ~Acceptor();

  /// A TCP connection came in from a client, which has called our address `at`: its GRE has to come
  /// from there (interop note 3.24). nullopt: no room, or too many strangers from there; close it.
  std::optional<SessionId> accepted(TimePoint now, Ipv4Address from, Ipv4Address at = {});
  /// Shows the session to `observer`, which must outlive it: until control_closed().
  void observe(SessionId session, CallObserver* observer) noexcept;
  void control_received(TimePoint now, SessionId session, Bytes octets);
  /// TCP is gone, whoever closed it; the id means nothing any more. Until then the connection
  /// counts among those that there may be.
  void control_closed(TimePoint now, SessionId session);
  std::optional<ControlOutput> poll_control();

  /// While less than a quarter of the pool is free, only calls whose user has been authenticated
  /// are served: what others have waiting behind holes must not starve them. Each call's packets go
  /// through it together, however they come interleaved: that is cheaper, and their order is kept.
  void gre_received(TimePoint now, std::span<GreDatagram> datagrams);
  std::optional<GreDatagram> poll_gre();

  /// IP packets from the host; each goes to the call that has its destination, or is dropped.
  void ip_received(TimePoint now, std::span<Packet> packets);
  std::optional<Packet> poll_ip();

  /// The answer to SessionSecretWanted; nullptr: nobody we know.
  void supply_secret(TimePoint now, SessionId session, const Credentials* credentials);
  /// The answer to SessionAuthenticated: for `account`, this address, or one of the pool. A call of
  /// the same account that has this address, alive or not, is ended (Cause::replaced). Where
  /// nothing can be given (it is our own, or another account's, or the pool is empty), the session
  /// is ended.
  void give_address(TimePoint now, SessionId session, std::string_view account,
                    std::optional<Ipv4Address> address = std::nullopt);
  /// The answer to SessionPasswordChosen; false: it may not be.
  void password_stored(TimePoint now, SessionId session, bool stored);
  /// Ends one call, or all of them, politely.
  void close(TimePoint now, SessionId session, End end);
  void close_all(TimePoint now, const End& end);

  std::optional<SessionEvent> poll_event();

  void on_deadline(TimePoint now);
  Deadline next_deadline() const noexcept;

  /// Whether give_address() could give this address to somebody now.
  bool is_free(Ipv4Address address) const { return addresses_.is_free(address); }

  std::size_t sessions() const noexcept { return sessions_.size(); }

  /// Of packets for which no call was found.
  const Drops& drops() const noexcept { return drops_; }

  /// The same, and all calls' since the beginning.
  Drops total_drops() const noexcept;

  /// nullptr: no such session.
  const Engine* engine(SessionId session) const noexcept;

 private:
  static constexpr std::size_t kRow = 64;

  struct Session;
  using GreKey = std::pair<Ipv4Address, CallId>;
  using Deadlines = std::set<std::pair<TimePoint, SessionId>>;

  Session* find(SessionId session) noexcept;
  Session* admit(GreDatagram& datagram, Session* before);
  void forget_stranger(Ipv4Address from);
  std::optional<CallId> free_call_id(Ipv4Address from);
  void collect(TimePoint now, Session& session);
  void on_event(Session& session, EngineEvent&& event);
  void take_address(TimePoint now, Session& session, std::optional<Ipv4Address> wanted);
  void end_predecessor(TimePoint now, const Session& session, Ipv4Address wanted);
  void take_back_address(Session& session);

  AcceptorConfig config_;
  PacketPool& pool_;
  Entropy& entropy_;
  Log log_;
  AddressPool addresses_;
  std::uint64_t last_session_ = 0;
  std::unordered_map<SessionId, std::unique_ptr<Session>> sessions_;
  std::map<GreKey, Session*> by_call_;
  std::unordered_map<Ipv4Address, Session*> by_address_;
  std::unordered_map<Ipv4Address, std::size_t> strangers_;  ///< by source; none is 0
  Deadlines deadlines_;
  /// Packets for one call, while they are handed on together.
  std::array<Packet, kRow> row_;
  std::deque<ControlOutput> control_;
  RingQueue<GreDatagram> gre_;
  RingQueue<Packet> ip_;
  std::deque<SessionEvent> events_;
  Drops drops_;
  Drops drops_of_the_gone_;
};

}  // namespace pptp
