#include "mppe/cipher.h"

#include <algorithm>
#include <array>
#include <utility>

namespace pptp {
namespace {

// RFC 3078 3 and RFC 2118 3.1: the header. B and C mean something with MPPC alone.
constexpr std::uint16_t kFlushedBit = 0x8000;
constexpr std::uint16_t kAtFrontBit = 0x4000;
constexpr std::uint16_t kCompressedBit = 0x2000;
constexpr std::uint16_t kEncryptedBit = 0x1000;

/// RFC 3078 7.2 and 8: stateful, the key changes before a packet whose count ends in this.
constexpr bool is_flag(CoherencyCount count) noexcept {
  return (count.value() & 0xff) == 0xff;
}

/// The flag packets from `first` to the one before `end`, modulo 16: one in 256.
constexpr std::uint32_t flags_between(CoherencyCount first, CoherencyCount end) noexcept {
  return ((end.value() >> 8) - (first.value() >> 8)) & 0xf;
}

// What follows is our own choice.

/// Farthest ahead that a packet can be; more looks late. Stateless senders that are later than that
/// are indistinguishable from packets that are (interop note 3.9).
constexpr std::uint32_t kFarthest = CoherencyCount::kModulus / 2 - 1;

/// A single weakly plausible packet may move the key this far: where it was a wrong key after all,
/// the sender is there as well so many packets later.
constexpr std::uint32_t kNear = 8;

/// Packets follow one another when their counts are no farther apart than this.
constexpr std::uint32_t kRunStep = 64;

/// A run this long is not a few damaged or late packets any more.
constexpr unsigned kRunLength = 3;

/// Packets that are tried before a search goes on to the next turn of the counter: enough for one
/// to be damaged.
constexpr unsigned kTriesPerTurn = 4;

/// Turns that a search passes before it starts over, the first time; then twice as many each time.
constexpr unsigned kFirstTurns = 4;

/// So many weakly plausible packets in a row are believed like one that is strongly plausible.
constexpr unsigned kWeakEvidence = 3;

/// Stateful: key changes that may have been missed in one go.
constexpr std::uint32_t kMostMissed = 1024;

}  // namespace

MppeSealer::MppeSealer(MppeKey start, MppeParameters parameters)
    : parameters_(parameters),
      start_(std::move(start)),
      session_(initial_session_key(start_, parameters_.bits)) {
  if (parameters_.mppc) mppc_ = std::make_unique<MppcCompressor>();
  restart_stream();
}

void MppeSealer::seal(std::span<Packet> packets) noexcept {
  if (parameters_.mode == MppeMode::stateful) {
    for (Packet& packet : packets)
      seal_stateful(packet);
    return;
  }
  while (!packets.empty()) {
    const std::size_t together = std::min(packets.size(), streams_.size());
    seal_side_by_side(packets.first(together));
    packets = packets.subspan(together);
  }
}

/// RFC 3078 7.1: stateless, the key changes before each packet. At most as many as there are
/// streams.
void MppeSealer::seal_side_by_side(std::span<Packet> packets) noexcept {
  std::array<MppeKey, Rc4::kSideBySide> keys;
  std::array<Rc4::Keying, Rc4::kSideBySide> keyings;
  std::array<Rc4::Work, Rc4::kSideBySide> works;
  std::array<std::uint16_t, Rc4::kSideBySide> bits;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    change_key();
    keys[i] = session_.clone();
    keyings[i] = {&streams_[i], keys[i].bytes().first(key_octets(parameters_.bits))};
    bits[i] = kFlushedBit | (mppc_ ? compress(packets[i], true) : 0);
    works[i] = {&streams_[i], packets[i].mutable_bytes()};
  }
  Rc4::set_keys(std::span(keyings).first(packets.size()));
  Rc4::apply(std::span<const Rc4::Work>(works).first(packets.size()));
  for (std::size_t i = 0; i < packets.size(); ++i)
    push_header(packets[i], bits[i]);
}

