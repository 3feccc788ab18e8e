// What keeps packets from going round a tunnel.
#include <cap-ng.h>
#include <string>

#include <doctest/doctest.h>

#include "tests/io/host_fixture.h"
#include "tunnel/io/host_state.h"
#include "tunnel/io/namespace_tun.h"
#include "tunnel/io/tun.h"

using namespace pptp::io;
using pptp::Ipv4Address;
using namespace host_test;

TEST_CASE("io/host_state nothing takes another way while the tunnel gets other addresses") {
  Host host;
  const auto tun = Tun::open("pptp%d").value();
  const std::string before = network_state();
  for (const bool default_route : {false, true}) {
    CAPTURE(default_route);
    auto state = host.state();
    const std::uint32_t mark = state.reserve_mark().value().value();
    auto settings = host.settings(tun);
    settings.default_route = default_route;
    if (!default_route) settings.routes = {prefix("203.0.113.0/24")};
    const auto other_address = [&](int i) {
      settings.local = Ipv4Address(10, 9, 1, static_cast<std::uint8_t>(i));
    };
    REQUIRE(state.configure_tunnel(settings).has_value());
    const std::string configured = network_state();
    CHECK(times_outside(tun.index(), [&](int i) {
            other_address(i);
            REQUIRE(state.reconfigure_tunnel(settings).has_value());
            state.lower_guard();
          }) == 0);
    CHECK(host.netlink.route_to(kServer, mark).value().gateway == kGateway);
    settings.local = kInside;
    REQUIRE(state.reconfigure_tunnel(settings).has_value());
    state.lower_guard();
    CHECK(network_state() == configured);
    // Who watches would have noticed.
    CHECK(times_outside(tun.index(), [&](int i) {
            other_address(i);
            state.undo_tunnel();
            REQUIRE(state.configure_tunnel(settings).has_value());
          }) > 0);
    const UndoReport report = state.undo_all();
    CHECK(report.failed.empty());
    CHECK(report.left_alone.empty());
    CHECK(network_state() == before);
  }
}

TEST_CASE("io/host_state nor to the server, where that is the tunnel's other end as well") {
  Host host;
  const auto tun = Tun::open("pptp%d").value();
  auto state = host.state();
  const std::uint32_t mark = state.reserve_mark().value().value();
  auto settings = host.settings(tun);
  settings.peer = kServer;
  settings.routes = {prefix("203.0.113.0/24")};
  REQUIRE(state.configure_tunnel(settings).has_value());
  const auto another_address = [&](int i) {
    settings.local = Ipv4Address(10, 9, 1, static_cast<std::uint8_t>(i));
    REQUIRE(state.reconfigure_tunnel(settings).has_value());
    state.lower_guard();
  };
  CHECK(times_outside(tun.index(), another_address, kServer) == 0);
  CHECK(host.netlink.route_to(kServer, mark).value().gateway == kGateway);
}

TEST_CASE("io/host_state nothing takes another way while a script changes what leads there") {
  Host host;
  const auto tun = Tun::open("pptp%d").value();
  const std::string before = network_state();
  for (const bool default_route : {false, true}) {
    CAPTURE(default_route);
    auto state = host.state();
    const std::uint32_t mark = state.reserve_mark().value().value();
    auto settings = host.settings(tun);
    settings.routes_by_script = true;
    settings.default_route = default_route;
    if (!default_route) settings.routes = {prefix("203.0.113.0/24")};
    // As vpnc-script does it.
    const std::string into = "ip route replace " +
                             std::string(default_route ? "default" : "203.0.113.0/24") + " dev " +
                             tun.name();
    const std::string back =
        default_route ? "ip route replace default via 192.0.2.1" : "ip route del 203.0.113.0/24";
    const ScriptChange script{{.program = "/bin/sh", .arguments = {"-c", back}}};
    const auto connect = [&] {
      REQUIRE(state.add(script).has_value());
      // It looks for the server as everybody does.
      CHECK(run("ip route get 198.51.100.1").find("via 192.0.2.1") != std::string::npos);
      run(into);
    };
    REQUIRE(state.configure_tunnel(settings).has_value());
    connect();
    CHECK(device_to(host, kElsewhere) == tun.index());
    CHECK(times_outside(tun.index(), [&](int i) {
            if (i % 10 != 0) return;
            settings.local = Ipv4Address(10, 9, 1, static_cast<std::uint8_t>(i));
            REQUIRE(state.reconfigure_tunnel(settings).has_value());
            connect();
            state.lower_guard();
          }) == 0);
    CHECK(device_to(host, kElsewhere) == tun.index());
    CHECK(host.netlink.route_to(kServer, mark).value().gateway == kGateway);
    const UndoReport report = state.undo_all();
    CHECK(report.failed.empty());
    CHECK(report.left_alone.empty());
    CHECK(network_state() == before);
  }
}

