#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/bytes.h"

namespace pptp {

/// Where the core gets its random octets: the operating system's source in the program, a seeded
/// generator in the simulator. One of the two interfaces the core calls out through.
class Entropy {
 public:
  virtual void fill(MutableBytes out) noexcept = 0;

  template <std::size_t N>
  std::array<std::uint8_t, N> array() noexcept {
    std::array<std::uint8_t, N> out{};
    fill(out);
    return out;
  }

  std::uint16_t u16() noexcept {
    const auto octets = array<2>();
    return Reader(octets).u16();
  }

  std::uint32_t u32() noexcept {
    const auto octets = array<4>();
    return Reader(octets).u32();
  }

 protected:
  ~Entropy() = default;
};

}  // namespace pptp
