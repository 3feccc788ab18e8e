#include "tunnel/io/gre_packet_sender.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "lib/ip_packet.h"
#include "tests/io/netns.h"
#include "tunnel/io/gre_socket.h"

using namespace std::chrono_literals;
using namespace pptp::io;
using pptp::Bytes;
using pptp::CallId;
using pptp::Drop;
using pptp::Ipv4Address;
using pptp::MutableBytes;
using pptp::Packet;
using pptp::PacketPool;

namespace {

constexpr Ipv4Address kClient(192, 0, 2, 1);
constexpr Ipv4Address kServer(192, 0, 2, 2);
constexpr CallId kCall(0x1234);

using Datagram = std::vector<std::uint8_t>;

/// GRE for a server, `size` octets of it, of which the last tells packets apart.
Datagram gre(std::uint8_t number, std::size_t size = 100) {
  Datagram octets{0x30, 0x01, 0x88, 0x0b, 0, 1, 0, 7};
  octets.resize(size, 0x5a);
  octets.back() = number;
  return octets;
}

/// A client's host and a server's with a wire between them, v0 to v1. This thread is in the
/// client's.
struct Wire {
  Wire() {
    server_host.emplace();
    listener = UniqueFd(::socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_GRE));
    REQUIRE(listener);
    constexpr int room = 4 * 1024 * 1024;
    REQUIRE(::setsockopt(listener.fd(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) == 0);
    client_host.emplace();
    run("ip link add v0 type veth peer name v1 netns " + server_host->path() +
        "; ip address add 192.0.2.1/24 dev v0; ip link set v0 up");
    on_server("ip address add 192.0.2.2/24 dev v1; ip link set v1 address 02:00:00:00:00:02 up");
    run("for i in $(seq 200); do ip link show v0 | grep -q 'state UP' && exit 0; sleep 0.01; done;"
        "exit 1");
  }

  void on_server(const std::string& command) const {
    server_host->enter();
    run(command);
    client_host->enter();
  }

  /// The client's, connected; by the packet socket.
  GreClientSocket open(const GreOptions& options = {}, bool dont_fragment = true) const {
    auto socket = GreClientSocket::open(options).value();
    REQUIRE(socket.connect(kClient, kServer, kCall).has_value());
    REQUIRE(socket.set_dont_fragment(dont_fragment).has_value());
    REQUIRE(socket.send_by_packet_socket(kServer).has_value());
    return socket;
  }

  /// Numbered from 0: how many the kernel took.
  std::size_t send(GreClientSocket& socket, std::size_t count, std::size_t size = 100) {
    std::vector<Packet> packets(count);
    for (std::size_t i = 0; i < count; ++i) {
      packets[i] = pool.acquire();
      REQUIRE(packets[i].assign(gre(static_cast<std::uint8_t>(i), size)));
    }
    const std::size_t sent = socket.send(packets);
    for (const Packet& packet : packets)
      CHECK(packet.size() == size);
    return sent;
  }

  /// What has come to the server, with IP headers.
  std::vector<Datagram> arrived() const {
    std::vector<Datagram> datagrams;
    Datagram octets(4096);
    for (ssize_t size = 0; (size = ::recv(listener.fd(), octets.data(), octets.size(), 0)) >= 0;)
      datagrams.emplace_back(octets.begin(), octets.begin() + size);
    return datagrams;
  }

  /// The last octets of the same.
  std::vector<int> numbers() const {
    std::vector<int> found;
    for (const Datagram& datagram : arrived())
      found.push_back(datagram.back());
    return found;
  }

  std::optional<Netns> server_host;
  std::optional<Netns> client_host;
  UniqueFd listener;
  PacketPool pool{256};
};

/// Until the tables are looked at again.
void wait_an_interval() {
  std::this_thread::sleep_for(GrePacketSender::kInterval + 20ms);
}

/// The neighbour as the kernel has it after it was asked for and has answered.
void know_server() {
  run("ping -n -c 1 -W 2 192.0.2.2");
}

/// By name, those that are not zero.
std::map<std::string, std::uint64_t> ways(const GreClientSocket& socket) {
  std::map<std::string, std::uint64_t> found;
  const SentCounts counts = socket.sent_by().value();
  for (unsigned i = 0; i < static_cast<unsigned>(SentBy::count_); ++i) {
    const auto way = static_cast<SentBy>(i);
    if (counts[way] != 0) found.emplace(name(way), counts[way]);
  }
  return found;
}

std::uint64_t sent_by(const GreClientSocket& socket, SentBy way) {
  return socket.sent_by().value()[way];
}

using Ways = std::map<std::string, std::uint64_t>;

std::vector<int> up_to(int count) {
  std::vector<int> numbers;
  for (int i = 0; i < count; ++i)
    numbers.push_back(i);
  return numbers;
}

}  // namespace

