#include "tunnel/io/namespace_tun.h"

#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "tests/io/named_netns.h"
#include "tunnel/io/host_state.h"

using namespace pptp::io;
using pptp::Ipv4Address;

namespace {

std::unique_ptr<NamespaceTun> made_in(const NamedNetns& there) {
  auto tun = NamespaceTun::open(there.name(), "pptp%d");
  REQUIRE(tun);
  return *std::move(tun);
}

TunnelSettings settings_of(const NamespaceTun& tun) {
  TunnelSettings settings;
  settings.device = tun.index();
  settings.local = Ipv4Address(192, 168, 77, 10);
  settings.peer = Ipv4Address(192, 168, 77, 1);
  settings.mtu = 1400;
  settings.server = Ipv4Address(192, 0, 2, 1);
  return settings;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::string our_namespace() {
  return run("readlink /proc/self/ns/net");
}

}  // namespace

TEST_CASE("io/namespace_tun makes its interface there, comes back, and takes it away again") {
  const Netns here;
  const NamedNetns there;
  const std::string before = our_namespace();
  const std::string state = network_state();
  {
    const auto tun = made_in(there);
    CHECK(tun->name() == "pptp0");
    CHECK(has(there.ip("-o link show pptp0"), std::to_string(tun->index()) + ":"));
    CHECK_FALSE(tun->is_in_our_namespace());
    CHECK(our_namespace() == before);
    CHECK_FALSE(has(run("ip -o link"), "pptp0"));
  }
  CHECK_FALSE(has(there.ip("-o link"), "pptp0"));
  CHECK(network_state() == state);
}

TEST_CASE("io/namespace_tun has addresses, routes and MTU there, and changes nothing here") {
  const Netns here;
  const NamedNetns there;
  const std::string state = network_state();
  const auto tun = made_in(there);
  TunnelSettings settings = settings_of(*tun);
  settings.former = {Ipv4Address(10, 64, 64, 7), Ipv4Address(192, 168, 77, 9)};
  settings.routes = {Ipv4Prefix::holding(Ipv4Address(203, 0, 113, 0), 24),
                     Ipv4Prefix(Ipv4Address(192, 168, 77, 1))};
  settings.default_route = true;
  REQUIRE(tun->configure(settings));
  const std::string addresses = there.ip("-4 -o addr show dev pptp0");
  for (const char* address : {"192.168.77.10/32", "10.64.64.7/32", "192.168.77.9/32"})
    CHECK(has(addresses, address));
  const std::string routes = there.ip("-4 route");
  for (const char* route : {"default dev pptp0", "203.0.113.0/24 dev pptp0", "src 192.168.77.10"})
    CHECK(has(routes, route));
  CHECK(has(there.ip("link show pptp0"), "mtu 1400"));
  REQUIRE(tun->set_mtu(1200));
  CHECK(has(there.ip("link show pptp0"), "mtu 1200"));
  CHECK(network_state() == state);
}

TEST_CASE("io/namespace_tun configured anew has nothing of what was before") {
  const Netns here;
  const NamedNetns there;
  const auto tun = made_in(there);
  TunnelSettings settings = settings_of(*tun);
  settings.routes = {Ipv4Prefix::holding(Ipv4Address(203, 0, 113, 0), 24)};
  REQUIRE(tun->configure(settings));
  settings.local = Ipv4Address(192, 168, 77, 11);
  settings.routes = {Ipv4Prefix::holding(Ipv4Address(198, 51, 100, 0), 24)};
  REQUIRE(tun->configure(settings));
  CHECK_FALSE(has(there.ip("-4 -o addr"), "192.168.77.10"));
  const std::string routes = there.ip("-4 route");
  CHECK_FALSE(has(routes, "203.0.113.0/24"));
  CHECK(has(routes, "198.51.100.0/24 dev pptp0"));
}

TEST_CASE("io/namespace_tun: where something is in the way, nothing is changed, and it is told") {
  const Netns here;
  const NamedNetns there;
  there.ip("route add unreachable 203.0.113.0/24");
  const auto tun = made_in(there);
  TunnelSettings settings = settings_of(*tun);
  settings.routes = {Ipv4Prefix::holding(Ipv4Address(203, 0, 113, 0), 24)};
  const auto configured = tun->configure(settings);
  REQUIRE_FALSE(configured);
  CHECK(has(configured.error().hint, "203.0.113.0/24"));
  CHECK(there.ip("-4 -o addr show dev pptp0").empty());
  CHECK(has(there.ip("-4 route"), "unreachable 203.0.113.0/24"));
}

TEST_CASE("io/namespace_tun: a namespace that nobody has made is told, and what makes it") {
  const Netns here;
  const std::string before = our_namespace();
  const auto tun = NamespaceTun::open("ptu-nobody-made-this", "pptp%d");
  REQUIRE_FALSE(tun);
  CHECK(tun.error().fault == IoFault::bad_name);
  CHECK(has(tun.error().hint, "ip netns add ptu-nobody-made-this"));
  CHECK(our_namespace() == before);
}

TEST_CASE("io/namespace_tun: an interface that cannot be made leaves us where we were") {
  const Netns here;
  const NamedNetns there;
  const auto first = made_in(there);
  const std::string before = our_namespace();
  const auto second = NamespaceTun::open(there.name(), "pptp0");
  REQUIRE_FALSE(second);
  CHECK(second.error().fault == IoFault::address_in_use);
  CHECK(our_namespace() == before);
}
