#pragma once

#include <string>

#include "lib/ipv4.h"
#include "tunnel/io/io_error.h"
#include "tunnel/io/unique_fd.h"

namespace pptp::app::demo {

/// A network namespace without a name: it is gone with the last process, socket and descriptor that
/// belongs to it.
class NetNamespace {
 public:
  /// A new one, which the calling thread is in from now on, with its loopback interface up.
  static io::IoResult<NetNamespace> create();

  /// Moves the calling thread into it: the sockets and processes that it makes from now on belong
  /// there.
  io::IoResult<void> enter() const;

  int fd() const noexcept { return fd_.fd(); }

 private:
  explicit NetNamespace(io::UniqueFd fd) noexcept;

  io::UniqueFd fd_;
};

/// One end of a cable.
struct CableEnd {
  const NetNamespace& place;
  std::string device;
  Ipv4Address address;
};

/// Joins two namespaces by a veth pair, both ends up, each knowing the way to the other's address.
/// Leaves the calling thread in one of them.
io::IoResult<void> connect_by_cable(const CableEnd& left, const CableEnd& right);

}  // namespace pptp::app::demo