TEST_CASE(
    "io/gre_packet_sender what arrives is what a raw socket sends, but for its identification") {
  Wire wire;
  run("echo 57 >/proc/sys/net/ipv4/ip_default_ttl");
  know_server();
  for (const bool dont_fragment : {true, false}) {
    CAPTURE(dont_fragment);
    for (const std::size_t size : {8U, 9U, 1480U}) {
      auto raw = GreClientSocket::open({}).value();
      REQUIRE(raw.connect(kClient, kServer, kCall).has_value());
      REQUIRE(raw.set_dont_fragment(dont_fragment).has_value());
      CHECK(wire.send(raw, 150, size) == 150);
      CHECK_FALSE(raw.sent_by().has_value());
      auto expected = wire.arrived();
      auto socket = wire.open({}, dont_fragment);
      CHECK(wire.send(socket, 150, size) == 150);
      auto arrived = wire.arrived();
      CHECK(ways(socket) == Ways{{"packet-socket", 149}, {"raw-to-confirm", 1}});
      REQUIRE(expected.size() == 150);
      REQUIRE(arrived.size() == 150);
      for (std::size_t i = 0; i < arrived.size(); ++i) {
        CHECK(pptp::internet_checksum(Bytes(arrived[i]).first(20)) == 0);
        for (auto* const datagram : {&arrived[i], &expected[i]}) {
          pptp::put_u16(*datagram, 4, 0);
          pptp::put_u16(*datagram, 10, 0);
        }
        CHECK(arrived[i] == expected[i]);
      }
    }
  }
}

TEST_CASE("io/gre_packet_sender DF is given up at once") {
  Wire wire;
  know_server();
  auto socket = wire.open();
  CHECK(wire.send(socket, 2) == 2);
  REQUIRE(socket.set_dont_fragment(false).has_value());
  CHECK(wire.send(socket, 1) == 1);
  CHECK(sent_by(socket, SentBy::packet_socket) == 2);
  std::vector<int> flags;
  for (const Datagram& datagram : wire.arrived())
    flags.push_back(datagram[6]);
  CHECK(flags == std::vector<int>{0x40, 0x40, 0});
}

TEST_CASE("io/gre_packet_sender identifications of packets that may be fragmented differ") {
  Wire wire;
  know_server();
  auto socket = wire.open({}, false);
  CHECK(wire.send(socket, 100) == 100);
  std::map<std::uint16_t, int> seen;
  for (const Datagram& datagram : wire.arrived())
    ++seen[pptp::u16_at(datagram, 4)];
  CHECK(seen.size() >= 99);  // the one by the raw socket may have any
}

TEST_CASE("io/gre_packet_sender leaves a next hop that is not known to the kernel, until it is") {
  Wire wire;
  auto socket = wire.open();
  CHECK(wire.send(socket, 2) == 2);
  CHECK(ways(socket) == Ways{{"raw-no-neighbour", 2}});
  wait_an_interval();
  CHECK(wire.numbers() == up_to(2));
  CHECK(wire.send(socket, 3) == 3);
  CHECK(wire.numbers() == up_to(3));
  CHECK(ways(socket) == Ways{{"raw-no-neighbour", 2}, {"raw-to-confirm", 1}, {"packet-socket", 2}});

  // A doubt is the kernel's to look into: what it gets to send makes it do so.
  run("ip neighbour replace 192.0.2.2 lladdr 02:00:00:00:00:02 dev v0 nud stale");
  wait_an_interval();
  CHECK(wire.send(socket, 2) == 2);
  CHECK(sent_by(socket, SentBy::raw_neighbour_stale) == 2);
  wait_an_interval();
  CHECK(wire.send(socket, 2) == 2);
  CHECK(sent_by(socket, SentBy::packet_socket) == 3);
}

TEST_CASE("io/gre_packet_sender one packet of each interval is the kernel's to send") {
  Wire wire;
  know_server();
  auto socket = wire.open();
  for (int i = 0; i < 3; ++i) {
    CHECK(wire.send(socket, 2) == 2);
    CHECK(wire.send(socket, 2) == 2);
    wait_an_interval();
  }
  CHECK(ways(socket) == Ways{{"raw-to-confirm", 3}, {"packet-socket", 9}});
}

TEST_CASE("io/gre_packet_sender follows a neighbour whose link address changes") {
  Wire wire;
  know_server();
  auto socket = wire.open();
  CHECK(wire.send(socket, 2) == 2);
  CHECK(wire.numbers() == up_to(2));
  wire.on_server("ip link set v1 address 02:00:00:00:00:03; ping -n -c 1 -W 2 192.0.2.1");
  wait_an_interval();
  CHECK(wire.send(socket, 3) == 3);
  CHECK(wire.numbers() == up_to(3));
  wait_an_interval();
  CHECK(wire.send(socket, 3) == 3);
  CHECK(wire.numbers() == up_to(3));
  CHECK(sent_by(socket, SentBy::packet_socket) >= 3);
}

