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

/// How a child process ended.
struct ChildEnd {
  enum class How {
    finished,     ///< `status` is what it returned
    broken,       ///< by a signal of its own making
    interrupted,  ///< we were told to stop, and it did
  };
  How how = How::finished;
  int status = 0;  ///< else the signal's number
};

/// Runs `work` in a child process, in a session of its own, and waits for its end. When INT, TERM
/// or HUP comes before that the child is sent `stop_signal`. When this process is killed the kernel
/// kills the child.
io::IoResult<ChildEnd> run_in_child(const std::function<int()>& work, int stop_signal);

/// Gives this process, which must have one thread only, mounts of its own, and its children a PID
/// namespace. Once, and for the rest of its life; so in a child process best.
io::IoResult<void> enter_sandbox();

/// Runs `work` as the first process of the sandbox that enter_sandbox() has made. When this returns
/// there is no other process in it either, and never can be again.
io::IoResult<ChildEnd> run_in_sandbox(const std::function<int()>& work);

}  // namespace pptp::app::demo
