#include "lib/coded_packet.h"

#include <array>

#include <doctest/doctest.h>

namespace pptp {
namespace {

constexpr std::array<std::uint8_t, 7> kPacket = {9, 0x42, 0, 7, 'a', 'b', 'c'};

TEST_CASE("rfc1661/5 code, identifier and length are read, and padding is left out") {
  std::array<std::uint8_t, kPacket.size() + 2> padded{};
  for (std::size_t i = 0; i < kPacket.size(); ++i)
    padded[i] = kPacket[i];
  const auto packet = parse_coded(padded);
  REQUIRE(packet);
  CHECK(packet->code == 9);
  CHECK(packet->identifier == Identifier(0x42));
  CHECK(as_text(packet->data) == "abc");
  CHECK(packet->whole.data() == padded.data());
  CHECK(packet->whole.size() == kPacket.size());
}

TEST_CASE("rfc1661/5 a coded packet cut anywhere is truncated") {
  for (std::size_t size = 0; size < kPacket.size(); ++size) {
    const auto packet = parse_coded(Bytes(kPacket).first(size));
    REQUIRE_FALSE(packet);
    CHECK(packet.error() == Error::truncated);
  }
}

TEST_CASE("rfc1661/5 a length shorter than its own header is a bad one") {
  auto octets = kPacket;
  for (std::uint8_t length = 0; length < 4; ++length) {
    octets[3] = length;
    const auto packet = parse_coded(octets);
    REQUIRE_FALSE(packet);
    CHECK(packet.error() == Error::bad_length);
  }
  octets[3] = 4;
  const auto bare = parse_coded(octets);
  REQUIRE(bare);
  CHECK(bare->data.empty());
}

TEST_CASE("rfc1661/5 a coded packet is written as it is read") {
  std::array<std::uint8_t, 16> buffer{};
  Writer out(buffer);
  begin_coded(out, 9, Identifier(0x42));
  out.bytes(as_bytes("abc"));
  end_coded(out);
  CHECK(hex(out.written()) == hex(kPacket));
}

}  // namespace
}  // namespace pptp
