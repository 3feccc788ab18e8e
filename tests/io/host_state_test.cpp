#include "tunnel/io/host_state.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include <doctest/doctest.h>

#include "tests/io/host_fixture.h"
#include "tests/io/netns.h"
#include "tests/io/temporary_dir.h"
#include "tunnel/io/file.h"
#include "tunnel/io/tcp_stream.h"
#include "tunnel/io/tun.h"

using namespace std::chrono_literals;
using namespace pptp::io;
using pptp::Ipv4Address;
using namespace host_test;

TEST_CASE("io/netlink reads back what it wrote, and knows twice from gone") {
  Host host;
  Netlink& netlink = host.netlink;
  const unsigned eth0 = netlink.link("eth0").value().index;
  CHECK(netlink.link(eth0).value().name == "eth0");
  CHECK(netlink.link("none").error().error == ENODEV);

  Route route{.destination = prefix("10.0.0.0/8"),
              .table = 77,
              .device = eth0,
              .gateway = kGateway,
              .source = kHost,
              .metric = 3,
              .mtu = 1300};
  REQUIRE(netlink.add_route(route).has_value());
  CHECK(netlink.routes(77).value() == std::vector<Route>{route});
  CHECK(netlink.add_route(route).error().error == EEXIST);
  REQUIRE(netlink.delete_route(route).has_value());
  CHECK(netlink.delete_route(route).error().error == ESRCH);
  CHECK(netlink.routes(77).value().empty());
  CHECK(netlink.routes(78).value().empty());

  Route via6{.destination = prefix("10.0.0.0/8"), .table = 77, .device = eth0};
  via6.gateway6 = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  REQUIRE(netlink.add_route(via6).has_value());
  CHECK(netlink.routes(77).value() == std::vector<Route>{via6});

  for (const Rule& rule :
       {Rule{.priority = 100, .table = 77, .mark = 5},
        Rule{
            .priority = 101, .table = 77, .mark = 5, .mark_mask = 0xff, .to = prefix("10.0.0.0/8")},
        Rule{.priority = 102, .table = kMainTable, .suppress_prefix_length = 0},
        Rule{.priority = 103, .table = 0, .mark = 5, .unreachable = true},
        Rule{.ipv6 = true, .priority = 102, .table = kMainTable, .suppress_prefix_length = 0}}) {
    CAPTURE(rule.priority);
    const auto before = netlink.rules().value();
    REQUIRE(netlink.add_rule(rule).has_value());
    const auto after = netlink.rules().value();
    CHECK(std::ranges::find(after, rule) != after.end());
    CHECK(netlink.add_rule(rule).error().error == EEXIST);
    REQUIRE(netlink.delete_rule(rule).has_value());
    CHECK(netlink.delete_rule(rule).error().error == ENOENT);
    CHECK(netlink.rules().value() == before);
  }

  for (const Ipv6Route& one : {Ipv6Route{.table = 77, .device = eth0},
                               Ipv6Route{.destination = {0x80}, .length = 1, .table = 77}}) {
    CAPTURE(text(one));
    REQUIRE(netlink.add_route(one).has_value());
    CHECK(netlink.ipv6_routes(77).value() == std::vector<Ipv6Route>{one});
    CHECK(netlink.add_route(one).error().error == EEXIST);
    REQUIRE(netlink.delete_route(one).has_value());
    CHECK(netlink.delete_route(one).error().error == ESRCH);
  }

  const InterfaceAddress address{.device = eth0, .local = kInside, .peer = kPeer};
  REQUIRE(netlink.add_address(address).has_value());
  CHECK(netlink.add_address(address).error().error == EEXIST);
  CHECK(netlink.addresses(eth0).value().size() == 2);
  CHECK(netlink.addresses(eth0).value().back() == address);
  REQUIRE(netlink.delete_address(address).has_value());
  CHECK(netlink.delete_address(address).error().error == EADDRNOTAVAIL);
}

