#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "lib/entropy.h"
#include "lib/log.h"
#include "lib/packet.h"
#include "lib/ring_queue.h"
#include "tunnel/call_observer.h"
#include "tunnel/control.h"
#include "tunnel/rx_path.h"
#include "tunnel/tx_order.h"
#include "tunnel/tx_path.h"

namespace pptp {

/// Encryption came up or was replaced; what EncryptionUp said, without the keys.
struct EncryptionAgreed {
  MppeParameters send;
  MppeParameters receive;
};

/// What an embedder learns. The rest of CallEvent is dealt with inside.
using EngineEvent =
    std::variant<CallConnected, PhaseChanged, AuthenticationWanted, SecretWanted, NewPasswordChosen,
                 AnotherTry, Authenticated, EncryptionAgreed, NetworkUp, NetworkDown, Ipv6Up,
                 Ipv6Down, PeerReady, PathProbed, CallEnded>;

/// One call, whole, on one thread: joins Control, TxPath and RxPath.
///
/// Feed it the TCP connection's octets, GRE packets, IP packets and the time; after each, drain
/// poll_control(), poll_gre(), poll_ip() and poll_event(), and come back at next_deadline(). It
/// owns no socket and no slot: `pool`, `entropy` and the log sink must outlive it.
class Engine {
 public:
  Engine(CallConfig config, PacketPool& pool, Entropy& entropy, Log log = Log());
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Shows everything to `observer` from here on; nullptr: to nobody. It must outlive its use.
  void observe(CallObserver* observer) noexcept { observer_ = observer; }

  // --- the control connection (TCP) ---
  void connected(TimePoint now);
  void control_received(TimePoint now, Bytes octets);
  void control_closed(TimePoint now);

  std::optional<std::vector<std::uint8_t>> poll_control();

  /// Whether the TCP connection should be closed, once all of poll_control() has gone.
  bool control_finished() const noexcept { return control_.finished(); }

  // --- GRE, without the outer IP header ---
  void gre_received(TimePoint now, std::span<Packet> packets);
  std::optional<Packet> poll_gre(TimePoint now);

  // --- a sending half on a thread of its own ---
  /// Leaves the sending to a TxPath of the caller's, who has it obey what poll_tx_order() yields
  /// and hands no IP packets to seal(). The observer is not told of what is sent then, control
  /// frames apart. Before connected().
  void send_elsewhere() noexcept { tx_.reset(); }

  /// To be drained like the others.
  std::optional<TxOrder> poll_tx_order();

  // --- IP ---
  /// Turns IP packets into GRE packets in place, the sendable ones first; returns their number.
  /// They are to be sent by the caller, before anything from poll_gre().
  std::size_t seal(TimePoint now, std::span<Packet> packets) noexcept;
  /// The next IP packet for the host.
  std::optional<Packet> poll_ip();

  // --- the call ---
  void close(TimePoint now, End end = {});
  void supply_secret(TimePoint now, const Credentials* credentials);
  void password_stored(TimePoint now, bool stored);
  void try_again(TimePoint now, std::shared_ptr<const Credentials> credentials);
  void assign(TimePoint now, const IpAssignment& assignment);
  std::optional<EngineEvent> poll_event();

  /// An early or late call is harmless.
  void on_deadline(TimePoint now);
  Deadline next_deadline() const noexcept;

  /// Octets of the longest inner IP packet that is sent; with CallConfig::mss_clamp, what TCP's
  /// segments are kept to as well, in both directions.
  void set_mtu(std::size_t mtu);

  /// RFC 1661 6.1: the longest PPP information field that the peer takes, once LCP is open.
  std::uint16_t peer_mru() const noexcept { return peer_mru_; }

  /// Not after send_elsewhere().
  const TxPath& tx() const noexcept { return *tx_; }

  const RxPath& rx() const noexcept { return rx_; }

  /// What the call fails of if it is given up as it is.
  End unfinished() const { return control_.unfinished(); }

  /// Of the last negotiation of CCP, which may be over.
  EncryptionOffers encryption_offers() const { return control_.encryption_offers(); }

  /// Both paths' drops, or, after send_elsewhere(), the receiving one's; and what was dropped
  /// between them.
  Drops drops() const noexcept;

 private:
  /// More than a peer sends before it has heard anything of us.
  static constexpr std::size_t kMaxEarly = 8;

  void take_gre(TimePoint now, std::span<Packet> packets);
  void keep_early(std::span<Packet> packets);
  std::optional<Packet> next_gre(TimePoint now);
  void drain_rx(TimePoint now);
  void after_rx(TimePoint now);
  void settle(TimePoint now);
  void apply(CallConnected&& event);
  void apply(CallEnded&& event);
  void apply(LinkEvent&& event);

  void apply(PhaseChanged&& event) { events_.emplace_back(event); }

  void apply(FramingAgreed&& event);

  void apply(AuthenticationWanted&& event) { events_.emplace_back(event); }

  void apply(SecretWanted&& event) { events_.emplace_back(std::move(event)); }

  void apply(NewPasswordChosen&& event) { events_.emplace_back(std::move(event)); }

  void apply(AnotherTry&& event) { events_.emplace_back(std::move(event)); }

  void apply(Authenticated&& event) { events_.emplace_back(std::move(event)); }

  void apply(EncryptionUp&& event);
  void apply(EncryptionDown&& event);
  void apply(ResetRequested&& event);
  void apply(NetworkUp&& event);
  void apply(NetworkDown&& event);
  void apply(Ipv6Up&& event);
  void apply(Ipv6Down&& event);

  void apply(PeerReady&& event) { events_.emplace_back(event); }

  void apply(PathProbed&& event) { events_.emplace_back(event); }

  void apply(LinkEnded&& event);
  void set_gate(Gate gate);
  void tell_tx(TxSetting setting);
  void send(TimePoint now, ControlFrame frame);

  PacketPool& pool_;
  Log log_;
  CallObserver* observer_ = nullptr;
  Control control_;
  std::optional<TxPath> tx_{std::in_place};
  RxPath rx_;
  bool keeps_early_;
  bool clamps_mss_;
  bool paces_;
  bool always_acknowledges_;
  bool connected_ = false;
  std::vector<Packet> early_;  ///< came before the call was granted
  bool encrypted_ = false;
  bool lost_ = false;       ///< the place in the peer's key stream
  bool reset_due_ = false;  ///< as soon as the link allows
  bool told_of_reuse_ = false;
  std::uint16_t peer_mru_ = 1500;
  std::deque<EngineEvent> events_;
  RingQueue<Packet> ip_;
  RingQueue<Packet> gre_;
  std::deque<TxOrder> tx_orders_;  ///< after send_elsewhere()
};

}  // namespace pptp
