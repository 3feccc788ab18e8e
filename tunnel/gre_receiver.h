#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "lib/drops.h"
#include "lib/packet.h"
#include "lib/serial.h"
#include "lib/time.h"

namespace pptp {

struct GreReceiverStats {
  std::uint64_t delivered = 0;
  std::uint64_t lost = 0;       ///< numbers given up; one that comes later is late as well
  std::uint64_t reordered = 0;  ///< came behind a higher number and was delivered nevertheless
  std::uint64_t duplicate = 0;
  std::uint64_t late = 0;            ///< came after its number had been given up
  std::uint64_t implausible = 0;     ///< too far ahead, and nothing confirmed it
  std::uint64_t resynchronised = 0;  ///< times that the peer's numbering was taken up anew
};

/// The receive order of one call: packets go in as they come and come out in the order of their
/// sequence numbers, before anything deciphers them (RFC 2637 4.3, interop note 3.7d).
///
/// A packet that is next in order passes straight through. A hole holds back what is behind it
/// until it is filled, until the first packet behind it has waited for reorder_timeout(), or until
/// a packet comes that is kWindow or more ahead; then the hole is given up, and the next packet
/// behind it is next in order.
///
/// The reorder time-out follows the path: twice the longest delay by which any packet came behind
/// one that had overtaken it, of the last kEpoch packets delivered and of the kEpoch before them;
/// kLeastTimeout at least, kMostTimeout at most. A packet that came too late counts too, so that a
/// time-out that was too short grows by it; one that came later than kMostTimeout does not, being
/// out of reach. Before anything is known the path is taken to reorder by half of kFirstTimeout,
/// which is forgotten as any other delay is: a path that never reorders costs what is behind a lost
/// packet kLeastTimeout, no more.
///
/// The number of the first packet is accepted whatever it is (interop note 3.7a). As that packet
/// may have been overtaken, those before it are delivered too, out of order, for kFirstTimeout;
/// nothing is enciphered that early.
///
/// One wrong number, damaged or forged, does not cost the call: what is more than kMaxJump ahead is
/// believed only after kConsistentAhead packets in a row say so, and what is behind after
/// kConsistentBehind, which is how a peer that restarts its numbering is found out. Those before
/// the last of such a row are dropped: PPP and what it carries repeat what matters. A row is broken
/// by any packet of the old numbering.
///
/// Owns no octets, only handles: 64 of them, about 3 KiB. Nothing throws or allocates.
class GreReceiver {
 public:
  /// Packets held back at most; also how far back a duplicate is told from a late packet.
  static constexpr std::uint32_t kWindow = 64;
  /// Farther than any burst that a queue on the way loses at once.
  static constexpr std::uint32_t kMaxJump = 1024;
  static constexpr unsigned kConsistentAhead = 4;
  /// More, because a path that stalls delivers a few old packets in a row with nothing wrong.
  static constexpr unsigned kConsistentBehind = 8;
  /// What the queues of one host or router may differ by.
  static constexpr Duration kLeastTimeout = std::chrono::milliseconds(10);
  /// More than most paths need, and short against a TCP retransmission inside the tunnel.
  static constexpr Duration kFirstTimeout = std::chrono::milliseconds(100);
  /// By then TCP has sent again what is waited for.
  static constexpr Duration kMostTimeout = std::chrono::milliseconds(300);
  /// Packets delivered: enough that a path that reorders one in a hundred shows it every time.
  static constexpr std::uint32_t kEpoch = 1024;

  /// Accepts a payload with its sequence number. Follow some, and any after which is_full(), by
  /// take() until there is nothing more. On a Drop the packet stays the caller's. gre_no_payload:
  /// an empty packet; gre_duplicate; gre_late: behind, or implausibly far ahead; no_slot: the
  /// caller did not take() all.
  std::optional<Drop> put(TimePoint now, SeqNo sequence, Packet&& packet) noexcept;

  /// Nothing more can be put() before all has been taken.
  bool is_full() const noexcept { return aside_ != Aside::nothing; }

  /// The next packet in order; nullopt when there is none for now. Call it too when the deadline
  /// has passed.
  std::optional<Packet> take(TimePoint now) noexcept;

  /// When the hole that holds packets back is given up; nullopt: nothing is held back.
  Deadline next_deadline() const noexcept;

  /// What to acknowledge: RFC 2637 4.1 wants the highest number received, holes or not. nullopt
  /// before the first packet.
  std::optional<SeqNo> highest_received() const noexcept { return highest_; }

  /// How long what is behind a hole waits, as the path stands.
  Duration reorder_timeout() const noexcept;

  const GreReceiverStats& stats() const noexcept { return stats_; }

 private:
  struct Held {
    Packet packet;
    TimePoint arrived{};
  };

  /// Why a packet stands aside until take() gets to it.
  enum class Aside : std::uint8_t {
    nothing,
    overtaken,      ///< from before the first packet: delivered without moving the window
    ahead,          ///< beyond the window, which moves up for it
    new_numbering,  ///< the peer's numbers go on from here
  };

  std::optional<Drop> put_behind(TimePoint now, SeqNo sequence, Packet& packet) noexcept;
  void set_aside(Aside why, TimePoint now, SeqNo sequence, Packet& packet) noexcept;
  void place_aside() noexcept;
  bool confirmed(SeqNo sequence, unsigned in_a_row) noexcept;
  bool holds(SeqNo sequence) const noexcept;
  void hold(SeqNo sequence, Held&& held) noexcept;
  SeqNo first_held() const noexcept;
  Deadline overtaken_since(SeqNo sequence) const noexcept;
  void note_disorder(Duration behind) noexcept;
  void note_overtaken(SeqNo before, std::uint32_t count, TimePoint when) noexcept;
  void give_up_before(SeqNo sequence) noexcept;
  void count_delivered() noexcept;
  Packet deliver_next() noexcept;

  /// Indexed by sequence number modulo kWindow, as are the bits of held_; every packet in here is
  /// less than kWindow ahead of next_. The place of a number that was given up has the time when it
  /// was overtaken.
  std::array<Held, kWindow> slots_{};
  std::uint64_t held_ = 0;
  /// Bit i: next_ - 1 - i was delivered.
  std::uint64_t delivered_before_ = 0;
  SeqNo next_;
  std::optional<SeqNo> highest_;
  TimePoint started_{};

  Aside aside_ = Aside::nothing;
  SeqNo aside_sequence_;
  Held aside_held_;

  /// The longest delays by disorder: of this epoch and of the one before.
  Duration disorder_{};
  Duration disorder_before_ = kFirstTimeout / 2;

  SeqNo row_last_;
  unsigned row_length_ = 0;

  GreReceiverStats stats_;
};

}  // namespace pptp
