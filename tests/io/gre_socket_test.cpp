#include "tunnel/io/gre_socket.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "tests/io/netns.h"
#include "tunnel/io/event_loop.h"

using namespace std::chrono_literals;
using namespace pptp::io;
using pptp::CallId;
using pptp::Drop;
using pptp::GreDatagram;
using pptp::Ipv4Address;
using pptp::Packet;
using pptp::PacketPool;

namespace {

constexpr Ipv4Address kServer(127, 0, 0, 1);
constexpr Ipv4Address kClient(127, 0, 0, 2);
constexpr Ipv4Address kOther(127, 0, 0, 3);
constexpr CallId kCall(0x1234);

/// Enhanced GRE for a call, with one octet behind the key that tells packets apart.
std::vector<std::uint8_t> gre(std::uint16_t call, std::uint8_t payload, std::uint8_t version = 1,
                              std::uint16_t protocol = 0x880b) {
  return {0x30,
          version,
          static_cast<std::uint8_t>(protocol >> 8),
          static_cast<std::uint8_t>(protocol & 0xff),
          0,
          1,
          static_cast<std::uint8_t>(call >> 8),
          static_cast<std::uint8_t>(call & 0xff),
          payload};
}

struct Ends {
  Ends() : ends_pool(256) {}

  Netns netns;
  PacketPool ends_pool;
  GreServerSocket server = GreServerSocket::open(kServer, {}).value();
  GreClientSocket client = GreClientSocket::open({}).value();

  /// From the server's socket, whatever address it has.
  std::size_t send(Ipv4Address to, const std::vector<std::uint8_t>& octets,
                   Ipv4Address from = Ipv4Address()) {
    std::array<GreDatagram, 1> batch;
    batch[0].packet = ends_pool.acquire();
    REQUIRE(batch[0].packet.assign(octets));
    batch[0].local = from;
    batch[0].peer = to;
    return server.send(batch);
  }

  std::size_t send_from_client(const std::vector<std::uint8_t>& octets) {
    std::array<Packet, 1> batch;
    batch[0] = ends_pool.acquire();
    REQUIRE(batch[0].assign(octets));
    return client.send(batch);
  }

  /// The last octets of all packets that wait for the client.
  std::vector<int> received() {
    std::vector<int> payloads;
    std::array<Packet, 8> packets;
    while (const std::size_t count = client.receive(ends_pool, packets)) {
      for (const Packet& packet : std::span(packets).first(count))
        payloads.push_back(packet.bytes().back());
    }
    return payloads;
  }
};

}  // namespace

TEST_CASE("io/gre_socket client takes its own call from its server, and nothing else") {
  Ends ends;
  REQUIRE(ends.client.connect(kClient, kServer, kCall).has_value());
  auto stranger = GreServerSocket::open(kOther, {}).value();
  CHECK(ends.send(kClient, gre(0x1235, 1)) == 1);     // another call
  CHECK(ends.send(kClient, gre(0x1234, 2, 0)) == 1);  // RFC 2784's version
  CHECK(ends.send(kClient, gre(0x1234, 3, 1, 0x0800)) == 1);
  CHECK(ends.send(kClient, {0x30, 0x01, 0x88}) == 1);  // too short
  CHECK(ends.send(kClient, gre(0x1234, 4)) == 1);
  std::array<GreDatagram, 1> forged;
  forged[0].packet = ends.ends_pool.acquire();
  REQUIRE(forged[0].packet.assign(gre(0x1234, 5)));
  forged[0].peer = kClient;
  CHECK(stranger.send(forged) == 1);
  // Reserved flags and the S and A bits are the core's to judge.
  auto acknowledgement = gre(0x1234, 6);
  acknowledgement[0] = 0x20;
  acknowledgement[1] = 0x81;
  CHECK(ends.send(kClient, acknowledgement) == 1);
  CHECK(ends.received() == std::vector<int>{4, 6});
  CHECK(ends.client.drops().total() == 0);
}

TEST_CASE("io/gre_socket client takes nothing before it knows its call") {
  Ends ends;
  CHECK(ends.send(kClient, gre(0x1234, 1)) == 1);
  CHECK(ends.received().empty());
  REQUIRE(ends.client.connect(kClient, kServer, kCall).has_value());
  CHECK(ends.received().empty());
  CHECK(ends.send(kClient, gre(0x1234, 2)) == 1);
  CHECK(ends.received() == std::vector<int>{2});
}

