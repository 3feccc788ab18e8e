#include "mppe/plausible.h"

#include <vector>

#include <doctest/doctest.h>

#include "lib/rc4.h"
#include "tests/mppe/fixtures.h"

namespace pptp {
namespace {

using test::ipv4_inner;
using test::Octets;

Octets ipv6_inner(std::size_t payload, std::size_t padding) {
  Octets octets(2 + 40 + payload + padding);
  Writer writer{MutableBytes(octets)};
  writer.u16(0x0057);
  writer.u32(0x60000000);
  writer.u16(narrow<std::uint16_t>(payload));
  return octets;
}

/// `inner` with the protocol field as one octet.
Octets one_octet_protocol(const Octets& inner) {
  return {inner.begin() + 1, inner.end()};
}

TEST_CASE("plausible/an ipv4 packet, its protocol field as two octets or one") {
  const Octets inner = ipv4_inner(7);
  CHECK(plausibility(inner) == Plausibility::strong);
  CHECK(plausibility(one_octet_protocol(inner)) == Plausibility::strong);
}

TEST_CASE("plausible/ipv4 padding behind the total length does no harm") {
  Octets inner = ipv4_inner(7);
  inner.resize(inner.size() + 9);
  CHECK(plausibility(inner) == Plausibility::strong);
}

TEST_CASE("plausible/every truncation of a packet is found out") {
  for (const Octets& inner : {ipv4_inner(7), ipv6_inner(20, 0)}) {
    for (std::size_t size = 0; size < inner.size(); ++size)
      CHECK(plausibility(Bytes(inner).first(size)) == Plausibility::none);
  }
}

TEST_CASE("plausible/every flipped bit of the protocol and the ipv4 header is found out") {
  const Octets inner = ipv4_inner(7);
  for (std::size_t bit = 0; bit < 22 * 8; ++bit) {
    Octets damaged = inner;
    damaged[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    CAPTURE(bit);
    CHECK(plausibility(damaged) < Plausibility::strong);
  }
}

TEST_CASE("plausible/the longest ipv4 header is within the octets looked at") {
  Octets inner(2 + 60);
  Writer writer{MutableBytes(inner)};
  writer.u16(0x0021);
  writer.u16(0x4f00);
  writer.u16(60);
  CHECK(plausibility(inner) == Plausibility::none);
  const std::uint16_t checksum = internet_checksum(Bytes(inner).subspan(2));
  inner[12] = static_cast<std::uint8_t>(checksum >> 8);
  inner[13] = static_cast<std::uint8_t>(checksum & 0xff);
  CHECK(plausibility(inner) == Plausibility::strong);
  CHECK(inner.size() == kPlausibilityHead);
}

TEST_CASE("plausible/ipv6 by its version and length") {
  CHECK(plausibility(ipv6_inner(0, 0)) == Plausibility::strong);
  CHECK(plausibility(one_octet_protocol(ipv6_inner(20, 0))) == Plausibility::strong);
  CHECK(plausibility(ipv6_inner(20, 3)) == Plausibility::weak);
  Octets wrong_version = ipv6_inner(20, 0);
  wrong_version[2] = 0x40;
  CHECK(plausibility(wrong_version) == Plausibility::none);
}

TEST_CASE("rfc1144/3.2.2 compressed tcp is weakly plausible") {
  CHECK(plausibility(test::vj_inner(1)) == Plausibility::weak);
  CHECK(plausibility(test::octets("2d0b1234")) == Plausibility::weak);
  CHECK(plausibility(test::octets("2d8b1234")) == Plausibility::none);
  CHECK(plausibility(test::octets("2d0b12")) == Plausibility::none);
  CHECK(plausibility(test::octets("2d")) == Plausibility::none);
}

TEST_CASE("rfc1144/3.2.2 uncompressed tcp has the checksum of the packet it was") {
  Octets inner = ipv4_inner(7);
  inner[1] = 0x2f;
  CHECK(plausibility(inner) == Plausibility::weak);  // the checksum of a UDP packet
  inner[2 + 9] = 6;
  inner[2 + 10] = inner[2 + 11] = 0;
  const std::uint16_t checksum = internet_checksum(Bytes(inner).subspan(2, 20));
  inner[2 + 10] = static_cast<std::uint8_t>(checksum >> 8);
  inner[2 + 11] = static_cast<std::uint8_t>(checksum & 0xff);
  inner[2 + 9] = 3;  // connection number
  CHECK(plausibility(inner) == Plausibility::strong);
  CHECK(plausibility(Bytes(inner).first(30)) == Plausibility::none);
}

TEST_CASE("plausible/other protocols are not, however short or long their number") {
  for (const std::string_view inner :
       {"", "00", "0021", "21", "c021010100040000", "80fd010100040000", "00fd90000000",
        "ff03002145", "002b4500", "0121"}) {
    CAPTURE(inner);
    const Octets octets = inner.empty() ? Octets{} : test::octets(inner);
    CHECK(plausibility(octets) == Plausibility::none);
  }
}

TEST_CASE("plausible/a wrong key hardly ever looks right") {
  // 100000 packets of noise: what the doc comments promise, with room for chance.
  unsigned weak = 0;
  unsigned strong = 0;
  Rc4 noise{as_bytes("noise")};
  for (int i = 0; i < 100'000; ++i) {
    Octets packet(128);
    noise.apply(MutableBytes(packet));
    const Plausibility found = plausibility(packet);
    weak += found == Plausibility::weak ? 1 : 0;
    strong += found == Plausibility::strong ? 1 : 0;
  }
  CHECK(weak > 0);
  CHECK(weak < 1000);
  CHECK(strong == 0);
}

}  // namespace
}  // namespace pptp
