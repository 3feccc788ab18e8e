#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "lib/drops.h"
#include "lib/ids.h"
#include "lib/packet.h"
#include "mppe/cipher.h"
#include "ppp/protocol.h"
#include "ppp/vj.h"
#include "tunnel/gate.h"
#include "tunnel/gre_receiver.h"
#include "tunnel/tx_path.h"

namespace pptp {

/// What comes out of RxPath, in the order of the peer's sequence numbers.
struct Delivery {
  PppProtocol protocol;  ///< kIp: `packet` is an IP packet, of either version, for the host; else
                         ///< a frame for Control
  Packet packet;         ///< IP packet, or the information field of the frame
};

/// The receiving half of a call's data path: enhanced GRE becomes IP packets and control frames.
///
/// One owner, which may be a thread of its own.
class RxPath {
 public:
  explicit RxPath(CallId own) noexcept : own_(own) {}

  /// GRE packets to put() before poll(): those that follow one another are deciphered side by side.
  static constexpr std::size_t kTogether = Rc4::kSideBySide;

  /// Takes one GRE packet (without the outer IP header) as it came. Follow some, and any after
  /// which is_full(), by poll() until there is nothing more.
  void put(TimePoint now, Packet&& packet) noexcept;

  bool is_full() const noexcept { return receiver_.is_full(); }

  /// The next packet in order. No packet is deciphered before the control frames ahead of it are
  /// delivered: so keys that they brought are in force. To be called until it yields nothing, after
  /// put() and when the deadline is reached.
  std::optional<Delivery> poll(TimePoint now) noexcept;

  /// When a packet that waits for an earlier one is to wait no longer.
  Deadline next_deadline() const noexcept { return receiver_.next_deadline(); }

  // From Control.
  void set_gate(Gate gate) noexcept { gate_ = gate; }

  /// TCP segments are kept to what fits into inner IP packets of `mtu` octets. Not unless called.
  void clamp_mss_to(std::size_t mtu) noexcept { mss_mtu_ = mtu; }

  void install_key(MppeKey start, MppeParameters parameters);

  void remove_key() noexcept { opener_.reset(); }

  /// Whether IPv6 passes where IPv4 does.
  void set_ipv6(bool passes) noexcept { ipv6_ = passes; }

  /// TCP/IP header compression from here on; nullopt: none. Allocates.
  void set_vj(const std::optional<VjParameters>& parameters);

  // To TxPath: the highest sequence number received; the newest acknowledgement of ours, once.
  std::optional<SeqNo> highest_received() const noexcept { return receiver_.highest_received(); }

  std::optional<AckNo> take_peer_acknowledgement() noexcept;

  /// Stateful MPPE: what the peer does at a flushed packet; TxPath::flush() wants to know.
  FlushRule flush_rule() const noexcept;

  // To Control.
  /// Stateful MPPE: whether the key stream is lost, until a flushed packet comes.
  bool wants_reset() const noexcept;

  /// Whether an enciphered packet could not be opened since the last call.
  bool take_unopened() noexcept { return std::exchange(unopened_, false); }

  /// Whether the call has had any GRE packet at all.
  bool heard() const noexcept { return heard_; }

  /// Counts a frame that Control would not take.
  void count(Drop drop) noexcept { drops_.count(drop); }

  const TrafficCounters& counters() const noexcept { return counters_; }

  const Drops& drops() const noexcept { return drops_; }

  const GreReceiver& receiver() const noexcept { return receiver_; }

 private:
  /// A packet with the protocol of its outermost frame, whose header is off.
  struct Framed {
    PppProtocol protocol;
    Packet packet;
  };

  std::optional<Framed> take(TimePoint now) noexcept;
  void open_together(TimePoint now, Packet first) noexcept;
  std::optional<Drop> admit_clear(PppProtocol& protocol, Packet& packet) noexcept;
  std::optional<Drop> admit_opened(PppProtocol& protocol, Packet& packet) noexcept;
  bool carries_ip(PppProtocol protocol) const noexcept;
  std::optional<Drop> admit(PppProtocol& protocol, Packet& packet, bool was_encrypted) noexcept;

  CallId own_;
  GreReceiver receiver_;
  Gate gate_ = Gate::closed;
  bool heard_ = false;
  std::optional<AckNo> peer_acknowledgement_;
  std::optional<MppeOpener> opener_;
  /// Opened together, and not yet delivered from first_opened_ on; and what became of each.
  std::array<Packet, kTogether> opened_;
  std::array<std::optional<Drop>, kTogether> openings_;
  std::size_t first_opened_ = 0;
  std::size_t end_opened_ = 0;
  std::optional<Framed> ahead_;  ///< taken, and behind those
  bool unopened_ = false;
  std::unique_ptr<VjDecompressor> vj_;
  bool ipv6_ = false;
  std::optional<std::size_t> mss_mtu_;
  TrafficCounters counters_;
  Drops drops_;
};

}  // namespace pptp
