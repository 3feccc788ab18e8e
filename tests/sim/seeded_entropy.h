#pragma once

#include <cstdint>

#include "lib/entropy.h"

namespace pptp::sim {

/// Random numbers that a seed decides (splitmix64), for the engines and for the wire's faults.
class SeededEntropy final : public Entropy {
 public:
  explicit SeededEntropy(std::uint64_t seed) noexcept : state_(seed) {}

  void fill(MutableBytes out) noexcept override {
    for (std::uint8_t& octet : out)
      octet = static_cast<std::uint8_t>(next() >> 32 & 0xff);
  }

  std::uint64_t next() noexcept {
    state_ += 0x9e37'79b9'7f4a'7c15;
    std::uint64_t z = state_;
    z = (z ^ z >> 30) * 0xbf58'476d'1ce4'e5b9;
    z = (z ^ z >> 27) * 0x94d0'49bb'1331'11eb;
    return z ^ z >> 31;
  }

  /// 0 <= result < bound.
  std::uint64_t below(std::uint64_t bound) noexcept { return bound == 0 ? 0 : next() % bound; }

  bool chance(double probability) noexcept {
    return static_cast<double>(next() >> 11) < probability * 9007199254740992.0;  // 2^53
  }

 private:
  std::uint64_t state_;
};

}  // namespace pptp::sim
