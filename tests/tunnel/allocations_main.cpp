// That packets of a call that is up pass without an allocation: a program of its own, because it
// counts what operator new hands out.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include <doctest/doctest.h>

#include "tests/tunnel/counting_new.h"
#include "tests/tunnel/office.h"

namespace pptp::test {
namespace {

constexpr std::size_t kBatch = 64;
constexpr int kRounds = 50;

/// What `action` allocates.
template <class Action>
std::size_t allocated(Action action) {
  const std::size_t before = allocations();
  action();
  return allocations() - before;
}

/// Without the harness, which keeps a copy of all that it sees.
struct Batch {
  explicit Batch(PacketPool& from) : pool(from) {}

  void fill(std::size_t i, Bytes octets) {
    packets[i] = pool.acquire();
    REQUIRE(packets[i].assign(octets));
  }

  PacketPool& pool;
  std::array<Packet, kBatch> packets;
};

TEST_CASE("allocations/this program notices them") {
  CHECK(allocated([] { std::vector<std::uint8_t>().reserve(7); }) == 1);
}

TEST_CASE("allocations/none for packets either way through a call that is up, whatever is due") {
  ManualPeer peer;
  peer.bring_up();
  PacketPool pool(2 * kBatch);
  Batch out(pool);
  Batch in(pool);
  for (int round = 0; round < kRounds; ++round) {
    for (std::uint32_t i = 0; i < kBatch; ++i) {
      out.fill(i, ip_from_client(i, 100 + 20 * i));
      in.fill(i, ManualPeer::gre_datagram(peer.sequence, peer.seal_ip(ip_from_server(i, 60 + i))));
      peer.sequence = peer.sequence.next();
    }
    std::size_t sealed = 0;
    std::size_t delivered = 0;
    const std::size_t new_ones = allocated([&] {
      sealed = peer.engine.seal(peer.now, out.packets);
      peer.engine.gre_received(peer.now, in.packets);
      while (peer.engine.poll_ip())
        ++delivered;
      while (peer.engine.poll_gre(peer.now)) {
      }
      peer.now += std::chrono::milliseconds(30);
      peer.engine.on_deadline(peer.now);
      while (peer.engine.poll_gre(peer.now)) {
      }
    });
    CHECK(sealed == kBatch);
    CHECK(delivered == kBatch);
    if (round > 0) CHECK(new_ones == 0);
  }
}

TEST_CASE("allocations/none for packets either way through a server's calls") {
  Office office(config_with(8));
  std::array<Client*, 2> clients = {&office.dial(kElsewhere, 7), &office.dial(kElsewhere, 8)};
  REQUIRE(office.up.size() == 2);
  PacketPool pool(2 * kBatch);
  Batch out(pool);
  std::array<GreDatagram, kBatch> in;
  for (int round = 0; round < kRounds; ++round) {
    for (std::uint32_t i = 0; i < kBatch; ++i) {
      Client& client = *clients[(i / 3) % 2];
      const Ipv4Address inside = client.network->local;
      out.fill(i, ip_packet(i, kHere, inside, 100 + 20 * i));
      Packet packet = pool.acquire();
      REQUIRE(packet.assign(ip_packet(i, inside, kHere, 60 + i)));
      REQUIRE(client.engine.seal(office.now, std::span(&packet, 1)) == 1);
      in[i] = {std::move(packet), {}, client.from};
    }
    std::size_t sealed = 0;
    std::size_t delivered = 0;
    const std::size_t new_ones = allocated([&] {
      office.acceptor.ip_received(office.now, out.packets);
      office.acceptor.gre_received(office.now, in);
      while (office.acceptor.poll_gre())
        ++sealed;
      while (office.acceptor.poll_ip())
        ++delivered;
      office.now += std::chrono::milliseconds(30);
      office.acceptor.on_deadline(office.now);
      while (office.acceptor.poll_gre()) {
      }
    });
    CHECK(sealed >= kBatch);
    CHECK(delivered == kBatch);
    if (round > 0) CHECK(new_ones == 0);
  }
}

}  // namespace
}  // namespace pptp::test
