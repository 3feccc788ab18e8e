#include <algorithm>

#include "mppe/mppc.h"

namespace pptp {
namespace {

class BitReader {
 public:
  explicit BitReader(Bytes in) noexcept : in_(in) {}

  std::size_t remaining() const noexcept { return in_.size() * 8 - at_; }

  /// At most 16. Past the end it fails for good, and yields zeros.
  std::uint32_t take(unsigned bits) noexcept {
    if (bits > remaining()) {
      ok_ = false;
      at_ = in_.size() * 8;
      return 0;
    }
    std::uint32_t value = 0;
    for (; bits > 0; --bits, ++at_)
      value = value << 1 | (in_[at_ / 8] >> (7 - at_ % 8) & 1U);
    return value;
  }

  bool ok() const noexcept { return ok_; }

 private:
  Bytes in_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

/// RFC 2118 4.2.1, behind the first two ones.
std::size_t take_distance(BitReader& in) noexcept {
  if (in.take(1) == 0) return in.take(13) + 320;
  return in.take(1) == 0 ? in.take(8) + 64 : in.take(6);
}

/// RFC 2118 4.2.2; 0: no such length.
std::size_t take_length(BitReader& in) noexcept {
  constexpr unsigned kMostOnes = 11;
  unsigned ones = 0;
  while (in.take(1) == 1) {
    if (++ones > kMostOnes) return 0;
  }
  return ones == 0 ? 3 : (std::size_t{1} << (ones + 1)) + in.take(ones + 1);
}

}  // namespace

void MppcDecompressor::flush() noexcept {
  position_ = 0;
  filled_ = 0;
}

std::optional<Bytes> MppcDecompressor::expand(Bytes packet, Place place) noexcept {
  BitReader in(packet);
  start_ = place.fresh || place.at_front ? 0 : position_;
  available_ = place.fresh ? 0 : filled_;
  produced_ = 0;
  const std::size_t room = std::min(kMppcLongest, kMppcHistory - start_);
  // The shortest code has eight bits; fewer fill the last octet.
  while (in.remaining() >= 8) {
    std::size_t length = 1;
    std::size_t distance = 0;
    std::uint8_t literal = 0;
    if (in.take(1) == 0) {
      literal = static_cast<std::uint8_t>(in.take(7));
    } else if (in.take(1) == 0) {
      literal = static_cast<std::uint8_t>(0x80 | in.take(7));
    } else {
      distance = take_distance(in);
      length = take_length(in);
      if (length == 0 || !reaches(distance, length)) return std::nullopt;
    }
    if (!in.ok() || length > room - produced_) return std::nullopt;
    for (; length > 0; --length, ++produced_)
      out_[produced_] = distance == 0 ? literal : octet_back(produced_, distance);
  }
  return Bytes(out_).first(produced_);
}

/// Whether there is something so far back, and all the octets behind it.
bool MppcDecompressor::reaches(std::size_t distance, std::size_t length) const noexcept {
  const std::size_t at = start_ + produced_;
  if (distance == 0 || distance >= kMppcHistory) return false;
  if (distance <= at) return true;
  // Round the end: what was there before the packets at the front.
  const std::size_t from = at + kMppcHistory - distance;
  return from >= at && from + std::min(length, kMppcHistory - from) <= available_;
}

/// The octet so far before the one to be produced: of this packet, or out of the history, which
/// goes round.
std::uint8_t MppcDecompressor::octet_back(std::size_t produced,
                                          std::size_t distance) const noexcept {
  if (distance <= produced) return out_[produced - distance];
  return history_[(start_ + produced + kMppcHistory - distance) % kMppcHistory];
}

void MppcDecompressor::accept() noexcept {
  std::copy_n(out_.begin(), produced_, history_.begin() + static_cast<std::ptrdiff_t>(start_));
  position_ = start_ + produced_;
  filled_ = std::max(available_, position_);
}

}  // namespace pptp
