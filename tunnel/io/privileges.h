#pragma once

#include <cstdint>

#include "tunnel/io/io_error.h"

namespace pptp::io {

/// What a command is going to need, so that it can be refused before anything is opened or changed.
struct Needs {
  bool raw_socket = false;     ///< CAP_NET_RAW: GRE
  bool network_admin = false;  ///< CAP_NET_ADMIN: addresses, routes, rules, marks, TUN
  bool tun = false;            ///< /dev/net/tun that may be opened for reading and writing
};

/// Fails with the first that is missing: IoFault::permission names the capabilities that this
/// process lacks (effective set), IoFault::tun_missing says that there is no TUN device.
IoResult<void> check_privileges(const Needs& needs);

/// Lets this process have as many files open as it may (RLIMIT_NOFILE: the hard limit); returns how
/// many that are.
std::uint64_t raise_file_limit() noexcept;

/// Keeps what this process has in its memory, passwords and keys, from others: no core file, and
/// nobody with the same user id may trace it or read its memory, unless he has CAP_SYS_PTRACE.
/// Children have it too, until they run another program. Who is not root can no longer open what is
/// his alone in /proc/self, such as mem or uid_map; what everybody may read stays readable.
IoResult<void> guard_memory();

}  // namespace pptp::io
