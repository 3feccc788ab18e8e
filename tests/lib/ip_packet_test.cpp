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

}  // namespace
}  // namespace pptp
