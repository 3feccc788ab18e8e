#pragma once

#include "lib/entropy.h"

namespace pptp::io {

/// The kernel's random octets, by getrandom(2). Not libcrypto's RAND, which fails in FIPS mode
/// (interop note 3.29). Ends the process where the kernel has none to give: there is no safe way
/// to go on.
class OsEntropy final : public Entropy {
 public:
  void fill(MutableBytes out) noexcept override;
};

}  // namespace pptp::io
