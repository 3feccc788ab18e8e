#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "lib/drops.h"
#include "lib/packet.h"
#include "lib/rc4.h"
#include "lib/serial.h"
#include "mppe/keys.h"
#include "mppe/mppc.h"
#include "mppe/plausible.h"

namespace pptp {

/// RFC 3078 7: stateless changes the key before every packet; stateful every 256 packets, and after
/// a loss by a reset exchange (CCP Reset-Request, then a packet with the A bit).
enum class MppeMode : std::uint8_t { stateless, stateful };

struct MppeParameters {
  KeyBits bits = KeyBits::k128;
  MppeMode mode = MppeMode::stateless;
  bool mppc = false;  ///< packets are compressed before they are enciphered

  bool operator==(const MppeParameters&) const = default;
};

/// Stateful: what happens to the key at a flushed packet (A bit) that is no flag packet. Two ends
/// that do not agree never recover from a loss (interop note 3.10).
enum class FlushRule : std::uint8_t {
  change_key,  ///< as Linux does
  keep_key,    ///< RFC 3078 8.2; the same key stream a second time (interop note 3.26)
};

/// The sending direction of one call.
class MppeSealer {
 public:
  static constexpr std::size_t kHeaderSize = 2;

  /// Allocates, where packets are compressed.
  MppeSealer(MppeKey start, MppeParameters parameters);

  /// Compresses whole packets (inner PPP protocol field and information) where that was agreed and
  /// makes them shorter, enciphers them in place and puts the two octet MPPE header in front, for
  /// which each must have the headroom. Many at once cost less each than one by one.
  void seal(std::span<Packet> packets) noexcept;

  /// Stateful: the peer sent a Reset-Request, so the next packet carries the A bit. Once, however
  /// often it is asked for. The rule is the peer's: MppeOpener::flush_rule(). Stateless: nothing.
  void flush(FlushRule rule = FlushRule::change_key) noexcept;

  /// How often a key stream was begun anew with the key it had (interop note 3.26).
  std::uint64_t streams_reused() const noexcept { return streams_reused_; }

  /// The most of these for one key. From there on Reset-Requests are not heeded until the key has
  /// changed, which it does with the next flag packet, 255 packets away at most.
  static constexpr unsigned kMostReuses = 40;

  const MppeParameters& parameters() const noexcept { return parameters_; }

 private:
  void seal_side_by_side(std::span<Packet> packets) noexcept;
  void seal_stateful(Packet& packet) noexcept;
  void push_header(Packet& packet, std::uint16_t bits) noexcept;
  void change_key() noexcept;
  void restart_stream() noexcept;
  std::uint16_t compress(Packet& packet, bool flushed) noexcept;

  MppeParameters parameters_;
  MppeKey start_;
  MppeKey session_;
  /// Stateful: the first is the stream as it goes on. Stateless: scratch.
  std::array<Rc4, Rc4::kSideBySide> streams_;
  /// Of the packet sent last; the first is 0.
  CoherencyCount count_{CoherencyCount::kMask};
  std::optional<FlushRule> flush_;
  std::uint64_t streams_reused_ = 0;
  unsigned reuses_ = 0;  ///< with this key
  std::unique_ptr<MppcCompressor> mppc_;
};

/// The receiving direction of one call.
///
/// Takes packets in order: reordering belongs before it (interop note 3.7d). The key moves only
/// when the result is plausible, so that a packet damaged on the way cannot move it. When the path
/// is clean again the link recovers by itself, whatever happened before:
///
/// - Stateless, damaged or lost packets, up to 2046 in a row: with the next good packet.
/// - Stateless, more than that in a row, so that what comes looks late or deciphers to nonsense: a
///   run of such packets starts a search further along the sequence of keys. Up to 8190 are made up
///   for within seven good packets, each further 4096 take some 130 packets more.
/// - Packets that are weakly plausible at best, a long way on: with the third.
/// - Stateful: needs_reset(), or the next flag packet if that comes first. Lost flag and flushed
///   packets are made up for by trying the keys that follow.
///
/// Work is bounded: in vain, it makes 32 key changes for each packet that arrives, on average, and
/// 8192 at once; those that lead to an accepted packet are the sender's as well. With a key that is
/// wrong altogether every packet is mppe_implausible or mppe_late: who counts them can tell.
class MppeOpener {
 public:
  /// Allocates, where packets are compressed.
  MppeOpener(MppeKey start, MppeParameters parameters);