TEST_CASE("io/netlink answers how the host would send") {
  Host host;
  const auto by_gateway = host.netlink.route_to(kServer).value();
  CHECK(by_gateway.gateway == kGateway);
  CHECK(by_gateway.source == kHost);
  CHECK(by_gateway.mtu == 1500);
  CHECK(by_gateway.route_mtu == 0);
  CHECK_FALSE(by_gateway.local);
  CHECK_FALSE(host.netlink.route_to(kNeighbour).value().gateway.has_value());
  CHECK(host.netlink.route_to(kHost).value().local);
  run("ip route add 203.0.113.0/24 via 192.0.2.1 mtu 1280");
  CHECK(host.netlink.route_to(kElsewhere).value().route_mtu == 1280);
  run("ip route del default");
  CHECK(host.netlink.route_to(kServer).error().fault == IoFault::net_unreachable);
}

TEST_CASE("io/host_state sets a tunnel up and undoes exactly that") {
  Host host;
  const auto tun = Tun::open("pptp%d").value();
  const std::string before = network_state();
  auto state = host.state();
  const std::uint32_t mark = state.reserve_mark().value().value();
  const std::string with_mark = network_state();
  auto settings = host.settings(tun);
  settings.routes = {prefix("10.0.0.0/8"), prefix("10.9.0.1"), prefix("10.0.0.0/8")};
  REQUIRE(state.configure_tunnel(settings).has_value());

  CHECK(device_to(host, Ipv4Address(10, 1, 1, 1)) == tun.index());
  CHECK(device_to(host, kPeer) == tun.index());
  CHECK(device_to(host, kElsewhere) != tun.index());
  CHECK(host.netlink.route_to(kServer, mark).value().gateway == kGateway);
  CHECK(host.netlink.route_to(Ipv4Address(10, 1, 1, 1)).value().source == kInside);
  const auto link = host.netlink.link(tun.index()).value();
  CHECK(link.up);
  CHECK(link.mtu == 1400);
  CHECK(host.netlink.addresses(tun.index()).value() ==
        std::vector<InterfaceAddress>{{.device = tun.index(), .local = kInside, .peer = kPeer}});
  CHECK(std::filesystem::exists(host.journal()));

  // As for a reconnect: the tunnel goes, the mark stays, and it can be set up again.
  UndoReport report = state.undo_tunnel();
  CHECK(report.failed.empty());
  CHECK(report.left_alone.empty());
  CHECK(network_state() == with_mark);
  REQUIRE(state.configure_tunnel(settings).has_value());

  report = state.undo_all();
  CHECK(report.failed.empty());
  CHECK(report.left_alone.empty());
  CHECK(report.undone == 6);
  CHECK(network_state() == before);
  CHECK(host.netlink.link(tun.index()).value().mtu == 1500);
  CHECK_FALSE(host.netlink.link(tun.index()).value().up);
  CHECK_FALSE(std::filesystem::exists(host.journal()));
}

TEST_CASE("io/host_state undoes everything when it goes, after its interface too") {
  Host host;
  const std::string before = network_state();
  {
    auto state = host.state();
    REQUIRE(state.reserve_mark().has_value());
    const auto tun = Tun::open("pptp%d").value();
    auto settings = host.settings(tun);
    settings.default_route = true;
    REQUIRE(state.configure_tunnel(settings).has_value());
    CHECK(network_state() != before);
  }
  CHECK(network_state() == before);
  CHECK_FALSE(std::filesystem::exists(host.journal()));
}

TEST_CASE("io/host_state former addresses stay on the interface, and nothing is sent from them") {
  Host host;
  const auto tun = Tun::open("pptp%d").value();
  auto state = host.state();
  const std::string before = network_state();
  auto settings = host.settings(tun);
  REQUIRE(state.configure_tunnel(settings).has_value());
  settings.former = {Ipv4Address(10, 64, 64, 7), settings.local};
  settings.local = Ipv4Address(10, 9, 0, 3);
  REQUIRE(state.reconfigure_tunnel(settings).has_value());
  const std::string addresses = run("ip -4 -o addr show dev " + tun.name());
  for (const char* address : {"10.64.64.7/32", "10.9.0.2/32", "10.9.0.3 peer 10.9.0.1/32"})
    CHECK(addresses.find(address) != std::string::npos);
  CHECK(host.netlink.route_to(kPeer).value().source == settings.local);
  CHECK(state.undo_tunnel().failed.empty());
  CHECK(network_state() == before);
}

