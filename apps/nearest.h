#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace pptp::app {

/// How many letters must be added, removed, replaced or swapped with their neighbour to turn one
/// word into the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

struct Nearest {
  std::string_view word;  ///< empty when there was nothing to choose from
  bool close = false;     ///< near enough that a slip is the likely reason
};

/// The candidate that `word` was probably meant to be. Of dotted candidates the last part counts as
/// well: "mtu" is near "network.mtu".
Nearest nearest(std::string_view word, std::span<const std::string_view> candidates);

/// "did you mean 'X'?", or, when nothing is close, "the nearest WHAT is 'X'".
std::string suggestion(std::string_view word, std::span<const std::string_view> candidates,
                       std::string_view what);

}  // namespace pptp::app
