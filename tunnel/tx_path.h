#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "lib/drops.h"
#include "lib/packet.h"
#include "mppe/cipher.h"
#include "ppp/frame.h"
#include "ppp/link.h"
#include "ppp/vj.h"
#include "tunnel/gate.h"
#include "tunnel/gre_sender.h"

namespace pptp {

struct TrafficCounters {
  std::uint64_t packets = 0;
  std::uint64_t octets = 0;  ///< of the inner IP packets
};

/// The sending half of a call's data path: IP packets become enhanced GRE, in place.
///
/// One owner, which may be a thread of its own. What it has to know of the rest comes in by the
/// setters: from Control (framing, keys, gate) and from RxPath (what to acknowledge).
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

  // From Control.
  void connect(PeerCallId peer) noexcept;

  void set_framing(Framing framing) noexcept { framing_ = framing; }

  /// A closed gate drops what waits.
  void set_gate(Gate gate) noexcept;

  /// Keeps to the peer's receive window from now on, in packets as it announced it; at most
  /// kMaxWaiting of ours wait for it. Not unless called: interop note 3.7c.
  void pace(std::uint16_t peer_window);

  /// Interop note 3.7g.
  void always_acknowledge() noexcept { sender_.always_acknowledge(); }

  /// Octets of the longest inner IP packet that may go.
  void set_mtu(std::size_t mtu) noexcept { mtu_ = mtu; }

  /// TCP segments are kept to what fits into inner IP packets of `mtu` octets. Not unless called.
  void clamp_mss_to(std::size_t mtu) noexcept { mss_mtu_ = mtu; }

  void install_key(MppeKey start, MppeParameters parameters);

  void remove_key() noexcept;

  /// Whether IPv6 passes where IPv4 does.
  void set_ipv6(bool passes) noexcept { ipv6_ = passes; }

  /// TCP/IP header compression from here on; nullopt: none. Allocates.
  void set_vj(const std::optional<VjParameters>& parameters);

  /// CCP Reset-Request came in; `rule` is what the peer does at a flushed packet, as far as its own
  /// have shown it (interop note 3.10).
  void flush(FlushRule rule) noexcept;

  // From RxPath.
  void acknowledge(TimePoint now, SeqNo highest) noexcept;
  void peer_acknowledged(TimePoint now, AckNo acknowledged) noexcept;

  const TrafficCounters& counters() const noexcept { return counters_; }

  const Drops& drops() const noexcept { return drops_; }

  /// Of all keys there have been (interop note 3.26).
  std::uint64_t streams_reused() const noexcept {
    return streams_reused_ + (sealer_ ? sealer_->streams_reused() : 0);
  }

  const GreSender& sender() const noexcept { return sender_; }

 private:
  bool has_to_wait(TimePoint now) noexcept;
  void wait(Packet packet) noexcept;

  bool paces() const noexcept { return !ring_.empty(); }

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
  /// A ring of kMaxWaiting where sending is paced, and empty where it is not.
  std::vector<Packet> ring_;
  std::size_t first_waiting_ = 0;
  std::size_t waiting_ = 0;
  TrafficCounters counters_;
  Drops drops_;
};

}  // namespace pptp
