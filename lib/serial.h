#pragma once

#include <compare>
#include <cstdint>

namespace pptp {

/// Serial-number arithmetic (RFC 1982) with the modulus 2^Bits in the type; Tag keeps kinds apart.
///
/// There is no operator<: which of two comes first depends on how far apart they are, so one asks
/// for the distance.
template <class Tag, unsigned Bits>
class Serial {
  static_assert(Bits >= 2 && Bits <= 32);

 public:
  static constexpr std::uint64_t kModulus = std::uint64_t{1} << Bits;
  static constexpr std::uint32_t kMask = static_cast<std::uint32_t>(kModulus - 1);

  constexpr Serial() noexcept = default;

  explicit constexpr Serial(std::uint32_t value) noexcept : value_(value & kMask) {}

  constexpr std::uint32_t value() const noexcept { return value_; }

  constexpr bool operator==(const Serial&) const noexcept = default;

  /// The serial number `step` later.
  constexpr Serial plus(std::uint32_t step) const noexcept { return Serial(value_ + step); }

  constexpr Serial next() const noexcept { return plus(1); }

  constexpr Serial minus(std::uint32_t step) const noexcept { return Serial(value_ - step); }

  /// How many steps forward lead from `earlier` to this one: 0 .. 2^Bits-1.
  constexpr std::uint32_t steps_from(Serial earlier) const noexcept {
    return (value_ - earlier.value_) & kMask;
  }

  /// Signed distance from `reference`, in -2^(Bits-1) .. 2^(Bits-1)-1: negative means before it.
  constexpr std::int64_t distance_from(Serial reference) const noexcept {
    const std::int64_t forward = steps_from(reference);
    return forward < static_cast<std::int64_t>(kModulus / 2)
               ? forward
               : forward - static_cast<std::int64_t>(kModulus);
  }

  constexpr bool is_after(Serial reference) const noexcept { return distance_from(reference) > 0; }

 private:
  std::uint32_t value_ = 0;
};

/// RFC 2637 4.1: sequence number of a GRE packet with payload; modulo 2^32.
using SeqNo = Serial<struct SeqNoTag, 32>;

/// RFC 2637 4.1: the highest sequence number that the sender of the acknowledgement has received.
using AckNo = Serial<struct AckNoTag, 32>;

/// The acknowledgement of everything up to `received`.
constexpr AckNo acknowledging(SeqNo received) noexcept {
  return AckNo(received.value());
}

/// The sequence number, one of ours, that `acknowledgement` is about.
constexpr SeqNo acknowledged(AckNo acknowledgement) noexcept {
  return SeqNo(acknowledgement.value());
}

/// RFC 3078 3: coherency count; modulo 4096.
using CoherencyCount = Serial<struct CoherencyTag, 12>;

}  // namespace pptp
