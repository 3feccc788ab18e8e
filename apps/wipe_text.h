#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace pptp::app {

/// Overwrites the characters of a text that may have held a secret, and empties it.
inline void wipe_text(std::string& text) noexcept {
  volatile char* octet = text.data();
  for (std::size_t i = 0; i < text.size(); ++i)
    octet[i] = 0;
  text.clear();
}

/// Makes room for so many characters. Nothing of a secret stays where it was: a text with that room
/// does not leave its characters behind when it is moved, either.
inline void reserve_secret(std::string& text, std::size_t size) {
  constexpr std::size_t kOnHeap = 64;  // a short text would lie inside of the object
  if (text.capacity() >= std::max(size, kOnHeap)) return;
  std::string larger;
  larger.reserve(std::max(2 * size, kOnHeap));
  larger.append(text);
  wipe_text(text);
  text.swap(larger);
}

/// Appends to a text that may hold a secret.
inline void append_secret(std::string& text, std::string_view more) {
  reserve_secret(text, text.size() + more.size());
  text.append(more);
}

}  // namespace pptp::app