void MppeSealer::seal_stateful(Packet& packet) noexcept {
  const CoherencyCount count = count_.next();
  bool flushed = true;
  if (is_flag(count) || flush_ == FlushRule::change_key) {
    // RFC 3078 7.2. A flag packet always has its A bit: RFC 3078 does not ask for it, Linux drops
    // one without (interop note 3.11).
    change_key();
    restart_stream();
  } else if (flush_ == FlushRule::keep_key && reuses_ < kMostReuses) {
    ++reuses_;
    ++streams_reused_;
    restart_stream();
  } else {
    // DEVIATION: RFC 3078 3.1 wants the A bit in the first stateful packet too; Linux does not set
    // it, and would change the key there (interop note 3.8b).
    flushed = false;
  }
  flush_.reset();
  std::uint16_t bits = flushed ? kFlushedBit : 0;
  if (mppc_) bits |= compress(packet, flushed);
  streams_[0].apply(packet.mutable_bytes());
  push_header(packet, bits);
}

void MppeSealer::push_header(Packet& packet, std::uint16_t bits) noexcept {
  count_ = count_.next();
  const std::uint32_t header = std::uint32_t{bits} | kEncryptedBit | count_.value();
  Writer(packet.push_front(kHeaderSize)).u16(static_cast<std::uint16_t>(header));
}

/// In place; returns the bits that say so.
std::uint16_t MppeSealer::compress(Packet& packet, bool flushed) noexcept {
  // RFC 3078 7: what is flushed is both, key stream and history.
  if (flushed) mppc_->flush();
  const auto compressed = mppc_->compress(packet.bytes());
  if (!compressed) return 0;
  // DEVIATION: RFC 2118 4 has the history flushed after a packet that would have grown. Here it has
  // not taken that packet in, so that both ends go on with what they had.
  packet.pop_front(packet.size() - compressed->octets.size());
  std::ranges::copy(compressed->octets, packet.mutable_bytes().begin());
  return kCompressedBit | (compressed->at_front ? kAtFrontBit : 0);
}

void MppeSealer::flush(FlushRule rule) noexcept {
  if (parameters_.mode == MppeMode::stateful) flush_ = rule;
}

void MppeSealer::change_key() noexcept {
  session_ = next_session_key(start_, session_, parameters_.bits);
  reuses_ = 0;
}

void MppeSealer::restart_stream() noexcept {
  streams_[0].set_key(session_.bytes().first(key_octets(parameters_.bits)));
}

MppeOpener::MppeOpener(MppeKey start, MppeParameters parameters)
    : parameters_(parameters),
      start_(std::move(start)),
      session_(initial_session_key(start_, parameters_.bits)),
      near_{session_.clone(), count_, 0} {
  if (parameters_.mppc) expander_ = std::make_unique<Expander>();
  rc4_.set_key(session_.bytes().first(key_octets(parameters_.bits)));
}

std::optional<Drop> MppeOpener::open(Packet& packet) noexcept {
  Reader reader(packet.bytes());
  const std::uint16_t header = reader.u16();
  if (!reader.ok() || (header & kEncryptedBit) == 0) return Drop::mppe_malformed;
  refund(kGrant);
  packet.pop_front(MppeSealer::kHeaderSize);
  const CoherencyCount count(header);
  const MutableBytes body = packet.mutable_bytes();
  const bool flushed = (header & kFlushedBit) != 0;
  compressed_ = expander_ && (header & kCompressedBit) != 0;
  // Without a gap since the history began.
  const bool follows = flushed || (in_step_ && count.steps_from(count_) == 1);
  if (compressed_) {
    expander_->usable = follows;
    expander_->place = {.fresh = flushed, .at_front = (header & kAtFrontBit) != 0};
  }
  // DEVIATION: RFC 3078 7.1 has the A bit in every stateless packet; one without is judged by what
  // it deciphers to, as any other.
  const std::optional<Drop> drop = parameters_.mode == MppeMode::stateless
                                       ? open_stateless(count, body)
                                       : open_stateful(count, flushed, body);
  if (!expander_ || drop == Drop::mppe_late) return drop;
  in_step_ = follows && !drop;
  if (drop) return compressed_ && !follows ? Drop::mppc_unsynchronised : *drop;
  if (!compressed_) {
    if (flushed) expander_->mppc.flush();
    return std::nullopt;
  }
  expander_->mppc.accept();
  if (!packet.assign(expander_->expanded)) return Drop::mppc_malformed;
  return std::nullopt;
}