TEST_CASE("io/gre_socket server knows both addresses, and answers from the one it was called on") {
  const Netns netns;
  PacketPool pool(32);
  auto server = GreServerSocket::open(Ipv4Address(), {}).value();
  auto client = GreClientSocket::open({}).value();
  REQUIRE(client.connect(kClient, kOther, kCall).has_value());
  std::array<Packet, 1> sent;
  sent[0] = pool.acquire();
  REQUIRE(sent[0].assign(gre(7, 1)));
  REQUIRE(client.send(sent) == 1);

  std::array<GreDatagram, 8> datagrams;
  REQUIRE(server.receive(pool, datagrams) == 1);
  CHECK(datagrams[0].peer == kClient);
  CHECK(datagrams[0].local == kOther);
  CHECK(datagrams[0].packet.size() == 9);

  // Without the right source the client's connected socket would not take it.
  REQUIRE(datagrams[0].packet.assign(gre(0x1234, 9)));
  CHECK(server.send(std::span(datagrams).first(1)) == 1);
  std::array<Packet, 8> packets;
  REQUIRE(client.receive(pool, packets) == 1);
  CHECK(packets[0].bytes().back() == 9);
}

TEST_CASE("io/gre_socket moves more than one system call's worth, in order") {
  Ends ends;
  REQUIRE(ends.client.connect(kClient, kServer, kCall).has_value());
  std::vector<GreDatagram> batch(150);
  std::vector<int> expected;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    batch[i].packet = ends.ends_pool.acquire();
    REQUIRE(batch[i].packet.assign(gre(0x1234, static_cast<std::uint8_t>(i))));
    batch[i].peer = kClient;
    expected.push_back(static_cast<int>(i));
  }
  CHECK(ends.server.send(batch) == 150);
  CHECK(ends.received() == expected);
}

TEST_CASE("io/gre_socket takes a burst at once, however few came before it") {
  Ends ends;
  REQUIRE(ends.client.connect(kClient, kServer, kCall).has_value());
  CHECK(ends.send(kClient, gre(0x1234, 7)) == 1);
  CHECK(ends.received() == std::vector<int>{7});
  for (int i = 0; i < 64; ++i)
    CHECK(ends.send(kClient, gre(0x1234, static_cast<std::uint8_t>(i))) == 1);
  std::array<Packet, 64> packets;
  REQUIRE(ends.client.receive(ends.ends_pool, packets) == 64);
  for (std::size_t i = 0; i < packets.size(); ++i)
    CHECK(packets[i].bytes().back() == i);
  CHECK(ends.client.drops()[Drop::no_slot] == 0);
}

TEST_CASE("io/gre_socket keeps what comes behind the last slot for later") {
  Ends ends;
  REQUIRE(ends.client.connect(kClient, kServer, kCall).has_value());
  CHECK(ends.received().empty());
  for (int i = 0; i < 12; ++i)
    CHECK(ends.send(kClient, gre(0x1234, static_cast<std::uint8_t>(i))) == 1);
  PacketPool few(8);
  std::array<Packet, 64> packets;
  CHECK(ends.client.receive(few, packets) == 8);
  CHECK(ends.client.drops()[Drop::no_slot] == 0);
  CHECK(ends.received() == std::vector<int>{8, 9, 10, 11});
}

TEST_CASE("io/gre_socket drops and counts what is too long for a slot") {
  Ends ends;
  REQUIRE(ends.client.connect(kClient, kServer, kCall).has_value());
  auto fits = gre(0x1234, 1);
  fits.resize(Packet::kCapacity - 20, 1);
  // Does not fit with its IP header.
  auto too_long = fits;
  too_long.push_back(2);
  CHECK(ends.send(kClient, gre(0x1234, 0)) == 1);
  CHECK(ends.send(kClient, too_long) == 1);
  CHECK(ends.send(kClient, fits) == 1);
  CHECK(ends.received() == std::vector<int>{0, 1});
  CHECK(ends.client.drops()[Drop::outer_malformed] == 1);
}

TEST_CASE("io/gre_socket without a slot loses packets rather than leaving them to wake us") {
  Ends ends;
  REQUIRE(ends.client.connect(kClient, kServer, kCall).has_value());
  CHECK(ends.send(kClient, gre(0x1234, 1)) == 1);
  CHECK(ends.send(kClient, gre(0x1234, 2)) == 1);
  PacketPool empty(0);
  std::array<Packet, 4> packets;
  CHECK(ends.client.receive(empty, packets) == 0);
  CHECK(ends.client.drops()[Drop::no_slot] == 1);
  CHECK(ends.received() == std::vector<int>{2});
}

