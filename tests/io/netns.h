#pragma once

#include <array>
#include <cstdio>
#include <fcntl.h>
#include <sched.h>
#include <string>
#include <unistd.h>

#include <doctest/doctest.h>

#include "tunnel/io/unique_fd.h"

/// Runs a command in the network namespace of this thread; what it printed.
inline std::string run(const std::string& command) {
  FILE* const pipe = popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string output;
  std::array<char, 512> chunk;
  while (const std::size_t size = fread(chunk.data(), 1, chunk.size(), pipe))
    output.append(chunk.data(), size);
  const int status = pclose(pipe);
  INFO(command, ": ", output);
  REQUIRE(status == 0);
  return output;
}

/// A new network namespace, entered by this thread. It goes when nothing is left in it, with the
/// test program at the latest.
class Netns {
 public:
  Netns() {
    REQUIRE(unshare(CLONE_NEWNET) == 0);
    fd_ = pptp::io::UniqueFd(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    REQUIRE(fd_);
    run("ip link set lo up");
  }

  void enter() const { REQUIRE(setns(fd_.fd(), CLONE_NEWNET) == 0); }

  /// As ip(8) takes it.
  std::string path() const {
    return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd_.fd());
  }

 private:
  pptp::io::UniqueFd fd_;
};

/// All that a tunnel changes in this namespace, but for interfaces and their state.
inline std::string network_state() {
  return run(
      "ip -j -4 addr show up; ip -j -4 route show table all; ip -j rule show; ip -j -6 rule show");
}
