// The two halves of a TUN interface with offloads against each other, and against the same written
// one packet at a time and without regard for speed.
#include <map>

#include <doctest/doctest.h>

#include "tests/sim/seeded_entropy.h"
#include "tests/tunnel/segments.h"

namespace pptp {
namespace {

using namespace test;

std::vector<Octets> reference_split(const SuperPacket& super) {
  const std::size_t headers = header_size(super.packet);
  const std::size_t tcp = ip_header_size(super.packet);
  std::vector<Octets> out;
  for (std::size_t at = headers; at < super.packet.size(); at += super.header.segment_size) {
    const std::size_t end = std::min(at + super.header.segment_size, super.packet.size());
    Octets packet(super.packet.begin(),
                  super.packet.begin() + static_cast<std::ptrdiff_t>(headers));
    packet.insert(packet.end(), super.packet.begin() + static_cast<std::ptrdiff_t>(at),
                  super.packet.begin() + static_cast<std::ptrdiff_t>(end));
    if (packet[0] >> 4 == 4)
      put_u16(packet, 4, static_cast<std::uint16_t>(u16_at(packet, 4) + out.size()));
    put_u32(packet, tcp + 4, u32_at(packet, tcp + 4) + static_cast<std::uint32_t>(at - headers));
    if (at != headers) packet[tcp + 13] &= 0x7f;
    if (end != super.packet.size()) packet[tcp + 13] &= 0xf6;
    complete(packet);
    out.push_back(packet);
  }
  return out;
}

/// Whether two neighbours of one flow belong together, and the first of them does not end a run.
bool follows(const Octets& first, std::size_t count, const Octets& before, const Octets& packet) {
  const std::size_t tcp = ip_header_size(first);
  const std::size_t headers = header_size(first);
  if (headers != header_size(packet) || packet.size() > first.size()) return false;
  if (before.size() < first.size() || (before[tcp + 13] & 9) != 0) return false;
  Octets wanted(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(headers));
  put_u32(wanted, tcp + 4,
          u32_at(first, tcp + 4) + static_cast<std::uint32_t>(count * (first.size() - headers)));
  if (first[0] >> 4 == 4) {
    const bool fragmentable = (first[6] & 0x40) == 0;
    put_u16(
        wanted, 4,
        fragmentable ? static_cast<std::uint16_t>(u16_at(first, 4) + count) : u16_at(packet, 4));
  }
  wanted[tcp + 13] = static_cast<std::uint8_t>((first[tcp + 13] & 0xf6) | (packet[tcp + 13] & 9));
  wanted.insert(wanted.end(), packet.begin() + static_cast<std::ptrdiff_t>(headers), packet.end());
  complete(wanted);
  return wanted == packet;
}

bool may_be_joined(const Octets& packet) {
  const std::size_t tcp = ip_header_size(packet);
  Octets right = packet;
  complete(right);
  return tcp == (packet[0] >> 4 == 6 ? 40U : 20U) && (packet[tcp + 13] & 0xf6) == 0x10 &&
         packet.size() > header_size(packet) && right == packet;
}

/// Each flow by itself, by source port.
std::map<std::uint16_t, std::vector<SuperPacket>> reference_coalesce(
    const std::vector<Octets>& packets) {
  std::map<std::uint16_t, std::vector<std::vector<Octets>>> flows;
  for (const Octets& packet : packets) {
    auto& runs = flows[u16_at(packet, ip_header_size(packet))];
    const bool joined = !runs.empty() && may_be_joined(packet) && may_be_joined(runs.back()[0]) &&
                        follows(runs.back()[0], runs.back().size(), runs.back().back(), packet);
    if (!joined) runs.emplace_back();
    runs.back().push_back(packet);
  }
  std::map<std::uint16_t, std::vector<SuperPacket>> out;
  for (const auto& [port, runs] : flows) {
    for (const std::vector<Octets>& run : runs) {
      if (run.size() == 1) {
        out[port].push_back({.header = {}, .packet = run[0]});
        continue;
      }
      const std::size_t headers = header_size(run[0]);
      Octets whole = run[0];
      whole[ip_header_size(whole) + 13] = run.back()[ip_header_size(whole) + 13];
      for (std::size_t i = 1; i < run.size(); ++i)
        whole.insert(whole.end(), run[i].begin() + static_cast<std::ptrdiff_t>(headers),
                     run[i].end());
      complete(whole);
      out[port].push_back(super_packet(whole, static_cast<std::uint16_t>(run[0].size() - headers)));
    }
  }
  return out;
}

SegmentFields random_fields(sim::SeededEntropy& random) {
  SegmentFields fields;
  fields.ipv6 = random.chance(0.5);
  fields.tos = random.chance(0.3) ? 2 : 0;
  fields.id = random.u16();
  fields.dont_fragment = random.chance(0.5);
  fields.source_port = static_cast<std::uint16_t>(random.below(3));
  fields.sequence = random.u32();
  if (random.chance(0.3)) fields.options.clear();
  fields.first = static_cast<std::uint8_t>(random.below(256));
  return fields;
}

TEST_CASE("offload/segments as the simple way makes them, which joined again are the same octets") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    sim::SeededEntropy random(seed);
    SegmentFields fields = random_fields(random);
    const auto segment = static_cast<std::uint16_t>(1 + random.below(1400));
    // At most a batch, so that one call can join it again.
    fields.payload = std::size_t{segment} + 1 + random.below(std::size_t{segment} * 40);
    if (random.chance(0.3)) fields.flags = random.chance(0.5) ? 0x18 : 0x11;
    const SuperPacket super = super_packet(tcp_packet(fields), segment);
    const std::vector<Octets> packets = split(super.octets());
    REQUIRE(packets == reference_split(super));
    REQUIRE(coalesce(packets) == std::vector{super});
  }
}

