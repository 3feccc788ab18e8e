#include "ppp/frame.h"

#include <array>
#include <vector>

#include <doctest/doctest.h>

namespace pptp {
namespace {

constexpr std::array<Framing, 4> kFramings = {Framing{false, false}, Framing{false, true},
                                              Framing{true, false}, Framing{true, true}};

std::string header_octets(PppProtocol protocol, Framing framing) {
  PacketPool pool(1);
  Packet packet = pool.acquire();
  REQUIRE(push_header(packet, protocol, framing));
  return hex(packet.bytes());
}

TEST_CASE("rfc1661/6.5 and 6.6 every combination of long and compressed fields is received") {
  const std::array<std::vector<std::uint8_t>, 4> frames = {{
      {0xff, 0x03, 0x00, 0x21, 0x45, 0x00},
      {0xff, 0x03, 0x21, 0x45, 0x00},
      {0x00, 0x21, 0x45, 0x00},
      {0x21, 0x45, 0x00},
  }};
  for (const auto& octets : frames) {
    const auto frame = parse_frame(octets);
    REQUIRE(frame);
    CHECK(frame->protocol == protocol::kIp);
    CHECK(hex(frame->information) == "4500");
    CHECK(frame->header + 2 == octets.size());
  }
}

TEST_CASE("frame/0x2145 is compressed IP and the start of its header") {
  const std::array<std::uint8_t, 2> octets = {0x21, 0x45};
  const auto frame = parse_inner_frame(octets);
  REQUIRE(frame);
  CHECK(frame->protocol == protocol::kIp);
  CHECK(hex(frame->information) == "45");
}

TEST_CASE(
    "frame/every pair of first octets is a header, a short frame or a bad value, as RFC 1661 2 "
    "says") {
  for (unsigned word = 0; word <= 0xffff; ++word) {
    const auto high = static_cast<std::uint8_t>(word >> 8);
    const auto low = static_cast<std::uint8_t>(word & 0xff);
    const std::array<std::uint8_t, 4> octets = {high, low, 0xaa, 0xbb};
    const auto inner = parse_inner_frame(octets);
    const auto outer = parse_frame(octets);
    CAPTURE(word);
    if (word == 0xff03) {
      // 0xaabb is a protocol field as good as any.
      if (inner || !outer || outer->protocol.value() != 0xaabb || outer->header != 4)
        FAIL("FF 03 is address and control, and only outside");
      continue;
    }
    const bool compressed = high % 2 == 1;
    const bool valid = compressed ? high != 0xff : low % 2 == 1 && word != 0x00ff;
    if (inner.has_value() != valid || outer.has_value() != valid) FAIL("validity");
    if (!valid) {
      if (inner.error() != Error::bad_value) FAIL("error");
      continue;
    }
    if (inner->protocol.value() != (compressed ? high : word)) FAIL("protocol");
    if (inner->header != (compressed ? 1U : 2U)) FAIL("header");
    if (inner->information.size() + inner->header != octets.size()) FAIL("information");
    if (outer->protocol != inner->protocol || outer->header != inner->header) FAIL("outer");
  }
}

TEST_CASE("frame/one that ends before its protocol field does is truncated") {
  const std::array<std::uint8_t, 4> octets = {0xff, 0x03, 0xc0, 0x21};
  CHECK(parse_frame(Bytes()).error() == Error::truncated);
  CHECK(parse_frame(Bytes(octets).first(1)).error() == Error::bad_value);
  CHECK(parse_frame(Bytes(octets).first(2)).error() == Error::truncated);
  CHECK(parse_frame(Bytes(octets).first(3)).error() == Error::truncated);
  const auto whole = parse_frame(octets);
  REQUIRE(whole);
  CHECK(whole->protocol == protocol::kLcp);
  CHECK(whole->information.empty());
}

TEST_CASE("frame/0x00ff is no protocol however it is written") {
  const std::array<std::uint8_t, 3> octets = {0x00, 0xff, 0x01};
  CHECK(parse_frame(octets).error() == Error::bad_value);
  const std::array<std::uint8_t, 3> alone = {0xff, 0x00, 0x21};
  CHECK(parse_frame(alone).error() == Error::bad_value);
}

TEST_CASE("rfc1661/6.6 LCP goes out with address, control and both protocol octets, always") {
  for (const Framing framing : kFramings) {
    CHECK(header_octets(protocol::kLcp, framing) == "ff03c021");
  }
}

TEST_CASE("frame/a header is as short as the peer agreed to receive") {
  CHECK(header_octets(protocol::kIp, {false, false}) == "ff030021");
  CHECK(header_octets(protocol::kIp, {false, true}) == "ff0321");
  CHECK(header_octets(protocol::kIp, {true, false}) == "0021");
  CHECK(header_octets(protocol::kIp, {true, true}) == "21");
  CHECK(header_octets(protocol::kMppe, {true, true}) == "fd");
  CHECK(header_octets(protocol::kIpcp, {true, true}) == "8021");
}

TEST_CASE("frame/what is pushed is what is parsed, for every protocol number") {
  PacketPool pool(1);
  Packet packet = pool.acquire();
  const std::array<std::uint8_t, 3> payload = {1, 2, 3};
  for (unsigned value = 1; value <= 0xffff; value += 2) {
    if ((value & 0x100) != 0 || value == 0xff) continue;
    const PppProtocol protocol(static_cast<std::uint16_t>(value));
    for (const Framing framing : kFramings) {
      REQUIRE(packet.assign(payload));
      if (!push_header(packet, protocol, framing)) FAIL("push_header");
      const auto frame = parse_frame(packet.bytes());
      if (!frame || frame->protocol != protocol) FAIL(value);
      packet.pop_front(frame->header);
      if (hex(packet.bytes()) != "010203") FAIL(value);

      if (!push_inner_header(packet, protocol, framing)) FAIL("push_inner_header");
      const auto inner = parse_inner_frame(packet.bytes());
      if (!inner || inner->protocol != protocol || inner->information.size() != 3) FAIL(value);
    }
  }
}

TEST_CASE("frame/a packet without headroom is left as it was") {
  PacketPool pool(1);
  Packet packet = pool.acquire();
  REQUIRE_FALSE(packet.push_front(packet.headroom() - 1).empty());
  const std::size_t size = packet.size();
  CHECK_FALSE(push_header(packet, protocol::kIp, {}));
  CHECK_FALSE(push_inner_header(packet, protocol::kIp, {}));
  CHECK(packet.size() == size);
  CHECK(push_inner_header(packet, protocol::kIp, {true, true}));
  CHECK(packet.size() == size + 1);
}

TEST_CASE("protocol/known ones have pppd's names and others none") {
  CHECK(name(protocol::kLcp) == "LCP");
  CHECK(name(protocol::kIp) == "IP");
  CHECK(name(PppProtocol(0xc02b)).empty());
  CHECK(protocol::kMppe.is_network_layer());
  CHECK_FALSE(protocol::kCcp.is_network_layer());
}

}  // namespace
}  // namespace pptp
