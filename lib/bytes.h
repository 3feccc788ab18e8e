#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "lib/error.h"

namespace pptp {

using Bytes = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

/// 16 bits in network order at `offset`; both octets must be there.
constexpr std::uint16_t u16_at(Bytes octets, std::size_t offset) noexcept {
  return static_cast<std::uint16_t>(octets[offset] << 8 | octets[offset + 1]);
}

constexpr void put_u16(MutableBytes octets, std::size_t offset, std::uint16_t value) noexcept {
  octets[offset] = static_cast<std::uint8_t>(value >> 8);
  octets[offset + 1] = static_cast<std::uint8_t>(value & 0xff);
}

/// The same with 32 bits and four octets.
constexpr std::uint32_t u32_at(Bytes octets, std::size_t offset) noexcept {
  return std::uint32_t{u16_at(octets, offset)} << 16 | u16_at(octets, offset + 2);
}

constexpr void put_u32(MutableBytes octets, std::size_t offset, std::uint32_t value) noexcept {
  put_u16(octets, offset, static_cast<std::uint16_t>(value >> 16));
  put_u16(octets, offset + 2, static_cast<std::uint16_t>(value & 0xffff));
}

/// Reads big-endian fields off the front of a buffer it does not own.
///
/// Sticky: the first read past the end fails the Reader for good; reads then yield zeros or empty
/// spans. So a parser reads all its fields and checks ok() once.
class Reader {
 public:
  explicit constexpr Reader(Bytes data) noexcept : data_(data) {}

  constexpr std::uint8_t u8() noexcept {
    const Bytes octet = take(1);
    return octet.empty() ? std::uint8_t{0} : octet[0];
  }

  constexpr std::uint16_t u16() noexcept {
    const Bytes octets = take(2);
    return octets.empty() ? std::uint16_t{0} : u16_at(octets, 0);
  }

  constexpr std::uint32_t u32() noexcept {
    const Bytes octets = take(4);
    return octets.empty() ? 0 : u32_at(octets, 0);
  }

  /// The next `count` octets, as a reference into the buffer. May be called after failure.
  constexpr Bytes take(std::size_t count) noexcept {
    if (!ok_ || count > data_.size()) {
      fail();
      return {};
    }
    const Bytes taken = data_.first(count);
    data_ = data_.subspan(count);
    return taken;
  }

  /// Copies exactly N octets; zeros after failure.
  template <std::size_t N>
  constexpr std::array<std::uint8_t, N> array() noexcept {
    std::array<std::uint8_t, N> out{};
    const Bytes taken = take(N);
    std::copy_n(taken.data(), taken.size(), out.data());
    return out;
  }

  constexpr void skip(std::size_t count) noexcept { (void)take(count); }

  /// All that is left, as a reference.
  constexpr Bytes rest() noexcept { return take(ok_ ? data_.size() : 0); }

  constexpr std::size_t remaining() const noexcept { return data_.size(); }

  constexpr bool ok() const noexcept { return ok_; }

  constexpr void fail() noexcept {
    ok_ = false;
    data_ = {};
  }

 private:
  Bytes data_;
  bool ok_ = true;
};

/// Writes big-endian fields into a buffer it does not own, never past its end.
///
/// Sticky: what does not fit is not written at all and fails the Writer for good.
class Writer {
 public:
  explicit constexpr Writer(MutableBytes out) noexcept : out_(out) {}

  constexpr void u8(std::uint8_t value) noexcept {
    if (const MutableBytes place = reserve(1); !place.empty()) place[0] = value;
  }

  constexpr void u16(std::uint16_t value) noexcept {
    if (const MutableBytes place = reserve(2); !place.empty()) put_u16(place, 0, value);
  }

  constexpr void u32(std::uint32_t value) noexcept {
    if (const MutableBytes place = reserve(4); !place.empty()) put_u32(place, 0, value);
  }

  constexpr void bytes(Bytes data) noexcept {
    const MutableBytes room = reserve(data.size());
    std::copy_n(data.data(), room.size(), room.data());
  }

  constexpr void zeros(std::size_t count) noexcept {
    for (std::uint8_t& octet : reserve(count))
      octet = 0;
  }

  /// `text` cut to `width` octets and padded with zeros.
  constexpr void padded(std::string_view text, std::size_t width) noexcept {
    const MutableBytes room = reserve(width);
    for (std::size_t i = 0; i < room.size(); ++i) {
      room[i] = i < text.size() ? static_cast<std::uint8_t>(text[i]) : std::uint8_t{0};
    }
  }

  /// The next `count` octets for the caller to fill; empty after failure.
  constexpr MutableBytes reserve(std::size_t count) noexcept {
    if (!ok_ || count > room()) {
      ok_ = false;
      return {};
    }
    const MutableBytes place = out_.subspan(size_, count);
    size_ += count;
    return place;
  }

  /// Overwrites two octets written before, such as a length known only at the end.
  constexpr void patch_u16(std::size_t offset, std::uint16_t value) noexcept {
    if (offset + 2 > size_) {
      ok_ = false;
      return;
    }
    put_u16(out_, offset, value);
  }

  /// Forgets all octets written after the first `size`. Does not undo a failure.
  constexpr void truncate(std::size_t size) noexcept {
    if (size < size_) size_ = size;
  }

  constexpr std::size_t size() const noexcept { return size_; }

  constexpr std::size_t room() const noexcept { return out_.size() - size_; }

  constexpr bool ok() const noexcept { return ok_; }

  /// What has been written so far, as a reference into the buffer.
  constexpr Bytes written() const noexcept { return out_.first(size_); }

 private:
  MutableBytes out_;
  std::size_t size_ = 0;
  bool ok_ = true;
};

/// The octets of a text, and a text over octets, without copying. The one place where a pointer to
/// characters becomes one to octets: both are allowed to alias anything.
Bytes as_bytes(std::string_view text) noexcept;
std::string_view as_text(Bytes bytes) noexcept;

/// Lower-case hexadecimal digits.
std::string hex(Bytes bytes);

/// The octets written as hexadecimal digits of either case; spaces and colons are skipped.
Result<std::string> from_hex(std::string_view digits);

}  // namespace pptp
