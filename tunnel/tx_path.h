#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "lib/drops.h"
#include "lib/packet.h"
#include "lib/ring_queue.h"
#include "mppe/cipher.h"
#include "ppp/frame.h"
#include "ppp/link.h"
#include "ppp/vj.h"
#include "tunnel/gate.h"
#include "tunnel/gre_sender.h"
#include "tunnel/tx_order.h"

namespace pptp {

struct TrafficCounters {
  std::uint64_t packets = 0;
  std::uint64_t octets = 0;  ///< of the inner IP packets
};

/// What a call's sending half has come to.
struct TxReport {
  TrafficCounters traffic;
  Drops drops;
  std::uint64_t streams_reused = 0;    ///< as TxPath has it
  std::optional<Duration> round_trip;  ///< as GreSender has it
  bool was_acknowledged = false;       ///< the same
};

/// The sending half of a call's data path: IP packets become enhanced GRE, in place.
///
/// One owner, which may be a thread of its own. What it has to know of the rest comes in by obey():
/// from Control (framing, keys, gate) and from RxPath (what to acknowledge).
class TxPath {
 public:
  /// IP packets that wait for the peer's window. Short: who sends has to notice.
  static constexpr std::size_t kMaxWaiting = 64;

  /// Turns IP packets into GRE packets, in place. Those that must not go are released and counted;
  /// the others are moved to the front in their order. Returns how many those are. Where sending is
  /// paced, those for which the peer's window has no room are kept: see poll_waiting().
  std::size_t seal(TimePoint now, std::span<Packet> packets) noexcept;

  /// The next packet that had to wait for the peer's window and may go now, as a GRE packet. To be
  /// called until it yields nothing, after an acknowledgement and when the deadline is reached.
  std::optional<Packet> poll_waiting(TimePoint now) noexcept;

  /// Puts one PPP control frame into `out`. False: there is no call yet, or the frame does not fit.
  bool seal_control(TimePoint now, const ControlFrame& frame, Packet& out) noexcept;

  /// Puts an acknowledgement without payload into `out` if one is due (RFC 2637 4.2).
  bool seal_acknowledgement(TimePoint now, Packet& out) noexcept;

  /// When an acknowledgement will be due, or a packet that waits may go in any case.
  Deadline next_deadline() const noexcept;

  /// From Control and RxPath. A closed gate drops what waits for the peer's window; of that,
  /// kMaxWaiting packets at most are kept. Of keys, the latest counts. Allocates, but for the two
  /// settings that come with every batch, TxReceived and TxAcknowledged.
  void obey(TxSetting setting);

  const TrafficCounters& counters() const noexcept { return counters_; }

  const Drops& drops() const noexcept { return drops_; }

  /// Of all keys there have been (interop note 3.26).
  std::uint64_t streams_reused() const noexcept {
    return streams_reused_ + (sealer_ ? sealer_->streams_reused() : 0);
  }

  const GreSender& sender() const noexcept { return sender_; }

  TxReport report() const noexcept;

 private:
  void apply(const TxConnect& connect);

  void apply(Framing framing) noexcept { framing_ = framing; }

  void apply(Gate gate) noexcept;
  void apply(const TxMtu& mtu) noexcept;
  void apply(TxKey&& key);
  void apply(TxNoKey) noexcept;
  void apply(TxFlush flush) noexcept;
  void apply(const TxVj& vj);

  void apply(TxIpv6 ipv6) noexcept { ipv6_ = ipv6.passes; }

  void apply(const TxReceived& received) noexcept {
    sender_.received(received.at, received.highest);
  }

  void apply(const TxAcknowledged& peer) noexcept {
    sender_.peer_acknowledged(peer.at, peer.acknowledged);
  }

  bool has_to_wait(TimePoint now) noexcept;
  void wait(Packet packet) noexcept;

  bool prepare_or_drop(Packet& packet, PppProtocol& protocol) noexcept;
  std::optional<Drop> prepare(Packet& packet, PppProtocol& protocol) noexcept;
  void finish(TimePoint now, std::span<Packet> packets,
              std::span<const PppProtocol> protocols) noexcept;
  bool number(TimePoint now, Packet& packet) noexcept;

  GreSender sender_;
  std::optional<PeerCallId> peer_;
  Framing framing_;
  Gate gate_ = Gate::closed;
  std::size_t mtu_ = 1500;
  std::optional<std::size_t> mss_mtu_;
  std::optional<MppeSealer> sealer_;
  std::unique_ptr<VjCompressor> vj_;
  bool ipv6_ = false;
  std::uint64_t streams_reused_ = 0;  ///< by sealers that are gone
  bool paces_ = false;
  RingQueue<Packet> waiting_;  ///< for the peer's window; kMaxWaiting at most
  TrafficCounters counters_;
  Drops drops_;
};

}  // namespace pptp
