#pragma once

#include <cstdint>

namespace pptp {

/// Whether IP packets may pass, the same for both directions of a call. Closed until the link says
/// otherwise, so that a mistake elsewhere cannot let a packet out in clear.
enum class Gate : std::uint8_t {
  closed,  ///< no IP packet passes in any form
  clear,   ///< IP in clear passes, enciphered does not: no encryption was agreed, and none required
  encrypted,  ///< enciphered IP passes, in clear it does not
};

}  // namespace pptp