void MppeOpener::open(std::span<Packet> packets, std::span<std::optional<Drop>> drops) noexcept {
  for (std::size_t done = 0; done < packets.size();) {
    const std::size_t together = open_side_by_side(packets.subspan(done));
    std::ranges::fill(drops.subspan(done, together), std::nullopt);
    done += together;
    if (done == packets.size()) return;
    drops[done] = open(packets[done]);
    ++done;
  }
}

/// Stateless, and nothing amiss: those at the front whose counts follow that of the packet accepted
/// last. Returns how many were opened; the others are as they were.
std::size_t MppeOpener::open_side_by_side(std::span<Packet> packets) noexcept {
  if (parameters_.mode != MppeMode::stateless || expander_ || near_.count != count_) return 0;
  constexpr std::size_t kMost = Rc4::kSideBySide;
  std::array<MppeKey, kMost> keys;
  std::array<Rc4::Keying, kMost> keyings;
  std::array<Rc4::Work, kMost> works;
  std::size_t together = 0;
  for (CoherencyCount count = count_; together < std::min(packets.size(), kMost); ++together) {
    count = count.next();
    Reader reader(packets[together].bytes());
    const std::uint16_t header = reader.u16();
    if (!reader.ok() || (header & kEncryptedBit) == 0 || CoherencyCount(header) != count) break;
    works[together] = {&streams_[together],
                       packets[together].mutable_bytes().subspan(MppeSealer::kHeaderSize)};
  }
  if (together < 2) return 0;
  for (std::size_t i = 0; i < together; ++i) {
    keys[i] = (i == 0 ? session_ : keys[i - 1]).clone();
    change_key(keys[i]);
    keyings[i] = {&streams_[i], keys[i].bytes().first(key_octets(parameters_.bits))};
  }
  const auto decipher = [&](std::size_t first) {
    Rc4::set_keys(std::span<const Rc4::Keying>(keyings).subspan(first, together - first));
    Rc4::apply(std::span<const Rc4::Work>(works).subspan(first, together - first));
  };
  decipher(0);
  std::size_t opened = 0;
  while (opened < together && plausibility(works[opened].data) >= Plausibility::weak)
    ++opened;
  // From the first that is doubtful on, each is to be judged by itself.
  if (opened < together) decipher(opened);
  for (std::size_t i = 0; i < opened; ++i) {
    refund(kGrant);
    packets[i].pop_front(MppeSealer::kHeaderSize);
  }
  if (opened > 0)
    accept(std::move(keys[opened - 1]), count_.plus(static_cast<std::uint32_t>(opened)));
  return opened;
}

std::optional<Drop> MppeOpener::open_stateless(CoherencyCount count, MutableBytes body) noexcept {
  const std::uint32_t steps = count.steps_from(count_);
  const bool late = steps == 0 || steps > kFarthest;
  if (!late && open_ahead(steps, count, body)) return std::nullopt;
  if (note_failure(count) && search(count, body)) return std::nullopt;
  return late ? Drop::mppe_late : Drop::mppe_implausible;
}

bool MppeOpener::open_ahead(std::uint32_t steps, CoherencyCount count, MutableBytes body) noexcept {
  // On from the packet that failed before, where it was not farther ahead than this one.
  std::uint32_t done = near_.count.steps_from(count_);
  if (done > steps) {
    done = 0;
    near_ = Place{session_.clone(), count_, 0};
  }
  if (!spend(steps - done)) return false;
  if (!open_at(near_, steps - done, body, steps <= kNear ? 1 : kWeakEvidence)) return false;
  refund(steps - done);
  accept(near_.key.clone(), count);
  return true;
}