TEST_CASE("io/host_state default route leaves the server and the local network outside") {
  Host host;
  const auto tun = Tun::open("pptp%d").value();
  const std::string main_default = run("ip route show default");
  auto state = host.state();
  const std::uint32_t mark = state.reserve_mark().value().value();
  auto settings = host.settings(tun);
  settings.default_route = true;
  REQUIRE(state.configure_tunnel(settings).has_value());

  CHECK(device_to(host, kElsewhere) == tun.index());
  CHECK(host.netlink.route_to(kElsewhere).value().source == kInside);
  const auto to_server = host.netlink.route_to(kServer, mark).value();
  CHECK(to_server.device != tun.index());
  CHECK(to_server.gateway == kGateway);
  CHECK(to_server.source == kHost);
  CHECK(device_to(host, kNeighbour) != tun.index());
  CHECK(run("ip route show default") == main_default);
}

TEST_CASE("io/host_state routes may cover the server and the gateway") {
  Host host;
  const auto tun = Tun::open("pptp%d").value();
  auto state = host.state();
  const std::uint32_t mark = state.reserve_mark().value().value();
  auto settings = host.settings(tun);
  settings.routes = {prefix("192.0.2.0/25"), prefix("198.51.100.0/24"), prefix("198.51.100.1/32")};
  REQUIRE(state.configure_tunnel(settings).has_value());
  CHECK(device_to(host, kGateway) == tun.index());
  CHECK(device_to(host, kServer) == tun.index());
  const auto to_server = host.netlink.route_to(kServer, mark).value();
  CHECK(to_server.device != tun.index());
  CHECK(to_server.gateway == kGateway);

  // The way there is known by now only from our own table: it can still be set up again.
  state.undo_tunnel();
  REQUIRE(state.configure_tunnel(settings).has_value());
  CHECK(host.netlink.route_to(kServer, mark).value().gateway == kGateway);
}

TEST_CASE("io/host_state way to the server that is lost never leads into the tunnel") {
  Host host;
  const auto tun = Tun::open("pptp%d").value();
  run("ip link set eth0 down");
  set_up_again();
  const std::string before = network_state();
  for (const bool strict : {false, true}) {
    CAPTURE(strict);
    std::ofstream("/proc/sys/net/ipv4/conf/eth0/rp_filter") << (strict ? 1 : 0);
    auto state = host.state();
    const std::uint32_t mark = state.reserve_mark().value().value();
    CHECK_FALSE(state.refresh_server_route().value());
    auto settings = host.settings(tun);
    settings.routes = {prefix("198.51.100.0/24")};
    settings.default_route = true;
    REQUIRE(state.configure_tunnel(settings).has_value());
    const std::string configured = network_state();
    CHECK_FALSE(state.refresh_server_route().value());
    CHECK(network_state() == configured);

    // The kernel forgets the routes by the interface, and forgets them in every table.
    run("ip link set eth0 down");
    CHECK(host.netlink.route_to(kServer, mark).error().fault == IoFault::net_unreachable);
    CHECK(state.refresh_server_route().error().fault == IoFault::net_unreachable);
    set_up_again();
    CHECK(host.netlink.route_to(kServer, mark).error().fault == IoFault::net_unreachable);

    CHECK(state.refresh_server_route().value());
    CHECK(host.netlink.route_to(kServer, mark).value().gateway == kGateway);
    CHECK(device_to(host, kServer, mark) != tun.index());
    if (strict) CHECK(device_to(host, kGateway) == device_to(host, kServer, mark));
    CHECK_FALSE(state.refresh_server_route().value());

    // Another gateway, while the way by the old one stands.
    run("ip route replace default via 192.0.2.77");
    CHECK(state.refresh_server_route().value());
    CHECK(host.netlink.route_to(kServer, mark).value().gateway == kNeighbour);
    run("ip route replace default via 192.0.2.1");
    CHECK(state.refresh_server_route().value());

    const UndoReport report = state.undo_all();
    CHECK(report.failed.empty());
    CHECK(report.left_alone.empty());
    CHECK(network_state() == before);
  }
}

