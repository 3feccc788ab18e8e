#include "tunnel/io/os_entropy.h"

#include <cerrno>
#include <cstddef>
#include <exception>
#include <sys/random.h>

namespace pptp::io {

void OsEntropy::fill(MutableBytes out) noexcept {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      std::terminate();
    }
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace pptp::io
