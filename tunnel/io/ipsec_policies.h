#pragma once

#include "tunnel/io/io_error.h"
#include "tunnel/io/unique_fd.h"

namespace pptp::io {

/// Whether the network namespace it was opened in has IPsec policies: what leaves there then may
/// have to be enciphered, or held back, by the kernel's IP layer.
class IpsecPolicies {
 public:
  static IoResult<IpsecPolicies> open();

  /// For packets that leave. permission: without CAP_NET_ADMIN the kernel does not say.
  IoResult<bool> any() const;

 private:
  explicit IpsecPolicies(UniqueFd fd) noexcept;

  UniqueFd fd_;  ///< none: the kernel has no IPsec
};

}  // namespace pptp::io
