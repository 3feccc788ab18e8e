#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "tunnel/io/event_loop.h"
#include "tunnel/io/io_error.h"
#include "tunnel/io/runtime_dir.h"

namespace pptp::io {

/// Octets of one request or reply, newline included.
inline constexpr std::size_t kControlMessageLimit = 256 * 1024;

/// NAME.sock: a local stream socket on which the same user or root may ask for things; one JSON
/// request and one JSON reply a line, as many as a client likes. Removed when this goes.
class ControlServer {
 public:
  /// Returns the reply. What it throws, and what is not JSON, is answered with {"error": "..."}.
  using Handler = std::function<nlohmann::json(const nlohmann::json&)>;

  /// Clients served at a time; more wait in the listening queue.
  static constexpr std::size_t kClientLimit = 32;

  /// The lock shows that a socket file which is there already has nobody behind it.
  static IoResult<ControlServer> open(EventLoop& loop, const RuntimeDir& directory,
                                      const ProfileLock& lock, Handler handler);

  ControlServer(ControlServer&&) noexcept;
  ControlServer& operator=(ControlServer&&) noexcept;
  ~ControlServer();

 private:
  struct Impl;

  explicit ControlServer(std::shared_ptr<Impl> impl) noexcept;

  std::shared_ptr<Impl> impl_;
};

}  // namespace pptp::io