TEST_CASE("io/host_state another address of the server's is kept outside instead") {
  Host host;
  const auto tun = Tun::open("pptp%d").value();
  run("ip link set eth0 down");
  set_up_again();
  const std::string before = network_state();
  for (const bool strict : {false, true}) {
    for (const bool marked : {true, false}) {
      CAPTURE(strict);
      CAPTURE(marked);
      std::ofstream("/proc/sys/net/ipv4/conf/eth0/rp_filter") << (strict ? 1 : 0);
      auto state = host.state();
      CHECK(state.move_server(kElsewhere).has_value());
      const std::uint32_t mark = marked ? state.reserve_mark().value().value() : 0;
      auto settings = host.settings(tun);
      settings.default_route = true;
      REQUIRE(state.configure_tunnel(settings).has_value());
      REQUIRE(state.move_server(kElsewhere).has_value());
      CHECK(host.netlink.route_to(kElsewhere, mark).value().gateway == kGateway);
      // What is sent to the former server is now like everything else.
      CHECK(device_to(host, kServer) == tun.index());
      CHECK_FALSE(state.refresh_server_route().value());

      run("ip link set eth0 down");
      CHECK(state.move_server(kServer).error().fault == IoFault::net_unreachable);
      set_up_again();
      REQUIRE(state.move_server(kServer).has_value());
      CHECK(host.netlink.route_to(kServer, mark).value().gateway == kGateway);

      const UndoReport report = state.undo_all();
      CHECK(report.failed.empty());
      CHECK(report.left_alone.empty());
      CHECK(network_state() == before);
    }
  }
}

TEST_CASE("io/host_state another address that cannot be kept outside leaves the former one there") {
  Host host;
  const auto tun = Tun::open("pptp%d").value();
  auto state = host.state();
  const std::uint32_t mark = state.reserve_mark().value().value();
  REQUIRE(state.configure_tunnel(host.settings(tun)).has_value());
  // Somebody has taken the place in our table.
  run("ip route add 203.0.113.5 dev eth0 table 28788");
  CHECK(state.move_server(kElsewhere).error().error == EEXIST);
  CHECK(host.netlink.route_to(kServer, mark).value().gateway == kGateway);
  run("ip route del 203.0.113.5 table 28788");
  REQUIRE(state.move_server(kElsewhere).has_value());
  REQUIRE(state.move_server(kServer).has_value());
  CHECK(host.netlink.route_to(kServer, mark).value().gateway == kGateway);
  CHECK(state.undo_all().left_alone.empty());
}

TEST_CASE(
    "io/host_state another address is kept outside where the former needed no route of ours") {
  Host host;
  const auto tun = Tun::open("pptp%d").value();
  run("ip route add 198.51.100.1 via 192.0.2.1");
  const std::string before = network_state();
  auto state = host.state();
  auto settings = host.settings(tun);
  settings.default_route = true;
  REQUIRE(state.configure_tunnel(settings).has_value());
  CHECK(device_to(host, kElsewhere) == tun.index());
  REQUIRE(state.move_server(kElsewhere).has_value());
  CHECK(host.netlink.route_to(kElsewhere).value().gateway == kGateway);
  CHECK(state.undo_all().left_alone.empty());
  CHECK(network_state() == before);
}

TEST_CASE("io/host_state way to the server that is lost is found again without a mark") {
  Host host;
  const auto tun = Tun::open("pptp%d").value();
  run("ip link set eth0 down");
  set_up_again();
  const std::string before = network_state();
  auto state = host.state();
  auto settings = host.settings(tun);
  settings.routes = {prefix("198.51.100.0/24")};
  REQUIRE(state.configure_tunnel(settings).has_value());
  CHECK_FALSE(state.refresh_server_route().value());
  run("ip link set eth0 down");
  set_up_again();
  CHECK(device_to(host, kServer) == tun.index());
  CHECK(state.refresh_server_route().value());
  CHECK(host.netlink.route_to(kServer).value().gateway == kGateway);
  CHECK(state.undo_all().left_alone.empty());
  CHECK(network_state() == before);
}

TEST_CASE("io/host_state gateway that is in no network of the host's") {
  Host host;
  run("ip route replace default via 203.0.113.254 dev eth0 onlink");
  const auto tun = Tun::open("pptp%d").value();
  auto state = host.state();
  const std::uint32_t mark = state.reserve_mark().value().value();
  auto settings = host.settings(tun);
  settings.default_route = true;
  REQUIRE(state.configure_tunnel(settings).has_value());
  CHECK(host.netlink.route_to(kServer, mark).value().gateway == Ipv4Address(203, 0, 113, 254));
}

