#include "tunnel/sizes.h"

#include <string_view>

#include <doctest/doctest.h>

#include "lib/bytes.h"
#include "lib/packet.h"
#include "mppe/cipher.h"
#include "ppp/frame.h"
#include "tunnel/gre.h"

namespace pptp {
namespace {

TEST_CASE("sizes/an encrypted packet of the MTU fills the path to the octet (3.13)") {
  CHECK(inner_mtu(1500, 1500, true) == 1456);
  CHECK(inner_mtu(1500, 1500, false) == 1460);
  CHECK(inner_mtu(1492, 1500, true) == 1448);
  CHECK(inner_mtu(1400, 1500, true) == 1356);
  for (const std::uint32_t path : {700U, 1400U, 1492U, 1500U}) {
    CHECK(inner_mtu(path, 1500, true) == path - 44);
    CHECK(inner_mtu(path, 1500, false) == path - 40);
  }
}

TEST_CASE("sizes/the MPPE header and the inner protocol lie within the peer's MRU (3.13)") {
  CHECK(inner_mtu(1500, 1400, true) == 1396);
  CHECK(inner_mtu(1500, 1400, false) == 1400);
  CHECK(inner_mtu(1500, 1436, true) == 1432);
  CHECK(inner_mtu(1500, 128, true) == 124);
}

TEST_CASE("sizes/whatever the path and the peer say, an MTU comes out that a host can have") {
  for (std::uint32_t path = 0; path <= 70'000; path += 61) {
    for (std::uint32_t mru = 0; mru <= 65'535; mru += 257) {
      for (const bool encrypted : {false, true}) {
        const std::uint32_t mtu = inner_mtu(path, mru, encrypted);
        if (mtu < 68 || mtu > 1500) FAIL("path " << path << " MRU " << mru << " MTU " << mtu);
        if (mru >= 72 && mtu > mru - (encrypted ? 4 : 0)) FAIL("MRU " << mru << " MTU " << mtu);
      }
    }
  }
  // Jumbo frames outside do not make the inner packets longer than an Ethernet's.
  CHECK(inner_mtu(9000, 1500, true) == 1496);
}

TEST_CASE("sizes/what is put before a packet is what is reckoned with (3.13)") {
  PacketPool pool(1);
  Packet packet = pool.acquire();
  REQUIRE(packet.assign(Bytes()));
  MppeSealer sealer(MppeKey(), {});
  const Framing uncompressed;
  REQUIRE(push_inner_header(packet, protocol::kIp, uncompressed));
  sealer.seal(std::span(&packet, 1));
  CHECK(packet.size() == kMppeOverhead);
  REQUIRE(push_header(packet, protocol::kMppe, uncompressed));
  CHECK(packet.size() == kMppeOverhead + kPppOverhead);
  REQUIRE(push_gre_header(packet, PeerCallId(1), SeqNo(1), AckNo(1)));
  CHECK(packet.size() == kMppeOverhead + kPppOverhead + kGreOverhead);
}

}  // namespace
}  // namespace pptp
