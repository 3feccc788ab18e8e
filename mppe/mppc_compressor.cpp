#include <algorithm>
#include <bit>

#include "mppe/mppc.h"

namespace pptp {
namespace {

constexpr std::size_t kShortestMatch = 3;

/// Bits into octets, the first into the highest; what does not fit is noted.
class BitWriter {
 public:
  explicit BitWriter(MutableBytes out) noexcept : out_(out) {}

  void put(std::uint32_t value, unsigned bits) noexcept {
    held_ = held_ << bits | value;
    count_ += bits;
    while (count_ >= 8) {
      count_ -= 8;
      octet(static_cast<std::uint8_t>(held_ >> count_ & 0xff));
    }
  }

  /// The last octet's unused bits are zeros.
  void finish() noexcept {
    if (count_ > 0) put(0, 8 - count_);
  }

  bool ok() const noexcept { return ok_; }

  std::size_t size() const noexcept { return size_; }

 private:
  void octet(std::uint8_t value) noexcept {
    if (size_ < out_.size()) {
      out_[size_++] = value;
    } else {
      ok_ = false;
    }
  }

  MutableBytes out_;
  std::size_t size_ = 0;
  std::uint64_t held_ = 0;
  unsigned count_ = 0;
  bool ok_ = true;
};

/// RFC 2118 4.1: eight bits, or nine from 0x80 on.
void put_literal(BitWriter& out, std::uint8_t octet) noexcept {
  if (octet < 0x80) {
    out.put(octet, 8);
  } else {
    out.put(0x100U | (octet & 0x7fU), 9);
  }
}

/// RFC 2118 4.2.1.
void put_distance(BitWriter& out, std::size_t distance) noexcept {
  const auto value = static_cast<std::uint32_t>(distance);
  if (value < 64) {
    out.put(0xf, 4);
    out.put(value, 6);
  } else if (value < 320) {
    out.put(0xe, 4);
    out.put(value - 64, 8);
  } else {
    out.put(0x6, 3);
    out.put(value - 320, 13);
  }
}

/// RFC 2118 4.2.2: from 4 on, as many ones as make the range, a zero, and the place in the range.
void put_length(BitWriter& out, std::size_t length) noexcept {
  if (length == kShortestMatch) return out.put(0, 1);
  const auto bits = static_cast<unsigned>(std::bit_width(length)) - 1;
  const unsigned ones = bits - 1;
  out.put((1U << ones) - 1, ones);
  out.put(0, 1);
  out.put(static_cast<std::uint32_t>(length) - (1U << bits), bits);
}

std::size_t hash(Bytes three) noexcept {
  const std::uint32_t value = static_cast<std::uint32_t>(three[0]) << 16 |
                              static_cast<std::uint32_t>(three[1]) << 8 | three[2];
  return value * 2'654'435'761U >> 20;  // 12 bits
}

}  // namespace

void MppcCompressor::flush() noexcept {
  position_ = 0;
}

std::optional<MppcCompressor::Compressed> MppcCompressor::compress(Bytes packet) noexcept {
  if (packet.empty() || packet.size() > kMppcLongest) return std::nullopt;
  const bool at_front = position_ + packet.size() > kMppcHistory;
  const std::size_t start = at_front ? 0 : position_;
  const std::size_t end = start + packet.size();
  std::ranges::copy(packet, history_.begin() + static_cast<std::ptrdiff_t>(start));
  BitWriter out(MutableBytes(out_).first(packet.size()));
  for (std::size_t at = start; at < end && out.ok();) {
    std::size_t distance = 0;
    const std::size_t length = match(at, end, distance);
    if (length == 0) {
      put_literal(out, history_[at++]);
    } else {
      put_distance(out, distance);
      put_length(out, length);
      at += length;
    }
  }
  out.finish();
  if (!out.ok() || out.size() >= packet.size()) {
    // At the front it has overwritten what the receiver still has: begin there once more.
    if (at_front) position_ = kMppcHistory;
    return std::nullopt;
  }
  position_ = end;
  return Compressed{Bytes(out_).first(out.size()), at_front};
}

/// How many octets from `at` on have been there before, and how far back; 0: too few. Looks at no
/// more than what lies before `at`, which the receiver has whatever it does at the front.
std::size_t MppcCompressor::match(std::size_t at, std::size_t end, std::size_t& distance) noexcept {
  if (end - at < kShortestMatch) return 0;
  const Bytes history(history_);
  std::uint16_t& last = last_[hash(history.subspan(at))];
  const std::size_t from = last;
  last = static_cast<std::uint16_t>(at);
  if (from >= at) return 0;
  std::size_t length = 0;
  while (at + length < end && history[from + length] == history[at + length])
    ++length;
  if (length < kShortestMatch) return 0;
  distance = at - from;
  return length;
}

}  // namespace pptp