TEST_CASE("io/gre_packet_sender follows the routes and rules that the mark leads to") {
  Wire wire;
  run("ip link add w0 type veth peer name w1 netns " + wire.server_host->path() +
      "; ip address add 198.51.100.1/24 dev w0; ip link set w0 up;"
      "ip route add 192.0.2.2 via 198.51.100.2 table 77");
  wire.on_server(
      "ip address add 198.51.100.2/24 dev w1; ip link set w1 up;"
      "for d in all v1 w1; do echo 0 >/proc/sys/net/ipv4/conf/$d/rp_filter; done");
  know_server();
  run("ping -n -c 1 -W 2 198.51.100.2");
  const auto by_other_wire = [] { return run("awk '$1 == \"w0:\" {print $11}' /proc/net/dev"); };
  auto socket = wire.open({.mark = 9});
  const auto before = std::stoi(by_other_wire());
  CHECK(wire.send(socket, 10) == 10);
  CHECK(std::stoi(by_other_wire()) < before + 10);  // ARP and IPv6 have a few to say
  CHECK(wire.numbers() == up_to(10));

  run("ip rule add fwmark 9 table 77");
  wait_an_interval();
  CHECK(wire.send(socket, 10) == 10);
  CHECK(wire.numbers() == up_to(10));
  CHECK(std::stoi(by_other_wire()) >= before + 10);
  CHECK(sent_by(socket, SentBy::packet_socket) == 18);
}

TEST_CASE(
    "io/gre_packet_sender an interface that goes down gives way to the raw socket, and comes "
    "back") {
  Wire wire;
  know_server();
  auto socket = wire.open();
  CHECK(wire.send(socket, 2) == 2);
  run("ip link set v0 down");
  // Before that is known, the packet socket is refused, and the raw socket has no route either.
  CHECK(wire.send(socket, 2) == 0);
  CHECK(sent_by(socket, SentBy::raw_refused) + sent_by(socket, SentBy::raw_no_route) == 2);
  CHECK(socket.drops()[Drop::outer_unsent] == 2);
  wait_an_interval();
  CHECK(wire.send(socket, 2) == 0);
  CHECK(sent_by(socket, SentBy::raw_no_route) >= 2);
  run("ip link set v0 up;"
      "for i in $(seq 200); do ip link show v0 | grep -q 'state UP' && exit 0; sleep 0.01; done;"
      "exit 1");
  know_server();
  (void)wire.arrived();
  wait_an_interval();
  CHECK(wire.send(socket, 3) == 3);
  CHECK(wire.numbers() == up_to(3));
  CHECK(sent_by(socket, SentBy::packet_socket) == 3);
}

TEST_CASE("io/gre_packet_sender an interface that is replaced is followed by its new index") {
  Wire wire;
  know_server();
  auto socket = wire.open();
  CHECK(wire.send(socket, 2) == 2);
  run("ip link delete v0; ip link add v0 type veth peer name v1 netns " + wire.server_host->path() +
      "; ip address add 192.0.2.1/24 dev v0; ip link set v0 up");
  wire.on_server("ip address add 192.0.2.2/24 dev v1; ip link set v1 up");
  (void)wire.arrived();
  know_server();
  for (int i = 0; i < 2; ++i) {
    CHECK(wire.send(socket, 3) == 3);  // first refused by the packet socket, unless time is up
    CHECK(wire.numbers() == up_to(3));
    wait_an_interval();
  }
  CHECK(sent_by(socket, SentBy::packet_socket) >= 3);
}

TEST_CASE(
    "io/gre_packet_sender what is too long is left to the raw socket: fragments, or a refusal") {
  Wire wire;
  know_server();
  run("ip link set v0 mtu 1000");
  auto socket = wire.open({}, false);
  CHECK(wire.send(socket, 2, 980) == 2);
  CHECK(wire.send(socket, 3, 981) == 3);
  CHECK(ways(socket) == Ways{{"raw-to-confirm", 1}, {"packet-socket", 1}, {"raw-too-long", 3}});
  const auto arrived = wire.arrived();
  REQUIRE(arrived.size() == 5);
  CHECK(arrived.back().size() == 1001);

  std::vector<GreTrouble> troubles;
  auto with_df = wire.open();
  with_df.on_trouble([&](const GreTrouble& trouble) { troubles.push_back(trouble); });
  CHECK(wire.send(with_df, 1, 980) == 1);
  CHECK(wire.send(with_df, 1, 981) == 0);
  REQUIRE(troubles.size() == 1);
  CHECK(troubles[0].kind == GreTrouble::Kind::too_big);
  CHECK(troubles[0].mtu == 1000);

  // A route's own, which the path's would be as well.
  run("ip route replace 192.0.2.2 dev v0 mtu lock 900");
  wait_an_interval();
  CHECK(wire.send(with_df, 2, 880) == 2);
  CHECK(wire.send(with_df, 1, 881) == 0);
  CHECK(sent_by(with_df, SentBy::raw_too_long) == 2);
}

