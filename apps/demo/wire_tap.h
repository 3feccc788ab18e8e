#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <thread>

#include "apps/demo/wire_count.h"
#include "tunnel/io/io_error.h"
#include "tunnel/io/ipv4_prefix.h"
#include "tunnel/io/unique_fd.h"

namespace pptp::app::demo {

/// Looks at every frame that passes an interface, in both directions, from open() to stop(), on a
/// thread of its own.
class WireTap {
 public:
  /// `device`: an interface in the network namespace of the calling thread. `inner`: as for
  /// look_at().
  static io::IoResult<std::unique_ptr<WireTap>> open(const std::string& device,
                                                     const io::Ipv4Prefix& inner);

  WireTap(const WireTap&) = delete;
  WireTap& operator=(const WireTap&) = delete;
  ~WireTap();

  /// Counts what has passed until now, and ends. Once.
  WireCount stop();

 private:
  WireTap(io::UniqueFd fd, std::byte* ring, const io::Ipv4Prefix& inner);

  void watch(const std::stop_token& stopping);
  bool take_block(std::size_t index);

  io::UniqueFd fd_;
  std::byte* ring_;
  io::Ipv4Prefix inner_;
  std::size_t next_block_ = 0;
  WireCount count_;      // the thread's, as long as it runs
  std::jthread thread_;  // after all that it uses
};

}  // namespace pptp::app::demo