TEST_CASE("io/gre_socket tells of a host that does not take GRE, once, and goes on") {
  Ends ends;
  REQUIRE(ends.client.connect(kClient, kOther, kCall).has_value());
  std::vector<GreTrouble> troubles;
  ends.client.on_trouble([&](const GreTrouble& trouble) { troubles.push_back(trouble); });

  EventLoop loop;
  FdWatch watch(loop, ends.client.fd());
  int wakes = 0;
  watch.on_readable([&] {
    ++wakes;
    CHECK(ends.received().empty());
  });
  CHECK(ends.send_from_client(gre(7, 1)) == 1);
  loop.run_for(30ms);
  // Woken for the error, and not again and again.
  CHECK(wakes >= 1);
  CHECK(wakes <= 3);
  REQUIRE(troubles.size() == 1);
  CHECK(troubles[0].kind == GreTrouble::Kind::protocol_unreachable);
  CHECK(troubles[0].reporter == kOther);
  CHECK(troubles[0].peer == kOther);

  const auto now_there = GreServerSocket::open(kOther, {});
  CHECK(ends.send_from_client(gre(7, 2)) == 1);
  CHECK(ends.client.drops()[Drop::outer_unsent] == 0);
}

TEST_CASE("io/gre_socket ICMP errors cost no packet, neither sent nor received") {
  Ends ends;
  REQUIRE(ends.client.connect(kClient, kOther, kCall).has_value());
  std::size_t troubles = 0;
  ends.client.on_trouble([&](const GreTrouble&) { ++troubles; });
  for (int i = 0; i < 3; ++i)
    CHECK(ends.send_from_client(gre(7, 1)) == 1);
  auto now_there = GreServerSocket::open(kOther, {}).value();
  std::array<GreDatagram, 1> answer;
  answer[0].packet = ends.ends_pool.acquire();
  REQUIRE(answer[0].packet.assign(gre(0x1234, 5)));
  answer[0].peer = kClient;
  CHECK(now_there.send(answer) == 1);
  CHECK(ends.received() == std::vector<int>{5});
  CHECK(troubles == 3);
  CHECK(ends.client.drops()[Drop::outer_unsent] == 0);
}

TEST_CASE("io/gre_socket with DF says what would have fitted; without it fragments") {
  Ends ends;
  run("ip link set lo mtu 1000");
  REQUIRE(ends.client.connect(kClient, kServer, kCall).has_value());
  std::vector<GreTrouble> troubles;
  ends.client.on_trouble([&](const GreTrouble& trouble) { troubles.push_back(trouble); });
  auto long_one = gre(7, 1);
  long_one.resize(1200, 1);

  REQUIRE(ends.client.set_dont_fragment(true).has_value());
  CHECK(ends.send_from_client(long_one) == 0);
  CHECK(ends.client.drops()[Drop::outer_unsent] == 1);
  REQUIRE(troubles.size() == 1);
  CHECK(troubles[0].kind == GreTrouble::Kind::too_big);
  CHECK(troubles[0].mtu == 1000);

  REQUIRE(ends.client.set_dont_fragment(false).has_value());
  CHECK(ends.send_from_client(long_one) == 1);
  std::array<GreDatagram, 4> datagrams;
  REQUIRE(ends.server.receive(ends.ends_pool, datagrams) == 1);
  CHECK(datagrams[0].packet.size() == 1200);
  CHECK(troubles.size() == 1);
}

