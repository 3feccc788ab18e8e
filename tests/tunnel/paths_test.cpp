// TxPath and RxPath as the two ends of one call.
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "tests/tunnel/manual_peer.h"
#include "tunnel/rx_path.h"
#include "tunnel/tx_path.h"

namespace pptp::test {
namespace {

constexpr TimePoint kNow{};
constexpr CallId kCall{7};

/// One direction of a call, encrypted, and the wire in the hands of the test.
class Direction {
 public:
  explicit Direction(MppeMode mode) {
    const MppeParameters parameters{KeyBits::k128, mode};
    tx_.obey(TxConnect{PeerCallId(kCall.value()), {}});
    tx_.obey(TxKey{MppeKey(as_bytes("0123456789abcdef")), parameters});
    tx_.obey(Gate::encrypted);
    rx_.install_key(MppeKey(as_bytes("0123456789abcdef")), parameters);
    rx_.set_gate(Gate::encrypted);
  }

  TxPath& tx() { return tx_; }

  RxPath& rx() { return rx_; }

  /// The next IP packet as it goes over the wire.
  Packet seal() {
    Packet packet = pool_.acquire();
    REQUIRE(packet.assign(ip_from_client(sent_++)));
    REQUIRE(tx_.seal(kNow, std::span(&packet, 1)) == 1);
    return packet;
  }

  void lose(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i)
      (void)seal();
  }

  /// Whether the next packet arrives as it was. A hole before it is waited for.
  bool pass() {
    rx_.put(kNow, seal());
    std::optional<Delivery> delivery = rx_.poll(kNow);
    if (!delivery) {
      if (const Deadline deadline = rx_.next_deadline()) delivery = rx_.poll(*deadline);
    }
    return delivery && delivery->protocol == protocol::kIp &&
           std::ranges::equal(delivery->packet.bytes(), ip_from_client(sent_ - 1));
  }

 private:
  PacketPool pool_{GreReceiver::kWindow + 8};
  TxPath tx_;
  RxPath rx_{kCall};
  std::uint32_t sent_ = 0;
};

TEST_CASE("paths/stateful: a flush on each side of the coherency count's wrap, by either rule") {
  for (const FlushRule rule : {FlushRule::change_key, FlushRule::keep_key}) {
    for (const std::uint32_t passed : {4092U, 4093U, 4094U, 4095U, 4096U}) {
      CAPTURE(passed);
      Direction direction(MppeMode::stateful);
      for (std::uint32_t i = 0; i < passed; ++i)
        REQUIRE(direction.pass());
      REQUIRE_FALSE(direction.rx().wants_reset());
      direction.lose(1);
      // Unless the packet that comes next is a flag packet: 4095.
      if (!direction.pass()) {
        REQUIRE(direction.rx().wants_reset());
        direction.tx().obey(TxFlush{rule});
        REQUIRE(direction.pass());
        // Flushed or not, a flag packet changes the key.
        const bool flag_packet = (passed + 2) % 256 == 255;
        CHECK(direction.rx().flush_rule() == (flag_packet ? FlushRule::change_key : rule));
      }
      CHECK_FALSE(direction.rx().wants_reset());
      for (int i = 0; i < 300; ++i)
        REQUIRE(direction.pass());
    }
  }
}

TEST_CASE("paths/stateless: losses on each side of the coherency count's wrap, flushed or not") {
  for (const std::uint32_t passed : {4092U, 4093U, 4094U, 4095U, 4096U}) {
    CAPTURE(passed);
    Direction direction(MppeMode::stateless);
    for (std::uint32_t i = 0; i < passed; ++i)
      REQUIRE(direction.pass());
    direction.lose(2);
    REQUIRE(direction.pass());
    direction.tx().obey(TxFlush{FlushRule::change_key});
    for (int i = 0; i < 300; ++i)
      REQUIRE(direction.pass());
    CHECK_FALSE(direction.rx().wants_reset());
  }
}

TEST_CASE("paths/a packet without headroom is dropped, and the next one is as if it never was") {
  for (const MppeMode mode : {MppeMode::stateless, MppeMode::stateful}) {
    Direction direction(mode);
    REQUIRE(direction.pass());
    PacketPool pool(2);
    std::array<Packet, 2> packets = {pool.acquire(), Packet()};
    REQUIRE(packets[0].assign(ip_from_client(0)));
    const std::size_t octets = packets[0].size();
    REQUIRE_FALSE(packets[0].push_front(packets[0].headroom() - 8).empty());
    std::ranges::copy(ip_from_client(0), packets[0].mutable_bytes().begin());
    packets[0].truncate(octets);
    CHECK(direction.tx().seal(kNow, packets) == 0);
    CHECK(direction.tx().drops()[Drop::no_slot] == 1);
    CHECK(direction.tx().drops()[Drop::send_malformed] == 1);
    CHECK(direction.pass());
  }
}

TEST_CASE("paths/a batch of packets, some of which must not go, arrives in order") {
  for (const MppeMode mode : {MppeMode::stateless, MppeMode::stateful}) {
    Direction direction(mode);
    PacketPool pool(16);
    std::vector<Packet> packets;
    for (std::uint32_t number = 0; number < 11; ++number) {
      packets.push_back(pool.acquire());
      REQUIRE(packets.back().assign(ip_from_client(number)));
      if (number % 5 == 2) packets.back().truncate(19);
    }
    REQUIRE(direction.tx().seal(kNow, packets) == 9);
    CHECK(direction.tx().drops()[Drop::send_malformed] == 2);
    for (Packet& packet : std::span(packets).first(9))
      direction.rx().put(kNow, std::move(packet));
    for (std::uint32_t number = 0; number < 11; ++number) {
      if (number % 5 == 2) continue;
      const std::optional<Delivery> delivery = direction.rx().poll(kNow);
      REQUIRE(delivery);
      CHECK(std::ranges::equal(delivery->packet.bytes(), ip_from_client(number)));
    }
    CHECK_FALSE(direction.rx().poll(kNow));
  }
}

}  // namespace
}  // namespace pptp::test
