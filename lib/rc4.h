#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/bytes.h"

namespace pptp {

/// An RC4 key stream that goes on from call to call. Broken as a cipher; MPPE and the change of a
/// password are made of it (RFC 3078, RFC 2759 8.9). Wiped when it goes.
///
/// Our own, because each octet of one stream waits for the one before: streams that run side by
/// side cost two thirds each of one that runs alone (docs/performance.md).
class Rc4 {
 public:
  /// So many streams run side by side; more gain nothing.
  static constexpr std::size_t kSideBySide = 4;

  /// Not keyed: must be set_key() before use.
  Rc4() noexcept;
  /// `key`: 1 to 256 octets.
  explicit Rc4(Bytes key) noexcept;
  Rc4(const Rc4&) noexcept = default;
  Rc4& operator=(const Rc4&) noexcept = default;
  ~Rc4();

  void set_key(Bytes key) noexcept;

  /// XORs the key stream onto `data` in place; decipher and encipher are the same.
  void apply(MutableBytes data) noexcept;

  /// XORs the key stream onto `in`, writing to `out`, which is as long and may be the same place.
  void apply(Bytes in, MutableBytes out) noexcept;

  /// A key stream, and the octets that it is XORed onto in place. No two share either.
  struct Work {
    Rc4* stream = nullptr;
    MutableBytes data;
  };

  /// The same for many at once. Streams that are at the same place, as those just keyed are, run
  /// side by side.
  static void apply(std::span<const Work> works) noexcept;

  /// A key stream, and the key for it: 8 or 16 octets.
  struct Keying {
    Rc4* stream = nullptr;
    Bytes key;
  };

  static void set_keys(std::span<const Keying> keyings) noexcept;

 private:
  template <std::size_t N>
  static void apply_together(std::span<const Work, N> works) noexcept;

  alignas(64) std::array<std::uint8_t, 256> table_;
  std::uint8_t i_ = 0;
  std::uint8_t j_ = 0;
};

}  // namespace pptp
