#include "lib/packet.h"

#include <doctest/doctest.h>

namespace pptp {
namespace {

TEST_CASE("packet/headers go on and come off in place") {
  PacketPool pool(1);
  Packet packet = pool.acquire();
  REQUIRE(packet.assign(as_bytes("payload")));
  const std::uint8_t* const body = packet.bytes().data();
  packet.push_front(2)[0] = 'h';
  CHECK(packet.size() == 9);
  packet.pop_front(2);
  CHECK(packet.bytes().data() == body);
  CHECK(as_text(packet.bytes()) == "payload");
  packet.truncate(3);
  CHECK(as_text(packet.bytes()) == "pay");
}

TEST_CASE("packet/no room is an empty span and no change") {
  PacketPool pool(1);
  Packet packet = pool.acquire();
  CHECK(packet.push_front(Packet::kHeadroom + 1).empty());
  CHECK(packet.push_back(Packet::kCapacity + 1).empty());
  CHECK(packet.empty());
  CHECK(packet.push_back(Packet::kCapacity).size() == Packet::kCapacity);
  CHECK(packet.tailroom() == 0);
  Packet none;
  CHECK(none.push_front(1).empty());
  CHECK(none.refill().empty());
}

TEST_CASE("packet/slots come back when packets go, and only once") {
  PacketPool pool(2);
  {
    Packet a = pool.acquire();
    Packet b = pool.acquire();
    CHECK_FALSE(pool.acquire().has_slot());
    Packet c = std::move(a);
    CHECK_FALSE(a.has_slot());  // NOLINT: looking at a moved-from packet is the test
    b = std::move(c);
    CHECK(pool.available() == 1);
  }
  CHECK(pool.available() == 2);
}

TEST_CASE("packet/refill offers the whole capacity") {
  PacketPool pool(1);
  Packet packet = pool.acquire();
  CHECK(packet.refill().size() == Packet::kCapacity);
  packet.truncate(10);
  CHECK(packet.headroom() == Packet::kHeadroom);
  CHECK_FALSE(packet.assign(std::vector<std::uint8_t>(Packet::kCapacity + 1)));
  CHECK(packet.empty());
}

}  // namespace
}  // namespace pptp