TEST_CASE("io/host_state what is about to lead into the tunnel is unreachable until it does") {
  Host host;
  const auto tun = Tun::open("pptp%d").value();
  const auto tun_b = Tun::open("pptp%d").value();
  const auto other_lock = host.directory.lock("home").value();
  auto state = host.state();
  auto other = HostState::create(host.directory, other_lock).value();
  const std::uint32_t mark = state.reserve_mark().value().value();
  REQUIRE(other.reserve_mark().has_value());
  auto settings = host.settings(tun);
  settings.guarded = {prefix("203.0.113.5")};
  REQUIRE(state.configure_tunnel(settings).has_value());
  // Another tunnel's default route is another way as well.
  auto everything = host.settings(tun_b);
  everything.local = Ipv4Address(10, 9, 0, 3);
  everything.peer.reset();
  everything.server = kNeighbour;
  everything.default_route = true;
  REQUIRE(other.configure_tunnel(everything).has_value());
  CHECK(device_to(host, kElsewhere) == tun_b.index());
  settings.local = Ipv4Address(10, 9, 0, 4);
  REQUIRE(state.reconfigure_tunnel(settings).has_value());
  for (const Ipv4Address guarded : {kElsewhere, kPeer})
    CHECK(host.netlink.route_to(guarded).error().fault == IoFault::net_unreachable);
  CHECK(device_to(host, Ipv4Address(8, 8, 8, 8)) == tun_b.index());
  CHECK(host.netlink.route_to(kServer, mark).value().gateway == kGateway);
  state.lower_guard();
  CHECK(device_to(host, kPeer) == tun.index());
  CHECK(device_to(host, kElsewhere) == tun_b.index());
}

TEST_CASE("io/host_state changes nothing where it cannot guard") {
  Host host;
  const auto tun = Tun::open("pptp%d").value();
  auto state = host.state();
  REQUIRE(state.reserve_mark().has_value());
  auto settings = host.settings(tun);
  settings.routes = {prefix("203.0.113.0/24")};
  REQUIRE(state.configure_tunnel(settings).has_value());
  const std::string configured = network_state();
  settings.local = Ipv4Address(10, 9, 0, 4);
  IoResult<void> changed;
  // What a thread gives up comes back to nobody else.
  std::thread([&] {
    capng_clear(CAPNG_SELECT_CAPS);
    (void)capng_apply(CAPNG_SELECT_CAPS);
    changed = state.reconfigure_tunnel(settings);
  }).join();
  REQUIRE_FALSE(changed.has_value());
  CHECK(changed.error().fault == IoFault::permission);
  CHECK(network_state() == configured);
  CHECK(state.undo_all().failed.empty());
}

namespace {

constexpr const char* kGlobal = "2001:db8:ffff::1";

/// Where the host sends to an IPv6 address; "" where it does not.
std::string ipv6_way(const std::string& address) {
  return run("ip -6 route get " + address + " 2>/dev/null || true");
}

}  // namespace