bool MppeOpener::search(CoherencyCount count, MutableBytes body) noexcept {
  if (turns_limit_ == 0 || (tries_ == kTriesPerTurn && turns_ == turns_limit_)) {
    turns_limit_ = turns_limit_ == 0 ? kFirstTurns : 2 * turns_limit_;
    turns_ = 0;
    tries_ = 0;
    // One step behind what open_ahead() tries: neither those keys again nor that of the packet
    // accepted last, which must open nothing any more.
    far_ = Place{near_.key.clone(), near_.count.next(), 0};
    change_key(far_.key);
  }
  std::int64_t steps = count.steps_from(far_.count);
  const bool next_turn = tries_ == kTriesPerTurn;
  if (tries_ > 0) steps = count.distance_from(far_.count);
  if (next_turn) steps += static_cast<std::int64_t>(CoherencyCount::kModulus);
  if (steps < 0 || !spend(static_cast<std::uint32_t>(steps))) return false;
  if (next_turn) {
    ++turns_;
    tries_ = 0;
    far_.evidence = 0;
  }
  ++tries_;
  if (!open_at(far_, static_cast<std::uint32_t>(steps), body, kWeakEvidence)) return false;
  accept(far_.key.clone(), count);
  return true;
}

/// Moves `place` on by `steps` key changes and tries the key found there; `needed` weakly plausible
/// packets in a row are as good as a strongly plausible one.
bool MppeOpener::open_at(Place& place, std::uint32_t steps, MutableBytes body,
                         unsigned needed) noexcept {
  for (std::uint32_t i = 0; i < steps; ++i)
    change_key(place.key);
  place.count = place.count.plus(steps);
  const Plausibility least =
      place.evidence + 1 >= needed ? Plausibility::weak : Plausibility::strong;
  const Plausibility found = try_key(place.key, body, least);
  place.evidence = found == Plausibility::weak ? place.evidence + 1 : 0;
  return found >= least;
}

std::optional<Drop> MppeOpener::open_stateful(CoherencyCount count, bool flushed,
                                              MutableBytes body) noexcept {
  const std::uint32_t steps = count.steps_from(count_);
  // The key stream starts afresh at these. A flag packet without A comes from a sender that follows
  // RFC 3078 to the letter (interop note 3.11).
  const bool restarts = flushed || is_flag(count);
  if (synchronised_) {
    if (steps == 0 || steps > kFarthest) {
      // More than kFarthest were lost, rather than so many late.
      if (note_failure(count)) synchronised_ = false;
      return Drop::mppe_late;
    }
    if (steps == 1 && !restarts) {
      count_ = count;
      return open_next(body);
    }
    if (!restarts) {
      synchronised_ = false;
      return Drop::mppe_unsynchronised;
    }
  } else if (!restarts) {
    return Drop::mppe_unsynchronised;
  }
  if (open_restart(count, flushed, body)) return std::nullopt;
  synchronised_ = false;
  return Drop::mppe_implausible;
}

std::optional<Drop> MppeOpener::open_next(MutableBytes body) noexcept {
  if (try_stream(body, Plausibility::weak) >= Plausibility::weak) {
    doubtful_ = false;
    run_ = 0;
    return std::nullopt;
  }
  // One packet damaged on the way has used as much of the key stream as it would have whole.
  rc4_.apply(body.subspan(std::min(body.size(), kPlausibilityHead)));
  if (doubtful_) synchronised_ = false;
  doubtful_ = true;
  return Drop::mppe_implausible;
}

