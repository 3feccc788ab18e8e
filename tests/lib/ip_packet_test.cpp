#include "lib/ip_packet.h"

#include <array>

#include <doctest/doctest.h>

namespace pptp {
namespace {

TEST_CASE("rfc791/3.1 an ipv4 packet's length and addresses") {
  std::array<std::uint8_t, 24> octets{};
  octets[0] = 0x45;
  octets[3] = 22;
  octets[12] = 10;
  octets[19] = 9;
  REQUIRE(ipv4_length(octets) == 22);
  CHECK_FALSE(is_whole_ipv4(octets));
  CHECK(is_whole_ipv4(Bytes(octets).first(22)));
  CHECK_FALSE(ipv4_length(Bytes(octets).first(21)));
  CHECK(ipv4_source(octets) == Ipv4Address(10, 0, 0, 0));
  CHECK(ipv4_destination(octets) == Ipv4Address(0, 0, 0, 9));
  octets[3] = 19;  // within the header
  CHECK_FALSE(ipv4_length(octets));
}

TEST_CASE("rfc8200/3 an ipv6 packet's length and destination") {
  std::array<std::uint8_t, 48> octets{};
  octets[0] = 0x60;
  octets[5] = 7;
  octets[24] = 0xff;
  octets[39] = 0x01;
  REQUIRE(ipv6_length(octets) == 47);
  CHECK(hex(ipv6_destination(octets)) == "ff000000000000000000000000000001");
  CHECK_FALSE(ipv6_length(Bytes(octets).first(46)));
  octets[0] = 0x40;
  CHECK_FALSE(ipv6_length(octets));
}

/// RFC 1071 4.1, word by word.
std::uint16_t plain_checksum(Bytes octets, std::uint32_t before) {
  std::uint64_t sum = before;
  for (std::size_t i = 0; i < octets.size(); ++i)
    sum += i % 2 == 0 ? std::uint64_t{octets[i]} << 8 : octets[i];
  while (sum > 0xffff)
    sum = sum % 0x10000 + sum / 0x10000;
  return static_cast<std::uint16_t>(~sum);
}

TEST_CASE("rfc1071/3 the numerical example") {
  const std::array<std::uint8_t, 8> octets{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  CHECK(internet_checksum(octets) == 0x220d);  // the complement of ddf2
}

TEST_CASE("rfc1071/the wide checksum is the plain one, at each length and place") {
  std::array<std::uint8_t, 1600> octets{};
  std::uint32_t state = 1;
  for (std::uint8_t& octet : octets) {
    state = state * 1'664'525 + 1'013'904'223;
    octet = static_cast<std::uint8_t>(state >> 24);
  }
  for (std::size_t size = 0; size <= 200; ++size) {
    for (std::size_t begin = 0; begin < 8; ++begin) {
      const Bytes some = Bytes(octets).subspan(begin, size);
      for (const std::uint32_t before : {0U, 1U, 0xffffU, 0x1'fffeU, 0xffff'ffffU}) {
        CHECK(internet_checksum(some, before) == plain_checksum(some, before));
      }
    }
  }
  CHECK(internet_checksum(octets) == plain_checksum(octets, 0));
}

TEST_CASE("rfc1071/the wide checksum tells its two zeros apart as the plain one does") {
  std::array<std::uint8_t, 1501> octets{};
  CHECK(internet_checksum(octets) == 0xffff);
  octets.fill(0xff);
  for (const std::size_t size : {2U, 31U, 32U, 33U, 64U, 1500U, 1501U}) {
    CAPTURE(size);
    const Bytes some = Bytes(octets).first(size);
    CHECK(internet_checksum(some) == plain_checksum(some, 0));
  }
}

}  // namespace
}  // namespace pptp
