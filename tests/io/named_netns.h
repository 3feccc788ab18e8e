#pragma once

#include <string>
#include <unistd.h>

#include "tests/io/netns.h"

/// A network namespace with a name, as ip-netns(8) makes it.
class NamedNetns {
 public:
  NamedNetns() : name_("ptu" + std::to_string(getpid()) + "-named") {
    run("ip netns add " + name_ + " && ip -n " + name_ + " link set lo up");
  }

  NamedNetns(const NamedNetns&) = delete;
  NamedNetns& operator=(const NamedNetns&) = delete;

  ~NamedNetns() { run("ip netns delete " + name_); }

  const std::string& name() const { return name_; }

  /// Runs `ip` in there.
  std::string ip(const std::string& arguments) const {
    return run("ip -n " + name_ + " " + arguments);
  }

 private:
  std::string name_;
};
