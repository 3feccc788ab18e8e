#pragma once

// A host in a network namespace of its own, for the tests of what a tunnel changes in it.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <signal.h>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <doctest/doctest.h>

#include "tests/io/netns.h"
#include "tests/io/temporary_dir.h"
#include "tunnel/io/file.h"
#include "tunnel/io/host_state.h"
#include "tunnel/io/tcp_stream.h"
#include "tunnel/io/tun.h"

namespace host_test {

using namespace pptp::io;
using pptp::Ipv4Address;

constexpr Ipv4Address kHost(192, 0, 2, 10);
constexpr Ipv4Address kGateway(192, 0, 2, 1);
constexpr Ipv4Address kNeighbour(192, 0, 2, 77);
constexpr Ipv4Address kServer(198, 51, 100, 1);
constexpr Ipv4Address kElsewhere(203, 0, 113, 5);
constexpr Ipv4Address kInside(10, 9, 0, 2);
constexpr Ipv4Address kPeer(10, 9, 0, 1);

inline Ipv4Prefix prefix(const char* text) {
  return parse_ipv4_prefix(text).value();
}

/// A host with an interface, a gateway and a default route; and what a tunnel in it needs.
struct Host {
  Host() {
    run("ip link add eth0 type veth peer name wire; ip link set wire up; ip link set eth0 up;"
        "ip addr add 192.0.2.10/24 dev eth0; ip route add default via 192.0.2.1");
  }

  HostState state() { return HostState::create(directory, *lock).value(); }

  TunnelSettings settings(const Tun& tun) const {
    return {.device = tun.index(), .local = kInside, .peer = kPeer, .mtu = 1400, .server = kServer};
  }

  std::string journal() const { return directory.journal_path("office"); }

  Netns netns;
  TemporaryDir parent;
  RuntimeDir directory = RuntimeDir::open(parent.path()).value();
  std::optional<ProfileLock> lock = directory.lock("office").value();
  Netlink netlink = Netlink::open().value();
};

inline unsigned device_to(Host& host, Ipv4Address address, std::uint32_t mark = 0) {
  const auto way = host.netlink.route_to(address, mark);
  REQUIRE(way.has_value());
  return way->device;
}

/// After it was set down. The kernel takes a moment to find its carrier again.
inline void set_up_again() {
  run("ip link set eth0 up; ip route add default via 192.0.2.1;"
      "for i in $(seq 200); do ip link show eth0 | grep -q 'state UP' && exit 0; sleep 0.01; done;"
      "exit 1");
}

/// How often, while `change` is made again and again, packets to `destination` would have left by
/// another interface than the tunnel's.
inline int times_outside(unsigned tunnel, const std::function<void(int)>& change,
                         Ipv4Address destination = kElsewhere) {
  std::atomic<bool> ready = false;
  std::atomic<bool> done = false;
  std::atomic<int> outside = 0;
  std::thread watcher([&] {
    auto netlink = Netlink::open().value();
    while (!done) {
      const auto way = netlink.route_to(destination);
      if (way && way->device != tunnel) ++outside;
      ready = true;
    }
  });
  while (!ready)
    std::this_thread::yield();
  for (int i = 0; i < 100; ++i)
    change(i);
  done = true;
  watcher.join();
  return outside;
}

}  // namespace host_test