TEST_CASE("io/host_state server that names its outer address as its inner one") {
  Host host;
  const auto tun = Tun::open("pptp%d").value();
  for (const bool with_mark : {true, false}) {
    CAPTURE(with_mark);
    auto state = host.state();
    const std::uint32_t mark = with_mark ? state.reserve_mark().value().value() : 0;
    auto settings = host.settings(tun);
    settings.peer = kServer;
    settings.routes = {prefix("10.0.0.0/8")};
    REQUIRE(state.configure_tunnel(settings).has_value());
    CHECK(host.netlink.route_to(kServer, mark).value().gateway == kGateway);
    // With a mark that keeps the call outside, everybody else is led inside.
    if (with_mark)
      CHECK(device_to(host, kServer) == tun.index());
    else
      CHECK(host.netlink.route_to(kServer).value().gateway == kGateway);
    CHECK(device_to(host, Ipv4Address(10, 1, 1, 1)) == tun.index());
    CHECK(host.netlink.addresses(tun.index()).value().front().peer == kServer);
  }
}

TEST_CASE("io/host_state server on the local network, and on this host") {
  Host host;
  const auto tun = Tun::open("pptp%d").value();
  for (const Ipv4Address server : {kNeighbour, kHost, Ipv4Address(127, 0, 0, 1)}) {
    CAPTURE(server.text());
    auto state = host.state();
    const std::uint32_t mark = state.reserve_mark().value().value();
    auto settings = host.settings(tun);
    settings.server = server;
    settings.routes = {prefix("192.0.2.64/26"), prefix("127.0.0.0/9")};
    settings.default_route = true;
    REQUIRE(state.configure_tunnel(settings).has_value());
    const auto way = host.netlink.route_to(server, mark).value();
    CHECK(way.device != tun.index());
    CHECK_FALSE(way.gateway.has_value());
  }
}

TEST_CASE("io/host_state without a mark keeps the server outside by a host route") {
  Host host;
  const auto tun = Tun::open("pptp%d").value();
  const std::string before = network_state();
  {
    auto state = host.state();
    auto settings = host.settings(tun);
    settings.routes = {prefix("198.51.100.0/24")};
    settings.default_route = true;
    REQUIRE(state.configure_tunnel(settings).has_value());
    CHECK(host.netlink.route_to(kServer).value().gateway == kGateway);
    CHECK(device_to(host, kElsewhere) == tun.index());
    CHECK(device_to(host, Ipv4Address(8, 8, 8, 8)) == tun.index());
    CHECK(device_to(host, kNeighbour) != tun.index());
  }
  CHECK(network_state() == before);

  run("ip route add 198.51.100.1 via 192.0.2.1");
  const std::string with_host_route = network_state();
  {
    auto state = host.state();
    REQUIRE(state.configure_tunnel(host.settings(tun)).has_value());
  }
  CHECK(network_state() == with_host_route);
}

TEST_CASE("io/host_state names the route that is there already, and undoes the rest") {
  Host host;
  const auto tun = Tun::open("pptp%d").value();
  run("ip route add 172.16.0.0/12 via 192.0.2.1");
  auto state = host.state();
  REQUIRE(state.reserve_mark().has_value());
  const std::string before = network_state();
  auto settings = host.settings(tun);
  settings.routes = {prefix("10.0.0.0/8"), prefix("172.16.0.0/12"), prefix("203.0.113.0/24")};
  const auto refused = state.configure_tunnel(settings);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().error == EEXIST);
  CHECK(refused.error().what.find("172.16.0.0/12") != std::string::npos);
  CHECK(refused.error().hint.find("172.16.0.0/12") != std::string::npos);
  CHECK(network_state() == before);
}

TEST_CASE("io/host_state gives each tunnel a mark of its own, and avoids others'") {
  Host host;
  run("ip rule add fwmark 0x70 lookup 99; ip rule add fwmark 0x71/0xff lookup 99");
  run("ip route add 10.0.0.0/8 dev eth0 table 28792");
  auto first = host.state();
  const auto other_lock = host.directory.lock("home").value();
  auto second = HostState::create(host.directory, other_lock).value();
  const auto first_mark = first.reserve_mark().value();
  const auto second_mark = second.reserve_mark().value();
  CHECK(first_mark == 0x73);
  CHECK(second_mark == 0x74);
  CHECK(first.reserve_mark().value() == first_mark);
}