bool MppeOpener::open_restart(CoherencyCount count, bool flushed, MutableBytes body) noexcept {
  // The keys that the two rules lead to, where nothing but flag packets was missed.
  const std::uint32_t missed = flags_between(count_.next(), count);
  const std::uint32_t kept = missed + (is_flag(count) ? 1 : 0);
  const std::uint32_t changed = missed + 1;
  const std::uint32_t expected = flush_rule_ == FlushRule::change_key ? changed : kept;
  // Every key from the last one on is tried: flushed packets may have been missed as well, and the
  // counter may have gone round. Not more than one change for each packet, though, as long as we
  // know how many there were.
  const std::uint32_t most =
      std::min({grant_, kMostMissed, synchronised_ ? count.steps_from(count_) : kMostMissed});
  MppeKey session = session_.clone();
  std::optional<MppeKey> weak;
  for (std::uint32_t changes = 0; changes <= most; ++changes) {
    if (changes > 0) change_key(session);
    const Plausibility found = try_key(session, body, Plausibility::strong);
    if (found == Plausibility::strong) {
      // The first packet of all says nothing: some set A there (interop note 3.8b).
      if (flushed && kept != changed && count.value() != 0) {
        if (changes == kept) flush_rule_ = FlushRule::keep_key;
        if (changes == changed) flush_rule_ = FlushRule::change_key;
      }
      accept(std::move(session), count);
      return true;
    }
    if (found == Plausibility::weak &&
        (changes == expected || (!weak && (changes == kept || changes == changed)))) {
      weak = session.clone();
    }
  }
  if (!weak) {
    (void)spend(most);
    return false;
  }
  (void)try_key(*weak, body, Plausibility::weak);
  accept(std::move(*weak), count);
  return true;
}

/// The session key that follows, in place.
void MppeOpener::change_key(MppeKey& session) const noexcept {
  session = next_session_key(start_, session, parameters_.bits);
}

/// try_stream() from the beginning of a key's stream.
Plausibility MppeOpener::try_key(const MppeKey& session, MutableBytes body,
                                 Plausibility least) noexcept {
  rc4_.set_key(session.bytes().first(key_octets(parameters_.bits)));
  return try_stream(body, least);
}

/// Deciphers `body` in place when that makes it at least so plausible, and else leaves it as it is,
/// with as much of the key stream used as it takes to see that.
Plausibility MppeOpener::try_stream(MutableBytes body, Plausibility least) noexcept {
  if (compressed_) return try_compressed(body, least);
  const std::size_t size = std::min(body.size(), kPlausibilityHead);
  const MutableBytes head = body.first(size);
  std::array<std::uint8_t, kPlausibilityHead> before{};
  std::ranges::copy(head, before.begin());
  rc4_.apply(head);
  const Plausibility found = plausibility(body);
  if (found >= least) {
    rc4_.apply(body.subspan(size));
  } else {
    std::copy_n(before.begin(), size, head.begin());
  }
  return found;
}

/// The same for a packet that is compressed: what it expands to is judged.
Plausibility MppeOpener::try_compressed(MutableBytes body, Plausibility least) noexcept {
  Expander& expander = *expander_;
  const MutableBytes deciphered =
      MutableBytes(expander.deciphered).first(std::min(body.size(), kMppcLongest));
  expander.rc4 = rc4_;
  expander.rc4.apply(Bytes(body).first(deciphered.size()), deciphered);
  const std::optional<Bytes> expanded =
      expander.usable ? expander.mppc.expand(deciphered, expander.place) : std::nullopt;
  const Plausibility found = expanded ? plausibility(*expanded) : Plausibility::none;
  if (found < least) {
    rc4_.apply(deciphered.first(std::min(body.size(), kPlausibilityHead)));
    return found;
  }
  expander.expanded = *expanded;
  rc4_ = expander.rc4;
  return found;
}

void MppeOpener::accept(MppeKey session, CoherencyCount count) noexcept {
  session_ = std::move(session);
  count_ = count;
  synchronised_ = true;
  doubtful_ = false;
  run_ = 0;
  near_ = Place{session_.clone(), count_, 0};
  turns_limit_ = 0;
}

bool MppeOpener::spend(std::uint32_t key_changes) noexcept {
  if (key_changes > grant_) return false;
  grant_ -= key_changes;
  return true;
}

void MppeOpener::refund(std::uint32_t key_changes) noexcept {
  grant_ = std::min(grant_ + key_changes, kGrantLimit);
}

/// Counts a packet that could not be accepted; whether it is one of a run too long for chance.
bool MppeOpener::note_failure(CoherencyCount count) noexcept {
  const std::uint32_t steps = count.steps_from(failed_count_);
  run_ = run_ > 0 && steps >= 1 && steps <= kRunStep ? run_ + 1 : 1;
  failed_count_ = count;
  return run_ >= kRunLength;
}

}  // namespace pptp
