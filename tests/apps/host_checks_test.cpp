#include "apps/doctor/host_checks.h"

#include <doctest/doctest.h>

using namespace pptp;
using namespace pptp::app;

TEST_CASE("host checks: connections to a server's PPTP port, from the kernel's table") {
  const std::string table =
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
      "   0: 00000000:06BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0\n"
      "   1: 0201420A:B3F0 FE01420A:06BB 01 00000000:00000000 00:00000000 00000000     0\n"
      "   2: 0201420A:B3F2 FE01420A:06BB 06 00000000:00000000 00:00000000 00000000     0\n"
      "   3: 0201420A:B3F4 FE01420A:0050 01 00000000:00000000 00:00000000 00000000     0\n"
      "   4: nonsense\n";
  const Destination to{.server = {Ipv4Address(10, 66, 1, 254), 1723}};
  const auto found = connections_to(to, table);
  REQUIRE(found.size() == 1);
  CHECK(found.front() == "10.66.1.2:46064 -> 10.66.1.254:1723");
  CHECK(connections_to({.server = {Ipv4Address(10, 66, 1, 253), 1723}}, table).empty());
  CHECK(connections_to({.server = to.server, .our_port = 46064}, table).empty());
}

TEST_CASE("host checks: NAT is guessed from two addresses, which are told") {
  const Ipv4Address inside(10, 0, 0, 5);
  const Ipv4Address outside(203, 0, 113, 1);
  const diagnosis::SeenNat between = guess_nat(inside, outside);
  CHECK(between.likely);
  CHECK(between.text ==
        "a guess: our address 10.0.0.5 is a private one and the server's 203.0.113.1 is not, so "
        "that somebody on the way must translate it");
  CHECK_FALSE(guess_nat(inside, Ipv4Address(10, 0, 0, 1)).likely);
  CHECK_FALSE(guess_nat(outside, Ipv4Address(198, 51, 100, 1)).likely);
  CHECK(guess_nat(outside, inside).text.starts_with("none, as far as can be guessed: "));
}

TEST_CASE("host checks: private addresses") {
  for (const auto& address :
       {Ipv4Address(10, 0, 0, 1), Ipv4Address(172, 16, 0, 1), Ipv4Address(172, 31, 255, 1),
        Ipv4Address(192, 168, 1, 1), Ipv4Address(100, 64, 0, 1), Ipv4Address(100, 127, 0, 1),
        Ipv4Address(127, 0, 0, 1), Ipv4Address(169, 254, 0, 1)})
    CHECK(is_private(address));
  for (const auto& address : {Ipv4Address(9, 0, 0, 1), Ipv4Address(172, 32, 0, 1),
                              Ipv4Address(192, 169, 0, 1), Ipv4Address(100, 128, 0, 1)})
    CHECK_FALSE(is_private(address));
}
