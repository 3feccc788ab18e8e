#pragma once

#include <string>

namespace pptp::app {

/// Overwrites the characters of a text that may have held a secret, and empties it.
inline void wipe_text(std::string& text) noexcept {
  volatile char* octet = text.data();
  for (std::size_t i = 0; i < text.size(); ++i)
    octet[i] = 0;
  text.clear();
}

}  // namespace pptp::app
