#pragma once

#include <cstdint>

namespace pptp::io {

/// What undoing a change to the host came to.
enum class Undone : std::uint8_t {
  undone,
  gone,        ///< nothing of it was there any more
  left_alone,  ///< somebody has changed it since, so it is theirs
};

}  // namespace pptp::io
