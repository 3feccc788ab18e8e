#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "lib/bytes.h"

namespace pptp {

/// Overwrites octets in a way the compiler does not remove.
inline void wipe(MutableBytes octets) noexcept {
  if (octets.empty()) return;
  std::memset(octets.data(), 0, octets.size());
  // For all the compiler knows, this reads them.
  asm volatile("" : : "r"(octets.data()) : "memory");
}

/// Compares in time that depends on the lengths alone.
bool equal_secret(Bytes a, Bytes b) noexcept;

/// N octets nobody else may see: cannot be copied by accident or printed, and are wiped when they
/// go.
template <std::size_t N>
class Secret {
 public:
  Secret() = default;

  /// Copies the octets; the source stays the caller's to wipe. Shorter sources are padded with
  /// zeros.
  explicit Secret(Bytes octets) noexcept {
    std::copy_n(octets.begin(), std::min(N, octets.size()), octets_.begin());
  }

  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;

  Secret(Secret&& other) noexcept : octets_(other.octets_) { wipe(other.octets_); }

  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      octets_ = other.octets_;
      wipe(other.octets_);
    }
    return *this;
  }

  ~Secret() { wipe(octets_); }

  /// A deliberate second copy.
  Secret clone() const noexcept { return Secret(bytes()); }

  Bytes bytes() const noexcept { return octets_; }

  MutableBytes mutable_bytes() noexcept { return octets_; }

 private:
  std::array<std::uint8_t, N> octets_{};
};

/// A password: UTF-8 text of any length, wiped when it goes.
class SecretText {
 public:
  SecretText() = default;

  explicit SecretText(std::string_view text) : text_(text) {}

  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;
  SecretText(SecretText&& other) noexcept;
  SecretText& operator=(SecretText&& other) noexcept;
  ~SecretText();

  SecretText clone() const { return SecretText(view()); }

  std::string_view view() const noexcept { return text_; }

  bool empty() const noexcept { return text_.empty(); }

 private:
  void clear() noexcept;

  std::string text_;
};

}  // namespace pptp