  /// Takes the MPPE header off, deciphers and expands in place; what is left begins with the inner
  /// PPP protocol field (one octet or two, note 3.14). Returns why the packet must be dropped (its
  /// octets are then worth nothing), or nullopt.
  [[nodiscard]] std::optional<Drop> open(Packet& packet) noexcept;

  /// The same for packets that came one after another: `drops`, which is as long, says what became
  /// of each. Many at once cost less each than one by one.
  void open(std::span<Packet> packets, std::span<std::optional<Drop>> drops) noexcept;

  /// Stateful: whether the last packets make a CCP Reset-Request due. The caller limits the rate.
  bool needs_reset() const noexcept {
    return !synchronised_ || (!in_step_ && parameters_.mode == MppeMode::stateful);
  }

  /// Stateful: what the peer's flushed packets have shown; change_key until they have.
  FlushRule flush_rule() const noexcept { return flush_rule_; }

  const MppeParameters& parameters() const noexcept { return parameters_; }

 private:
  /// Key changes that may be tried in vain: more with each packet, and at most. A search of two
  /// turns of the counter fits in.
  static constexpr std::uint32_t kGrant = 32;
  static constexpr std::uint32_t kGrantLimit = 8192;

  /// A place in the sequence of keys which a packet may be found at.
  struct Place {
    MppeKey key;
    CoherencyCount count;
    unsigned evidence = 0;  ///< weakly plausible packets in a row
  };

  std::size_t open_side_by_side(std::span<Packet> packets) noexcept;
  std::optional<Drop> open_stateless(CoherencyCount count, MutableBytes body) noexcept;
  bool open_ahead(std::uint32_t steps, CoherencyCount count, MutableBytes body) noexcept;
  bool search(CoherencyCount count, MutableBytes body) noexcept;
  bool open_at(Place& place, std::uint32_t steps, MutableBytes body, unsigned needed) noexcept;

  std::optional<Drop> open_stateful(CoherencyCount count, bool flushed, MutableBytes body) noexcept;
  std::optional<Drop> open_next(MutableBytes body) noexcept;
  bool open_restart(CoherencyCount count, bool flushed, MutableBytes body) noexcept;

  void change_key(MppeKey& session) const noexcept;
  Plausibility try_key(const MppeKey& session, MutableBytes body, Plausibility least) noexcept;
  Plausibility try_stream(MutableBytes body, Plausibility least) noexcept;
  Plausibility try_compressed(MutableBytes body, Plausibility least) noexcept;
  void accept(MppeKey session, CoherencyCount count) noexcept;
  bool note_failure(CoherencyCount count) noexcept;
  bool spend(std::uint32_t key_changes) noexcept;
  void refund(std::uint32_t key_changes) noexcept;

  MppeParameters parameters_;
  MppeKey start_;
  /// The key of the last packet that was accepted, and its count. Stateful: the count may be that
  /// of a damaged packet behind it, which has not cost synchrony.
  MppeKey session_;
  CoherencyCount count_{CoherencyCount::kMask};
  /// Stateful: the key stream as it goes on behind the last packet. Else scratch.
  Rc4 rc4_;
  std::array<Rc4, Rc4::kSideBySide> streams_;  ///< scratch
  std::uint32_t grant_ = kGrantLimit;

  /// Packets in order, one after another, that could not be accepted, and the last one's count.
  unsigned run_ = 0;
  CoherencyCount failed_count_;

  /// Stateless: where the last packet was tried that seemed to be ahead.
  Place near_;
  /// Stateless: how far a search has come, packets tried in this turn of the counter, turns passed,
  /// and after how many it starts over; 0: there is none.
  Place far_;
  unsigned tries_ = 0;
  unsigned turns_ = 0;
  unsigned turns_limit_ = 0;

  bool synchronised_ = true;
  /// Stateful: the last packet was implausible.
  bool doubtful_ = false;
  FlushRule flush_rule_ = FlushRule::change_key;

  /// MPPC: with what it takes to try a key, which only an expanded packet shows to be right.
  struct Expander {
    MppcDecompressor mppc;
    Rc4 rc4;
    std::array<std::uint8_t, kMppcLongest> deciphered{};
    Bytes expanded;
    // The packet at hand: whether the history is there for it, and where it goes.
    bool usable = false;
    MppcDecompressor::Place place;
  };

  std::unique_ptr<Expander> expander_;
  bool compressed_ = false;  ///< the packet at hand
  bool in_step_ = true;      ///< the expander has had every packet since the history began
};

}  // namespace pptp
