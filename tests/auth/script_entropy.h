#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "lib/entropy.h"
#include "tests/auth/octets.h"

namespace pptp::test {

/// Gives the octets of a script, then 01 02 03 and so on; counts what was drawn.
class ScriptEntropy final : public Entropy {
 public:
  explicit ScriptEntropy(std::string_view digits) : script_(octets(digits)) {}

  void fill(MutableBytes out) noexcept override {
    for (std::uint8_t& octet : out) {
      octet = drawn_ < script_.size() ? script_[drawn_]
                                      : static_cast<std::uint8_t>(drawn_ - script_.size() + 1);
      ++drawn_;
    }
  }

  std::size_t drawn() const noexcept { return drawn_; }

 private:
  std::vector<std::uint8_t> script_;
  std::size_t drawn_ = 0;
};

}  // namespace pptp::test
