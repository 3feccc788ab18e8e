#include "tunnel/io/ipv4_prefix.h"

#include <string>

#include <doctest/doctest.h>

namespace pptp::io {
namespace {

std::string networks(Ipv4Address first, Ipv4Address last) {
  std::string text;
  for (const Ipv4Prefix& prefix : prefixes_of(first, last))
    text += (text.empty() ? "" : " ") + prefix.text();
  return text;
}

constexpr Ipv4Address kLowest(0, 0, 0, 0);
constexpr Ipv4Address kHighest(255, 255, 255, 255);

TEST_CASE("io/ipv4_prefix a range that is one network becomes that network") {
  CHECK(networks(kLowest, kHighest) == "0.0.0.0/0");
  CHECK(networks(Ipv4Address(10, 0, 0, 0), Ipv4Address(10, 255, 255, 255)) == "10.0.0.0/8");
  CHECK(networks(Ipv4Address(192, 168, 1, 7), Ipv4Address(192, 168, 1, 7)) == "192.168.1.7/32");
  CHECK(networks(kLowest, kLowest) == "0.0.0.0/32");
  CHECK(networks(kHighest, kHighest) == "255.255.255.255/32");
}

TEST_CASE("io/ipv4_prefix a range without alignment becomes the fewest networks") {
  CHECK(networks(Ipv4Address(192, 168, 1, 10), Ipv4Address(192, 168, 1, 20)) ==
        "192.168.1.10/31 192.168.1.12/30 192.168.1.16/30 192.168.1.20/32");
  CHECK(networks(Ipv4Address(10, 0, 0, 255), Ipv4Address(10, 0, 1, 0)) ==
        "10.0.0.255/32 10.0.1.0/32");
  // All but the two ends: as many as there can be.
  CHECK(prefixes_of(Ipv4Address(0, 0, 0, 1), Ipv4Address(255, 255, 255, 254)).size() == 62);
}

TEST_CASE("io/ipv4_prefix a range that ends before it begins is empty") {
  CHECK(networks(Ipv4Address(10, 0, 0, 2), Ipv4Address(10, 0, 0, 1)).empty());
  CHECK(networks(kHighest, kLowest).empty());
}

TEST_CASE("io/ipv4_prefix the networks of a range join up, and hold what is in it and no more") {
  const Ipv4Address middle(172, 16, 3, 200);
  for (std::uint32_t below = 0; below < 40; ++below) {
    for (std::uint32_t above = 0; above < 400; above += 13) {
      std::uint64_t next = middle.value() - below;
      const std::uint64_t end = std::uint64_t{middle.value()} + above;
      for (const Ipv4Prefix& prefix :
           prefixes_of(Ipv4Address(middle.value() - below), Ipv4Address(middle.value() + above))) {
        REQUIRE(prefix.address().value() == next);
        next += std::uint64_t{1} << (32U - prefix.length());
      }
      REQUIRE(next == end + 1);
    }
  }
}

}  // namespace
}  // namespace pptp::io
