#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/ipv4.h"
#include "tunnel/io/event_loop.h"
#include "tunnel/io/io_error.h"

namespace pptp::io {

/// Looks up the IPv4 addresses of a host name as the host's name service switch does, without
/// blocking the loop. Goes away early to give up on the answer.
///
/// Nothing waits for a resolver that does not answer: neither going away early, nor the end of the
/// process.
class Lookup {
 public:
  /// Called once, from the loop. All addresses in the resolver's order, at least one, none twice.
  /// Faults: name_not_found (it does not exist, or has no IPv4 address), name_no_answer (name
  /// servers do not answer), system. A dotted address is its own answer.
  using Done = std::function<void(IoResult<std::vector<Ipv4Address>>)>;

  Lookup(EventLoop& loop, const std::string& host, Done done);
  Lookup(Lookup&&) noexcept;
  Lookup& operator=(Lookup&&) noexcept;
  ~Lookup();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace pptp::io
