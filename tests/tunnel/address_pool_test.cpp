#include "tunnel/address_pool.h"

#include <doctest/doctest.h>

namespace pptp {
namespace {

constexpr Ipv4Address kFirst(10, 0, 0, 1);

TEST_CASE("address_pool/the lowest free address is given, never the server's own") {
  AddressPool pool({{kFirst, Ipv4Address(10, 0, 0, 4)}}, Ipv4Address(10, 0, 0, 2));
  CHECK(pool.acquire() == kFirst);
  CHECK(pool.acquire() == Ipv4Address(10, 0, 0, 3));
  CHECK(pool.acquire() == Ipv4Address(10, 0, 0, 4));
  CHECK_FALSE(pool.acquire());
  pool.give_back(Ipv4Address(10, 0, 0, 3));
  CHECK(pool.acquire() == Ipv4Address(10, 0, 0, 3));
  CHECK(pool.in_use() == 3);
}

TEST_CASE("address_pool/a particular address is given once, and ranges may overlap") {
  AddressPool pool({{kFirst, Ipv4Address(10, 0, 0, 2)}, {kFirst, Ipv4Address(10, 0, 0, 3)}},
                   Ipv4Address(10, 9, 9, 9));
  CHECK(pool.acquire(Ipv4Address(10, 0, 0, 2)));
  CHECK_FALSE(pool.acquire(Ipv4Address(10, 0, 0, 2)));
  CHECK_FALSE(pool.acquire(Ipv4Address(10, 9, 9, 9)));
  CHECK(pool.acquire() == kFirst);
  CHECK(pool.acquire() == Ipv4Address(10, 0, 0, 3));
  CHECK_FALSE(pool.acquire());
}

TEST_CASE("address_pool/a range up to the last address there is ends") {
  AddressPool pool({{Ipv4Address(255, 255, 255, 255), Ipv4Address(255, 255, 255, 255)}}, kFirst);
  CHECK(pool.acquire() == Ipv4Address(255, 255, 255, 255));
  CHECK_FALSE(pool.acquire());
}

}  // namespace
}  // namespace pptp