TEST_CASE("io/gre_socket with DF learns from a router, and from a route, what would have fitted") {
  constexpr Ipv4Address client_address(192, 0, 2, 1);
  constexpr Ipv4Address router_address(192, 0, 2, 2);
  const Netns router;
  run("echo 1 >/proc/sys/net/ipv4/ip_forward; ip link add far type veth peer name beyond; ip link "
      "set far mtu 1300;"
      "ip link set far up; ip address add 198.51.100.1/24 dev far");
  Ends ends;
  run("ip link add v0 type veth peer name v1 netns " + router.path() +
      "; ip address add 192.0.2.1/24 dev v0; ip link set v0 up");
  router.enter();
  run("ip address add 192.0.2.2/24 dev v1; ip link set v1 up");
  ends.netns.enter();
  run("ip route add default via 192.0.2.2; ip route add 198.51.100.77 via 192.0.2.2 mtu lock 1200");
  auto long_one = gre(7, 1);
  long_one.resize(1400, 1);
  std::vector<GreTrouble> troubles;
  const auto note = [&](const GreTrouble& trouble) { troubles.push_back(trouble); };

  ends.client.on_trouble(note);
  REQUIRE(ends.client.connect(client_address, Ipv4Address(198, 51, 100, 9), kCall).has_value());
  REQUIRE(ends.client.set_dont_fragment(true).has_value());
  CHECK(ends.send_from_client(long_one) == 1);  // on its way it is found to be too long
  // The router's address is asked for first, and once more after a second where its end was not up.
  for (int i = 0; i < 2'500 && troubles.empty(); ++i) {
    std::this_thread::sleep_for(2ms);
    CHECK(ends.received().empty());
  }
  REQUIRE(troubles.size() == 1);
  CHECK(troubles[0].kind == GreTrouble::Kind::too_big);
  CHECK(troubles[0].mtu == 1300);
  CHECK(troubles[0].reporter == router_address);
  CHECK(ends.send_from_client(long_one) == 0);  // now our own kernel knows
  REQUIRE(troubles.size() == 2);
  CHECK(troubles[1].mtu == 1300);
  CHECK_FALSE(troubles[1].reporter.has_value());

  ends.client = GreClientSocket::open({}).value();
  ends.client.on_trouble(note);
  REQUIRE(ends.client.connect(client_address, Ipv4Address(198, 51, 100, 77), kCall).has_value());
  REQUIRE(ends.client.set_dont_fragment(true).has_value());
  CHECK(ends.send_from_client(long_one) == 0);
  REQUIRE(troubles.size() == 3);
  CHECK(troubles[2].kind == GreTrouble::Kind::too_big);
  CHECK(troubles[2].mtu == 1200);
}

TEST_CASE("io/gre_socket names the host's own firewall, and sends the rest of the batch") {
  Ends ends;
  run("nft 'add table ip t; add chain ip t out { type filter hook output priority 0; }; "
      "add rule ip t out ip daddr 127.0.0.3 drop'");
  std::vector<GreTrouble> troubles;
  ends.server.on_trouble([&](const GreTrouble& trouble) { troubles.push_back(trouble); });
  REQUIRE(ends.client.connect(kClient, kServer, kCall).has_value());
  std::array<GreDatagram, 3> batch;
  for (GreDatagram& datagram : batch) {
    datagram.packet = ends.ends_pool.acquire();
    REQUIRE(datagram.packet.assign(gre(0x1234, 1)));
    datagram.peer = kClient;
  }
  batch[1].peer = kOther;
  CHECK(ends.server.send(batch) == 2);
  CHECK(ends.server.drops()[Drop::outer_unsent] == 1);
  CHECK(ends.received() == std::vector<int>{1, 1});
  REQUIRE(troubles.size() == 1);
  CHECK(troubles[0].kind == GreTrouble::Kind::firewall);
  CHECK(troubles[0].peer == kOther);
}

TEST_CASE("io/gre_socket a full queue loses packets, and is no trouble") {
  Ends ends;
  run("ip link add v0 type veth peer name v1; ip address add 192.0.2.1/24 dev v0;"
      "ip link set v0 up; ip link set v1 up;"
      "ip neigh replace 192.0.2.2 lladdr 02:00:00:00:00:01 dev v0");
  std::size_t troubles = 0;
  ends.client.on_trouble([&](const GreTrouble&) { ++troubles; });
  REQUIRE(
      ends.client.connect(Ipv4Address(192, 0, 2, 1), Ipv4Address(192, 0, 2, 2), kCall).has_value());
  CHECK(ends.send_from_client(gre(7, 1)) == 1);
  // A queue with room for nothing: ENOBUFS.
  run("tc qdisc add dev v0 root pfifo limit 0");
  CHECK(ends.send_from_client(gre(7, 2)) == 0);
  CHECK(ends.client.drops()[Drop::outer_unsent] == 1);
  run("tc qdisc delete dev v0 root");
  CHECK(ends.send_from_client(gre(7, 3)) == 1);
  CHECK(troubles == 0);
}

TEST_CASE("io/gre_socket refuses an address that is not the host's") {
  Ends ends;
  const auto refused = ends.client.connect(Ipv4Address(192, 0, 2, 1), kServer, kCall);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().error == EADDRNOTAVAIL);
}
