#pragma once

#include <functional>

#include "tunnel/io/io_error.h"

namespace pptp::app::demo {

// A sandbox from which nothing can be left behind, however it ends: its processes are in a PID
// namespace, so that the kernel ends all of them with the first; its network namespaces and mounts
// have no names; its files are in a tmpfs that nobody else sees. Without root it is in a user
// namespace.

/// Where files can be made in the sandbox.
inline constexpr const char* kSandboxFiles = "/run";

/// Gives this process, which must have one thread only, mounts of its own, and its children a PID
/// namespace. For the rest of its life.
io::IoResult<void> enter_sandbox();

/// How the work in the sandbox ended.
struct SandboxEnd {
  enum class How {
    finished,     ///< `status` is what it returned
    broken,       ///< by a signal of its own making
    interrupted,  ///< we were told to stop, and killed it
  };
  How how = How::finished;
  int status = 0;  ///< else the signal's number
};

/// Runs `work` as the first process of the sandbox that enter_sandbox() has made, and waits for its
/// end; INT, TERM and HUP end it before. When this process is killed the kernel kills `work`.
io::IoResult<SandboxEnd> run_in_sandbox(const std::function<int()>& work);

}  // namespace pptp::app::demo
