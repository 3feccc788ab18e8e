#pragma once

#include <stdexcept>
#include <string_view>

#include "mppe/keys.h"

namespace pptp::test {

/// The word that the vector files use: "40", "56", "128".
inline KeyBits key_bits(std::string_view word) {
  if (word == "40") return KeyBits::k40;
  if (word == "56") return KeyBits::k56;
  if (word == "128") return KeyBits::k128;
  throw std::runtime_error("no key length");
}

}  // namespace pptp::test