TEST_CASE("offload/flags of all kinds are cut as the simple way does") {
  for (unsigned flags = 0; flags < 256; ++flags) {
    CAPTURE(flags);
    const SuperPacket super = super_packet(
        tcp_packet({.flags = static_cast<std::uint8_t>(flags), .payload = 2500}), 1000);
    CHECK(split(super.octets()) == reference_split(super));
  }
}

/// A batch as a tunnel might bring it: flows of which now and then a segment is lost, short,
/// spoiled or otherwise not as the one before it.
std::vector<Octets> random_batch(sim::SeededEntropy& random) {
  std::array<SegmentFields, 4> flows;
  for (std::size_t i = 0; i < flows.size(); ++i) {
    flows[i] = random_fields(random);
    flows[i].source_port = static_cast<std::uint16_t>(i);
    flows[i].payload = 1 + random.below(1400);
  }
  std::vector<Octets> packets;
  while (packets.size() < Coalescer::kBatch) {
    SegmentFields& flow = flows[random.below(flows.size())];
    SegmentFields fields = flow;
    if (random.chance(0.1)) fields.payload = random.below(fields.payload + 1);
    if (random.chance(0.05)) fields.flags = static_cast<std::uint8_t>(random.below(256));
    if (random.chance(0.05)) ++fields.acknowledgement;
    if (random.chance(0.05)) ++fields.id;
    if (random.chance(0.05)) fields.ttl = 1;
    packets.push_back(tcp_packet(fields));
    if (random.chance(0.05)) packets.back().back() ^= 1;
    flow.sequence += static_cast<std::uint32_t>(fields.payload);
    ++flow.id;
    if (random.chance(0.05)) flow.sequence += 1;
  }
  return packets;
}

TEST_CASE("offload/batches are joined as the simple way does, flow by flow") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    sim::SeededEntropy random(seed);
    const std::vector<Octets> packets = random_batch(random);
    std::map<std::uint16_t, std::vector<SuperPacket>> flows;
    for (const SuperPacket& super : coalesce(packets))
      flows[u16_at(super.packet, ip_header_size(super.packet))].push_back(super);
    REQUIRE(flows == reference_coalesce(packets));
  }
}

}  // namespace
}  // namespace pptp