TEST_CASE("io/host_state IPv6 does not go round a default route") {
  Host host;
  run("ip addr add 2001:db8:1::2/64 dev eth0 nodad; ip -6 route add default via 2001:db8:1::1");
  const auto tun = Tun::open("pptp%d").value();
  const std::string before = network_state();
  auto state = host.state();
  REQUIRE(state.reserve_mark().has_value());
  auto settings = host.settings(tun);
  settings.routes = {prefix("203.0.113.0/24")};
  REQUIRE(state.configure_tunnel(settings).has_value());
  CHECK(ipv6_way(kGlobal).find("eth0") != std::string::npos);
  state.undo_tunnel();

  settings.default_route = true;
  REQUIRE(state.configure_tunnel(settings).has_value());
  CHECK(ipv6_way(kGlobal).find("dev") == std::string::npos);
  CHECK(ipv6_way("2001:db8:1::3").find("eth0") != std::string::npos);
  CHECK(ipv6_way("fe80::1 oif eth0").find("eth0") != std::string::npos);
  CHECK(ipv6_way("::1").find("lo") != std::string::npos);

  // As the kernel does after a router advertisement from inside.
  run("ip -6 route add default dev " + tun.name() + " metric 2048");
  REQUIRE(state.refresh_ipv6().has_value());
  CHECK(ipv6_way(kGlobal).find(tun.name()) != std::string::npos);
  run("ip -6 route del default dev " + tun.name());
  REQUIRE(state.refresh_ipv6().has_value());
  CHECK(ipv6_way(kGlobal).find("dev") == std::string::npos);

  settings.local = Ipv4Address(10, 9, 0, 4);
  REQUIRE(state.reconfigure_tunnel(settings).has_value());
  CHECK(ipv6_way(kGlobal).find("dev") == std::string::npos);
  state.lower_guard();
  CHECK(ipv6_way(kGlobal).find("dev") == std::string::npos);
  const UndoReport report = state.undo_all();
  CHECK(report.failed.empty());
  CHECK(report.left_alone.empty());
  CHECK(network_state() == before);
  CHECK(ipv6_way(kGlobal).find("eth0") != std::string::npos);
}

TEST_CASE("io/host_state IPv6 does not go round a default route without rules either") {
  Host host;
  run("ip addr add 2001:db8:1::2/64 dev eth0 nodad; ip -6 route add default via 2001:db8:1::1");
  const auto tun = Tun::open("pptp%d").value();
  auto state = host.state();
  auto settings = host.settings(tun);
  settings.default_route = true;
  REQUIRE(state.configure_tunnel(settings).has_value());
  CHECK(ipv6_way(kGlobal).find("eth0") == std::string::npos);
  CHECK(ipv6_way("2001:db8:1::3").find("eth0") != std::string::npos);
  CHECK(state.undo_all().failed.empty());
  CHECK(ipv6_way(kGlobal).find("eth0") != std::string::npos);
}

TEST_CASE("io/namespace_tun nothing takes another way while the tunnel gets other addresses") {
  Host host;  // stands for the namespace, and has another way out
  run("ip route del default; ip route add default via 192.0.2.1 metric 500");
  NamespaceTun device(Tun::open("pptp%d").value(), Netlink::open().value());
  for (const bool default_route : {false, true}) {
    CAPTURE(default_route);
    TunnelSettings settings{
        .device = device.index(), .local = kInside, .peer = kPeer, .mtu = 1400, .server = kServer};
    settings.default_route = default_route;
    settings.routes = {prefix("203.0.113.0/24"), prefix("10.9.0.1")};
    REQUIRE(device.configure(settings).has_value());
    CHECK(times_outside(device.index(), [&](int i) {
            settings.local = Ipv4Address(10, 9, 1, static_cast<std::uint8_t>(i));
            // The peer stays, or becomes another one.
            if (i % 2 != 0) settings.peer = Ipv4Address(10, 9, 2, static_cast<std::uint8_t>(i));
            REQUIRE(device.configure(settings).has_value());
          }) == 0);
    CHECK(host.netlink.addresses(device.index()).value() ==
          std::vector<InterfaceAddress>{{.device = device.index(), .local = settings.local}});
    CHECK(host.netlink.route_to(kElsewhere).value().source == settings.local);
    CHECK(device_to(host, *settings.peer) == device.index());
    CHECK(run("ip route show default dev " + device.name()).empty() != default_route);
  }
  // One that goes, goes.
  const TunnelSettings bare{
      .device = device.index(), .local = kInside, .mtu = 1300, .server = kServer};
  REQUIRE(device.configure(bare).has_value());
  CHECK(device_to(host, kElsewhere) != device.index());
  CHECK(host.netlink.link(device.index()).value().mtu == 1300);
  CHECK(host.netlink.link(device.index()).value().up);
}

TEST_CASE("io/namespace_tun does not touch a route that is there already, and takes its own back") {
  Host host;
  const std::string before = network_state();
  {
    NamespaceTun device(Tun::open("pptp%d").value(), Netlink::open().value());
    TunnelSettings settings{
        .device = device.index(), .local = kInside, .peer = kPeer, .mtu = 1400, .server = kServer};
    settings.default_route = true;
    const auto refused = device.configure(settings);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().error == EEXIST);
    CHECK(refused.error().hint.find("0.0.0.0/0") != std::string::npos);
    CHECK(network_state() == before);
  }
}
