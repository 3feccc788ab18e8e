#include "apps/demo/wire_count.h"

#include <cstdint>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "lib/bytes.h"

using namespace pptp;
using namespace pptp::app::demo;

namespace {

constexpr io::Ipv4Prefix kInner = io::Ipv4Prefix::holding(Ipv4Address(10, 99, 0, 0), 24);

struct Outer {
  Ipv4Address source{192, 0, 2, 1};
  Ipv4Address destination{192, 0, 2, 2};
  std::uint16_t fragment = 0;
  std::size_t options = 0;  ///< words
};

std::vector<std::uint8_t> octets(std::string_view digits) {
  const auto text = from_hex(digits);
  REQUIRE(text.has_value());
  const Bytes bytes = as_bytes(*text);
  return {bytes.begin(), bytes.end()};
}

std::vector<std::uint8_t> ipv4(std::uint8_t protocol, std::string_view payload, Outer outer = {}) {
  const std::vector<std::uint8_t> inside = octets(payload);
  std::vector<std::uint8_t> frame(14 + 20 + 4 * outer.options + inside.size());
  Writer writer(frame);
  writer.zeros(12);
  writer.u16(0x0800);
  writer.u8(static_cast<std::uint8_t>(0x45 + outer.options));
  writer.u8(0);
  writer.u16(static_cast<std::uint16_t>(frame.size() - 14));
  writer.u16(0);
  writer.u16(outer.fragment);
  writer.u8(64);
  writer.u8(protocol);
  writer.u16(0);
  writer.u32(outer.source.value());
  writer.u32(outer.destination.value());
  writer.zeros(4 * outer.options);
  writer.bytes(inside);
  REQUIRE(writer.ok());
  return frame;
}

constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;
constexpr std::uint8_t kGre = 47;

}  // namespace

TEST_CASE("apps/demo/wire_count a PPP frame is known by its protocol, however it is written") {
  struct Row {
    const char* gre;
    Sight sight;
  };

  for (const Row row : {
           Row{"3001 880b 0006 0001 00000001 ff03 00fd 9000", Sight::enciphered},
           Row{"3001 880b 0004 0001 00000001 00fd 9000", Sight::enciphered},
           Row{"3001 880b 0003 0001 00000001 fd 9000", Sight::enciphered},
           Row{"3081 880b 0003 0001 00000001 00000007 fd 9000", Sight::enciphered},
           Row{"3001 880b 0004 0001 00000001 00fd 8000", Sight::clear},
           Row{"3001 880b 0006 0001 00000001 ff03 0021 4500", Sight::clear},
           Row{"3001 880b 0004 0001 00000001 0021 4500", Sight::clear},
           Row{"3001 880b 0003 0001 00000001 21 4500", Sight::clear},
           Row{"3081 880b 0003 0001 00000001 00000007 57 6000", Sight::clear},
           Row{"3001 880b 0004 0001 00000001 ff03 2d 00", Sight::clear},
           Row{"3001 880b 0006 0001 00000001 ff03 c021 0101", Sight::negotiation},
           Row{"3001 880b 0004 0001 00000001 c223 0101", Sight::negotiation},
           Row{"3001 880b 0004 0001 00000001 80fd 0101", Sight::negotiation},
           Row{"3001 880b 0004 0001 00000001 8021 0101", Sight::negotiation},
           Row{"2081 880b 0000 0001 00000007", Sight::acknowledgement},
           Row{"3001 880b 0000 0001 00000007", Sight::acknowledgement},
           Row{"3001 880b 0002 0001 00000001 ff03", Sight::other},
           Row{"3000 880b 0004 0001 00000001 0021 4500", Sight::other},
           Row{"3001 0800 0004 0001 00000001 0021 4500", Sight::other},
       }) {
    CAPTURE(row.gre);
    CHECK(look_at(ipv4(kGre, row.gre), kInner) == row.sight);
    CHECK(look_at(ipv4(kGre, row.gre, {.options = 10}), kInner) == row.sight);
  }
}

TEST_CASE("apps/demo/wire_count what is not in GRE") {
  CHECK(look_at(ipv4(kTcp, "06bb 8000"), kInner) == Sight::control);
  CHECK(look_at(ipv4(kTcp, "8000 06bb"), kInner) == Sight::control);
  CHECK(look_at(ipv4(kTcp, "8000 0050"), kInner) == Sight::other);
  CHECK(look_at(ipv4(kUdp, "8000 06bb"), kInner) == Sight::other);
  CHECK(look_at(ipv4(kGre, "3001 880b 0006 0001 00000001 ff03 0021 4500", {.fragment = 100}),
                kInner) == Sight::other);
  CHECK(look_at(octets("000000000000 000000000000 0806 0001"), kInner) == Sight::other);
}

TEST_CASE("apps/demo/wire_count inner addresses outside of the tunnel are in clear") {
  const Ipv4Address inside(10, 99, 0, 200);
  CHECK(look_at(ipv4(kUdp, "0001 0002", {.source = inside}), kInner) == Sight::clear);
  CHECK(look_at(ipv4(kUdp, "0001 0002", {.destination = inside}), kInner) == Sight::clear);
}

TEST_CASE("apps/demo/wire_count the marker is found wherever it is, whatever the headers say") {
  std::vector<std::uint8_t> frame = ipv4(kGre, "3001 880b 0003 0001 00000001 fd 9000");
  CHECK(look_at(frame, kInner) == Sight::enciphered);
  const Bytes marker = as_bytes(kMarker);
  frame.insert(frame.end(), 5, std::uint8_t{0});
  frame.insert(frame.end(), marker.begin(), marker.end());
  CHECK(look_at(frame, kInner) == Sight::clear);
  frame.pop_back();
  CHECK(look_at(frame, kInner) == Sight::enciphered);
}

TEST_CASE("apps/demo/wire_count frames cut anywhere, or with any bit turned, are looked at") {
  const auto whole = ipv4(kGre, "3081 880b 0006 0001 00000001 00000007 ff03 00fd 9000");
  const std::size_t enough = whole.size() - 1;
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    CAPTURE(size);
    const Sight sight = look_at(Bytes(whole).first(size), kInner);
    CHECK(sight == (size < enough ? Sight::other : Sight::enciphered));
  }
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    auto turned = whole;
    turned[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    CHECK(look_at(turned, kInner) < Sight::count_);
  }
}

TEST_CASE("apps/demo/wire_count total is all that was looked at") {
  WireCount count;
  ++count[Sight::clear];
  ++count[Sight::other];
  ++count[Sight::other];
  count.missed = 7;
  CHECK(count.total() == 3);
}