TEST_CASE("io/gre_packet_sender a full queue loses packets, and is no trouble") {
  Wire wire;
  run("ip neighbour replace 192.0.2.2 lladdr 02:00:00:00:00:02 dev v0 nud permanent");
  auto socket = wire.open();
  std::size_t troubles = 0;
  socket.on_trouble([&](const GreTrouble&) { ++troubles; });
  CHECK(wire.send(socket, 2) == 2);
  run("tc qdisc add dev v0 root pfifo limit 0");
  CHECK(wire.send(socket, 3) == 0);
  CHECK(socket.drops()[Drop::outer_unsent] == 3);
  run("tc qdisc delete dev v0 root");
  CHECK(wire.send(socket, 2) == 2);
  CHECK(troubles == 0);
  CHECK(ways(socket) == Ways{{"raw-to-confirm", 1}, {"packet-socket", 3}});
}

TEST_CASE(
    "io/gre_packet_sender sends nothing past a firewall that refuses the raw socket's packets") {
  Wire wire;
  know_server();
  run("nft 'add table ip t; add chain ip t out { type filter hook output priority 0; }; "
      "add rule ip t out ip protocol gre drop'");
  auto socket = wire.open();
  std::vector<GreTrouble> troubles;
  socket.on_trouble([&](const GreTrouble& trouble) { troubles.push_back(trouble); });
  CHECK(wire.send(socket, 3) == 0);
  CHECK(wire.arrived().empty());
  CHECK(ways(socket) == Ways{{"raw-refused", 3}});
  REQUIRE_FALSE(troubles.empty());
  CHECK(troubles[0].kind == GreTrouble::Kind::firewall);
  run("nft delete table ip t");
  wait_an_interval();
  CHECK(wire.send(socket, 3) == 3);
  CHECK(wire.numbers() == up_to(3));
  CHECK(sent_by(socket, SentBy::packet_socket) == 2);
}

TEST_CASE("io/gre_packet_sender leaves everything to the kernel on a host with IPsec policies") {
  Wire wire;
  know_server();
  auto socket = wire.open();
  run("ip xfrm policy add dir out src 203.0.113.0/24 dst 203.0.113.0/24 action block");
  CHECK(wire.send(socket, 2) == 2);
  CHECK(ways(socket) == Ways{{"raw-ipsec", 2}});
  run("ip xfrm policy flush");
  wait_an_interval();
  CHECK(wire.send(socket, 2) == 2);
  CHECK(sent_by(socket, SentBy::packet_socket) == 1);
}

TEST_CASE("io/gre_packet_sender another hold on the socket sends by a packet socket as well") {
  Wire wire;
  know_server();
  const auto socket = wire.open();
  auto other = socket.second().value();
  CHECK(wire.send(other, 3) == 3);
  CHECK(wire.numbers() == up_to(3));
  CHECK(ways(other) == Ways{{"raw-to-confirm", 1}, {"packet-socket", 2}});
  CHECK(ways(socket).empty());
}

TEST_CASE("io/gre_packet_sender only an Ethernet is sent to directly") {
  const Netns netns;
  PacketPool pool(4);
  constexpr Ipv4Address here(127, 0, 0, 1);
  auto socket = GreClientSocket::open({}).value();
  REQUIRE(socket.connect(here, here, kCall).has_value());
  REQUIRE(socket.send_by_packet_socket(here).has_value());
  std::array<Packet, 1> packets;
  packets[0] = pool.acquire();
  REQUIRE(packets[0].assign(gre(1)));
  CHECK(socket.send(packets) == 1);
  CHECK(sent_by(socket, SentBy::raw_not_ethernet) == 1);

  // No neighbour there, either, that would have a link address.
  run("ip tuntap add t0 mode tun; ip address add 192.0.2.1/24 dev t0; ip link set t0 up");
  auto tunnelled = GreClientSocket::open({}).value();
  REQUIRE(tunnelled.connect(kClient, kServer, kCall).has_value());
  REQUIRE(tunnelled.send_by_packet_socket(kServer).has_value());
  (void)tunnelled.send(packets);
  CHECK(sent_by(tunnelled, SentBy::raw_not_ethernet) == 1);
}
