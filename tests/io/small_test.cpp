#include <array>
#include <cerrno>
#include <cstdint>
#include <sys/resource.h>
#include <vector>

#include <doctest/doctest.h>

#include "tunnel/io/gre_socket.h"
#include "tunnel/io/io_error.h"
#include "tunnel/io/ipv4_prefix.h"
#include "tunnel/io/privileges.h"

using namespace pptp::io;
using pptp::Ipv4Address;

namespace {

/// An outer IPv4 header with `options` words of options, 6 octets of GRE, and `extra` behind it.
std::vector<std::uint8_t> outer_packet(std::uint8_t options, std::size_t extra) {
  std::vector<std::uint8_t> octets(20U + 4U * options);
  octets[0] = static_cast<std::uint8_t>(0x45 + options);
  octets[3] = static_cast<std::uint8_t>(octets.size() + 6);
  octets[9] = 47;
  octets[12] = 192;
  octets[15] = 1;
  octets[16] = 198;
  octets[19] = 2;
  octets.insert(octets.end(), {0x30, 0x01, 0x88, 0x0b, 0xaa, 0xbb});
  octets.insert(octets.end(), extra, 0xee);
  return octets;
}

}  // namespace

TEST_CASE("io/privileges as many files as the hard limit allows") {
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit low{64, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
  CHECK(raise_file_limit() == before.rlim_max);
  rlimit raised{};
  CHECK(::getrlimit(RLIMIT_NOFILE, &raised) == 0);
  CHECK(raised.rlim_cur == before.rlim_max);
  CHECK(::setrlimit(RLIMIT_NOFILE, &before) == 0);
}

TEST_CASE("io/gre_socket outer header is taken off by IHL, what follows the packet by its length") {
  pptp::PacketPool pool(1);
  for (const std::uint8_t options : std::array<std::uint8_t, 3>{0, 1, 10}) {
    pptp::Packet packet = pool.acquire();
    REQUIRE(packet.assign(outer_packet(options, 5)));
    const auto addresses = take_outer_header(packet);
    REQUIRE(addresses.has_value());
    CHECK(addresses->source == Ipv4Address(192, 0, 0, 1));
    CHECK(addresses->destination == Ipv4Address(198, 0, 0, 2));
    CHECK(packet.size() == 6);
    CHECK(packet.bytes()[0] == 0x30);
    CHECK(packet.bytes()[5] == 0xbb);
  }
}

TEST_CASE("io/gre_socket outer header that lies leaves the packet as it was") {
  pptp::PacketPool pool(1);
  const auto whole = outer_packet(1, 0);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    pptp::Packet packet = pool.acquire();
    REQUIRE(packet.assign(pptp::Bytes(whole).first(size)));
    CHECK_FALSE(take_outer_header(packet).has_value());
    CHECK(packet.size() == size);
  }
  const auto with = [&](std::size_t at, std::uint8_t value) {
    auto changed = whole;
    changed[at] = value;
    pptp::Packet packet = pool.acquire();
    REQUIRE(packet.assign(changed));
    return take_outer_header(packet).has_value();
  };
  CHECK(with(0, 0x46));
  CHECK_FALSE(with(0, 0x56));  // IP version 5
  CHECK_FALSE(with(0, 0x44));  // shorter than a header
  CHECK_FALSE(with(0, 0x4f));  // header longer than the packet
  CHECK_FALSE(with(2, 0x01));  // total length beyond what came
  CHECK_FALSE(with(3, 19));    // total length shorter than the header
  CHECK_FALSE(with(9, 17));    // UDP
}

TEST_CASE("io/gre_socket outer header with any bit flipped stays within the packet") {
  pptp::PacketPool pool(1);
  const auto whole = outer_packet(1, 3);
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    auto flipped = whole;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1U << bit % 8));
    pptp::Packet packet = pool.acquire();
    REQUIRE(packet.assign(flipped));
    if (take_outer_header(packet)) CHECK(packet.size() + 20 <= whole.size());
  }
}

TEST_CASE("io/ipv4_prefix is read as it is written") {
  for (const char* text : {"10.0.0.0/8", "0.0.0.0/0", "192.0.2.1/32", "192.0.2.128/25"}) {
    CAPTURE(text);
    const auto prefix = parse_ipv4_prefix(text);
    REQUIRE(prefix.has_value());
    CHECK(prefix->text() == text);
  }
  CHECK(parse_ipv4_prefix("192.0.2.1").value().length() == 32);
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x",
                           "10.0.0.0/ 8", "10.0.0/8", "10.0.0.1/8", "10.0.0.0/+8", "a/8"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_ipv4_prefix(text).has_value());
  }
}

TEST_CASE("io/ipv4_prefix holds its addresses and no others") {
  const Ipv4Prefix prefix = Ipv4Prefix::holding(Ipv4Address(10, 1, 2, 3), 23);
  CHECK(prefix.text() == "10.1.2.0/23");
  CHECK(prefix.contains(Ipv4Address(10, 1, 3, 255)));
  CHECK_FALSE(prefix.contains(Ipv4Address(10, 1, 4, 0)));
  CHECK(Ipv4Prefix().contains(Ipv4Address(255, 255, 255, 255)));
}

TEST_CASE("io/io_error tells what failed, and why") {
  CHECK(io_error(ECONNREFUSED, "cannot connect").text() == "cannot connect: Connection refused");
  CHECK(io_error(0, "no such name").text() == "no such name");
  CHECK(io_error(ENETUNREACH, "").fault == IoFault::net_unreachable);
  CHECK(io_error(EHOSTUNREACH, "").fault == IoFault::no_route);
  CHECK(io_error(EPERM, "").fault == IoFault::permission);
}
