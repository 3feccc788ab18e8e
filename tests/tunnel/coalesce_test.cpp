#include "tunnel/coalesce.h"

#include <functional>

#include <doctest/doctest.h>

#include "tests/tunnel/segments.h"

namespace pptp {
namespace {

using namespace test;

/// The segment that follows upon this one.
SegmentFields behind(SegmentFields fields) {
  fields.sequence += static_cast<std::uint32_t>(fields.payload);
  fields.first = static_cast<std::uint8_t>(fields.first + fields.payload);
  ++fields.id;
  return fields;
}

SuperPacket alone(const Octets& packet) {
  return {.header = {}, .packet = packet};
}

/// How many of two packets are left, where the second has been changed.
std::size_t left_of_two(const SegmentFields& first,
                        const std::function<void(SegmentFields&)>& change) {
  SegmentFields second = behind(first);
  change(second);
  const std::vector<Octets> packets = {tcp_packet(first), tcp_packet(second)};
  const std::vector<SuperPacket> out = coalesce(packets);
  if (out.size() == 2) {
    CHECK(out[0] == alone(packets[0]));
    CHECK(out[1] == alone(packets[1]));
  }
  return out.size();
}

TEST_CASE(
    "coalesce/segments that follow upon each other become one packet, the last may be short") {
  for (const bool ipv6 : {false, true}) {
    CAPTURE(ipv6);
    const SegmentFields first{.ipv6 = ipv6, .id = 0xffff, .sequence = 0xffff'fc18};
    const SegmentFields second = behind(first);
    SegmentFields third = behind(second);
    third.payload = 1;
    SegmentFields whole = first;
    whole.payload = 2001;
    const auto out = coalesce({tcp_packet(first), tcp_packet(second), tcp_packet(third)});
    REQUIRE(out.size() == 1);
    CHECK(out[0] == super_packet(tcp_packet(whole), 1000));
  }
}

TEST_CASE("coalesce/one alone is as it was") {
  const Octets packet = tcp_packet({});
  CHECK(coalesce({packet}) == std::vector{alone(packet)});
  CHECK(coalesce({}).empty());
}

TEST_CASE("coalesce/a wrong checksum, of the segment or of the header, is left for the kernel") {
  for (const bool ipv6 : {false, true}) {
    const std::size_t header = ipv6 ? 40 : 20;
    for (const std::size_t spoiled : {header + 18, header + 16, header + 32, header + 1031}) {
      CAPTURE(spoiled);
      const SegmentFields first{.ipv6 = ipv6};
      std::vector<Octets> packets = {tcp_packet(first), tcp_packet(behind(first)),
                                     tcp_packet(behind(behind(first)))};
      packets[1][spoiled] ^= 0x04;
      const auto out = coalesce(packets);
      REQUIRE(out.size() == 3);
      for (std::size_t i = 0; i < 3; ++i)
        CHECK(out[i] == alone(packets[i]));
    }
  }
  std::vector<Octets> packets = {tcp_packet({}), tcp_packet(behind({}))};
  packets[1][10] ^= 0x04;
  CHECK(coalesce(packets).size() == 2);
}

TEST_CASE("coalesce/only what differs in nothing else") {
  for (const bool ipv6 : {false, true}) {
    CAPTURE(ipv6);
    const SegmentFields first{.ipv6 = ipv6};
    CHECK(left_of_two(first, [](SegmentFields&) {}) == 1);
    CHECK(left_of_two(first, [](SegmentFields& it) { it.tos = 1; }) == 2);
    CHECK(left_of_two(first, [](SegmentFields& it) { it.ttl = 63; }) == 2);
    CHECK(left_of_two(first, [](SegmentFields& it) { ++it.source_port; }) == 2);
    CHECK(left_of_two(first, [](SegmentFields& it) { ++it.sequence; }) == 2);
    CHECK(left_of_two(first, [](SegmentFields& it) { --it.sequence; }) == 2);
    CHECK(left_of_two(first, [](SegmentFields& it) { ++it.acknowledgement; }) == 2);
    CHECK(left_of_two(first, [](SegmentFields& it) { ++it.window; }) == 2);
    CHECK(left_of_two(first, [](SegmentFields& it) { ++it.options[7]; }) == 2);
    CHECK(left_of_two(first, [](SegmentFields& it) { it.options = {}; }) == 2);
    CHECK(left_of_two(first, [](SegmentFields& it) { ++it.payload; }) == 2);
    CHECK(left_of_two(first, [](SegmentFields& it) { it.payload = 0; }) == 2);
  }
  CHECK(left_of_two({.ipv6 = true}, [](SegmentFields& it) { it.flow_label = 7; }) == 2);
  CHECK(left_of_two({}, [](SegmentFields& it) { it.dont_fragment = false; }) == 2);
  CHECK(left_of_two({}, [](SegmentFields& it) { it.ipv6 = true; }) == 2);
}

TEST_CASE(
    "coalesce/identifications count up where a packet may be fragmented, else do not matter") {
  const auto same = [](SegmentFields& it) { --it.id; };
  CHECK(left_of_two({.dont_fragment = true}, same) == 1);
  CHECK(left_of_two({.dont_fragment = false}, same) == 2);
  CHECK(left_of_two({.dont_fragment = false}, [](SegmentFields&) {}) == 1);
  CHECK(left_of_two({.id = 0xffff, .dont_fragment = false}, [](SegmentFields&) {}) == 1);
}

TEST_CASE("coalesce/PSH and FIN end a run, and are in the whole") {
  for (const std::uint8_t flags : Octets{0x18, 0x11, 0x19}) {
    CAPTURE(flags);
    const SegmentFields first;
    SegmentFields second = behind(first);
    second.flags = flags;
    SegmentFields whole{.flags = flags, .payload = 2000};
    const auto out = coalesce({tcp_packet(first), tcp_packet(second), tcp_packet(behind(second))});
    REQUIRE(out.size() == 2);
    CHECK(out[0] == super_packet(tcp_packet(whole), 1000));
    CHECK(out[1] == alone(tcp_packet(behind(second))));
  }
}

TEST_CASE("coalesce/a shorter segment ends a run") {
  const SegmentFields first;
  SegmentFields second = behind(first);
  second.payload = 999;
  CHECK(coalesce({tcp_packet(first), tcp_packet(second), tcp_packet(behind(second))}).size() == 2);
}

TEST_CASE("coalesce/no segment with any other flag, nor without ACK") {
  for (const std::uint8_t flags : Octets{0x00, 0x12, 0x14, 0x30, 0x50, 0x90}) {
    CAPTURE(flags);
    CHECK(left_of_two({.flags = flags}, [](SegmentFields&) {}) == 2);
    CHECK(left_of_two({}, [&](SegmentFields& it) { it.flags = flags; }) == 2);
  }
  std::vector<Octets> packets = {tcp_packet({}), tcp_packet(behind({}))};
  for (Octets& packet : packets) {
    packet[20 + 12] |= 1;  // AE, formerly NS
    complete(packet);
  }
  CHECK(coalesce(packets).size() == 2);
}

TEST_CASE("coalesce/no IPv4 options, no IPv6 extensions, no fragments") {
  CHECK(left_of_two({.ip_options = {1, 1, 1, 1}}, [](SegmentFields&) {}) == 2);
  CHECK(left_of_two({.ipv6 = true, .ip_options = {6, 0, 1, 4, 0, 0, 0, 0}},
                    [](SegmentFields&) {}) == 2);
  for (const std::uint8_t fragment : Octets{0x20, 0x01}) {
    std::vector<Octets> packets = {tcp_packet({}), tcp_packet(behind({}))};
    for (Octets& packet : packets) {
      packet[6] |= fragment;
      complete(packet);
    }
    CHECK(coalesce(packets).size() == 2);
  }
}

TEST_CASE("coalesce/what is not TCP, or not whole, is left alone") {
  Octets udp = tcp_packet({});
  udp[9] = 17;
  Octets cut = tcp_packet({});
  cut.pop_back();
  Octets padded = tcp_packet({});
  padded.push_back(0);
  for (const Octets& packet :
       {udp, cut, padded, Octets{0x45}, Octets{0x60}, Octets{}, Octets(40)}) {
    CHECK(coalesce({packet, packet}) == std::vector{alone(packet), alone(packet)});
  }
}

TEST_CASE("coalesce/flows do not get into each other's way, and each stays in order") {
  SegmentFields one;
  SegmentFields other{.source_port = 2000};
  SegmentFields third{.ipv6 = true};
  std::vector<Octets> packets;
  for (int i = 0; i < 10; ++i) {
    for (SegmentFields* const flow : {&one, &other, &third}) {
      packets.push_back(tcp_packet(*flow));
      *flow = behind(*flow);
    }
  }
  const auto out = coalesce(packets);
  REQUIRE(out.size() == 3);
  CHECK(out[0] == super_packet(tcp_packet({.payload = 10'000}), 1000));
  CHECK(out[1] == super_packet(tcp_packet({.source_port = 2000, .payload = 10'000}), 1000));
  CHECK(out[2] == super_packet(tcp_packet({.ipv6 = true, .payload = 10'000}), 1000));
}

TEST_CASE("coalesce/an acknowledgement between two segments of its flow stays there") {
  const SegmentFields first;
  const SegmentFields second = behind(first);
  SegmentFields ack = second;
  ack.payload = 0;
  const std::vector<Octets> packets = {tcp_packet(first), tcp_packet(ack), tcp_packet(second)};
  CHECK(coalesce(packets) == std::vector{alone(packets[0]), alone(packets[1]), alone(packets[2])});
}

TEST_CASE("coalesce/more flows than are kept in mind are joined less, and still in order") {
  std::vector<SegmentFields> flows(20);
  for (std::size_t i = 0; i < flows.size(); ++i)
    flows[i].source_port = static_cast<std::uint16_t>(i);
  std::vector<Octets> packets;
  for (int round = 0; round < 3; ++round) {
    for (SegmentFields& flow : flows) {
      packets.push_back(tcp_packet(flow));
      flow = behind(flow);
    }
  }
  std::vector<SuperPacket> wanted;
  for (const Octets& packet : packets)
    wanted.push_back(alone(packet));
  CHECK(coalesce(packets) == wanted);
}

TEST_CASE("coalesce/no packet becomes longer than IP can say") {
  SegmentFields fields;
  fields.payload = 1460 - 12;
  std::vector<Octets> packets;
  for (std::size_t i = 0; i < Coalescer::kBatch; ++i) {
    packets.push_back(tcp_packet(fields));
    fields = behind(fields);
  }
  const auto out = coalesce(packets);
  REQUIRE(out.size() == 2);
  CHECK(out[0].packet.size() == 52 + 45 * 1448);
  CHECK(out[1].packet.size() == 52 + 19 * 1448);
}

}  // namespace
}  // namespace pptp