TEST_CASE("io/host_state two default routes go in either order") {
  Host host;
  const std::string before = network_state();
  const auto tun_a = Tun::open("pptp%d").value();
  const auto tun_b = Tun::open("pptp%d").value();
  const auto other_lock = host.directory.lock("home").value();
  for (const bool first_goes_first : {true, false}) {
    auto a = host.state();
    auto b = HostState::create(host.directory, other_lock).value();
    const std::uint32_t mark_a = a.reserve_mark().value().value();
    const std::uint32_t mark_b = b.reserve_mark().value().value();
    auto settings = host.settings(tun_a);
    settings.default_route = true;
    REQUIRE(a.configure_tunnel(settings).has_value());
    settings.device = tun_b.index();
    settings.local = Ipv4Address(10, 9, 0, 3);
    settings.server = kElsewhere;
    REQUIRE(b.configure_tunnel(settings).has_value());
    CHECK(host.netlink.route_to(kServer, mark_a).value().gateway == kGateway);
    // The second came up through the first.
    CHECK(device_to(host, kElsewhere, mark_b) == tun_a.index());
    HostState& goes = first_goes_first ? a : b;
    HostState& stays = first_goes_first ? b : a;
    CHECK(goes.undo_all().left_alone.empty());
    CHECK(device_to(host, Ipv4Address(8, 8, 8, 8)) == (first_goes_first ? tun_b : tun_a).index());
    CHECK(stays.undo_all().left_alone.empty());
    CHECK(network_state() == before);
  }
}

TEST_CASE("io/host_state under a strict reverse path filter still hears the server") {
  const Netns outside;
  Host host;
  run("ip link add eth1 type veth peer name wire1 netns " + outside.path());
  run("ip addr add 192.168.1.2/24 dev eth1; ip link set eth1 up;"
      "ip route replace default via 192.168.1.1");
  std::ofstream("/proc/sys/net/ipv4/conf/eth1/rp_filter") << 1;
  outside.enter();
  run("ip addr add 192.168.1.1/24 dev wire1; ip link set wire1 up;"
      "ip addr add 198.51.100.1/32 dev lo");
  // It asks as the gateway that it stands for, not as the server.
  std::ofstream("/proc/sys/net/ipv4/conf/wire1/arp_announce") << 2;
  EventLoop loop;
  std::optional<TcpStream> at_server;
  const auto listener = TcpListener::open(loop, {kServer, 1723}, [&](TcpStream stream) {
                          at_server = std::move(stream);
                        }).value();
  host.netns.enter();

  const auto tun = Tun::open("pptp%d").value();
  auto state = host.state();
  const std::uint32_t mark = state.reserve_mark().value().value();
  auto settings = host.settings(tun);
  // Covers the gateway more closely than its own network, so that its ARP requests would be
  // dropped; and everything else.
  settings.routes = {prefix("192.168.1.0/25")};
  settings.default_route = true;
  REQUIRE(state.configure_tunnel(settings).has_value());
  std::optional<TcpStream> client;
  const TcpConnector connector(loop, {.to = {kServer, 1723}, .mark = mark, .timeout = 1s},
                               [&](IoResult<TcpStream> connected) {
                                 REQUIRE(connected.has_value());
                                 client = std::move(*connected);
                                 loop.stop();
                               });
  REQUIRE(loop.run_for(1500ms));
  CHECK(client->local().address == Ipv4Address(192, 168, 1, 2));

  // So far the gateway knew where we are from our asking for it; now it has to ask for us.
  outside.enter();
  run("ip neigh flush all");
  host.netns.enter();
  std::string received;
  client->start(
      [&](pptp::Bytes octets) {
        received += pptp::as_text(octets);
        loop.stop();
      },
      [](const IoError&) {});
  REQUIRE(at_server.has_value());
  at_server->send(pptp::as_bytes("x"));
  loop.run_for(500ms);
  CHECK(received == "x");
}
