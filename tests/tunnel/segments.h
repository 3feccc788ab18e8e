#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "lib/bytes.h"
#include "lib/ip_packet.h"
#include "lib/packet.h"
#include "tunnel/coalesce.h"
#include "tunnel/split.h"
#include "tunnel/vnet_header.h"

// TCP segments in IP packets, written out field by field (RFC 791 3.1, RFC 8200 3, RFC 9293 3.1).
namespace pptp::test {

using Octets = std::vector<std::uint8_t>;

struct SegmentFields {
  bool ipv6 = false;
  std::uint8_t tos = 0;  ///< or traffic class
  std::uint16_t id = 0x1234;
  bool dont_fragment = true;
  std::uint8_t ttl = 64;  ///< or hop limit
  std::uint32_t flow_label = 0;
  std::uint16_t source_port = 1000;
  std::uint32_t sequence = 0x0102'0304;
  std::uint32_t acknowledgement = 0x0a0b'0c0d;
  std::uint8_t flags = 0x10;  // ACK
  std::uint16_t window = 500;
  Octets options = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2};  ///< of TCP: time stamps
  Octets ip_options = {};                                  ///< or a whole extension header
  std::size_t payload = 1000;
  std::uint8_t first = 0;  ///< octet of the payload; each is one more than that before it
};

/// The sum over octets and what is before them, as RFC 1071 has it, and not complemented.
inline std::uint16_t plain_sum(Bytes octets, std::uint32_t before = 0) {
  std::uint64_t sum = before;
  for (std::size_t i = 0; i < octets.size(); ++i)
    sum += i % 2 == 0 ? std::uint64_t{octets[i]} << 8 : octets[i];
  while (sum > 0xffff)
    sum = sum % 0x10000 + sum / 0x10000;
  return static_cast<std::uint16_t>(sum);
}

inline std::size_t ip_header_size(Bytes packet) {
  const std::uint8_t first = Reader(packet).u8();
  if (first >> 4 == 4) return static_cast<std::size_t>(first & 15) * 4;
  return packet[6] == 6 ? 40 : 40 + (std::size_t{packet[41]} + 1) * 8;
}

inline std::size_t header_size(Bytes packet) {
  const std::size_t tcp = ip_header_size(packet);
  return tcp + static_cast<std::size_t>(packet[tcp + 12] >> 4) * 4;
}

/// What a segment's checksum covers before it.
inline std::uint16_t pseudo_sum(Bytes packet, std::size_t length) {
  const Bytes addresses = packet[0] >> 4 == 4 ? packet.subspan(12, 8) : packet.subspan(8, 32);
  return plain_sum(addresses, 6 + static_cast<std::uint32_t>(length));
}

/// Puts lengths and both checksums in.
inline void complete(Octets& packet) {
  const std::size_t tcp = ip_header_size(packet);
  if (packet[0] >> 4 == 4) {
    put_u16(packet, 2, static_cast<std::uint16_t>(packet.size()));
    put_u16(packet, 10, 0);
    put_u16(packet, 10, static_cast<std::uint16_t>(~plain_sum(Bytes(packet).first(tcp))));
  } else {
    put_u16(packet, 4, static_cast<std::uint16_t>(packet.size() - 40));
  }
  put_u16(packet, tcp + 16, 0);
  const Bytes segment = Bytes(packet).subspan(tcp);
  put_u16(packet, tcp + 16,
          static_cast<std::uint16_t>(~plain_sum(segment, pseudo_sum(packet, segment.size()))));
}

inline Octets tcp_packet(const SegmentFields& fields) {
  std::array<std::uint8_t, 256> room{};
  Writer out(room);
  const std::size_t ip_size = (fields.ipv6 ? 40 : 20) + fields.ip_options.size();
  if (fields.ipv6) {
    out.u32(std::uint32_t{6} << 28 | std::uint32_t{fields.tos} << 20 | fields.flow_label);
    out.u16(0);
    out.u8(fields.ip_options.empty() ? 6 : 60);  // destination options
    out.u8(fields.ttl);
    for (const std::uint8_t host : Octets{1, 2}) {
      out.u32(0x2001'0db8);
      out.zeros(11);
      out.u8(host);
    }
  } else {
    out.u8(static_cast<std::uint8_t>(0x40 | ip_size / 4));
    out.u8(fields.tos);
    out.u16(0);
    out.u16(fields.id);
    out.u16(fields.dont_fragment ? 0x4000 : 0);
    out.u8(fields.ttl);
    out.u8(6);
    out.u16(0);
    out.u32(0x0a00'0001);
    out.u32(0x0a00'0002);
  }
  out.bytes(fields.ip_options);
  out.u16(fields.source_port);
  out.u16(443);
  out.u32(fields.sequence);
  out.u32(fields.acknowledgement);
  out.u8(static_cast<std::uint8_t>((20 + fields.options.size()) / 4 << 4));
  out.u8(fields.flags);
  out.u16(fields.window);
  out.u32(0);
  out.bytes(fields.options);
  Octets packet(out.written().begin(), out.written().end());
  for (std::size_t i = 0; i < fields.payload; ++i)
    packet.push_back(static_cast<std::uint8_t>(fields.first + i));
  complete(packet);
  return packet;
}

/// A packet as the kernel gives one that is to be cut: the checksum is the pseudo-header's sum.
struct SuperPacket {
  VnetHeader header;
  Octets packet;

  Octets octets() const {
    Octets out(VnetHeader::kSize);
    Writer writer(out);
    header.write(writer);
    out.insert(out.end(), packet.begin(), packet.end());
    return out;
  }

  bool operator==(const SuperPacket&) const = default;
};

inline SuperPacket super_packet(Octets packet, std::uint16_t segment_size) {
  const std::size_t tcp = ip_header_size(packet);
  put_u16(packet, tcp + 16, pseudo_sum(packet, packet.size() - tcp));
  const bool ipv6 = packet[0] >> 4 == 6;
  return {
      .header = {.needs_checksum = true,
                 .segments = ipv6 ? VnetHeader::Segments::tcp_ipv6 : VnetHeader::Segments::tcp_ipv4,
                 .header_size = static_cast<std::uint16_t>(header_size(packet)),
                 .segment_size = segment_size,
                 .checksum_start = static_cast<std::uint16_t>(tcp),
                 .checksum_offset = 16},
      .packet = std::move(packet)};
}

inline Octets octets_of(const Packet& packet) {
  return {packet.bytes().begin(), packet.bytes().end()};
}

inline Packet packet_of(PacketPool& pool, Bytes octets) {
  Packet packet = pool.acquire();
  (void)packet.assign(octets);
  return packet;
}

/// What comes out, with slots enough.
inline std::vector<Octets> split(Bytes octets) {
  PacketPool pool(64);
  std::array<Packet, 64> packets;
  Splitter splitter;
  REQUIRE_FALSE(splitter.begin(octets));
  std::vector<Octets> out;
  while (!splitter.done()) {
    const std::size_t count = splitter.next(pool, packets);
    REQUIRE(count > 0);
    for (const Packet& packet : std::span(packets).first(count))
      out.push_back(octets_of(packet));
  }
  return out;
}

inline std::vector<SuperPacket> coalesce(const std::vector<Octets>& octets) {
  PacketPool pool(Coalescer::kBatch);
  std::vector<Packet> packets;
  for (const Octets& one : octets)
    packets.push_back(packet_of(pool, one));
  Coalescer coalescer;
  std::vector<SuperPacket> out;
  for (const TunWrite& write : coalescer.coalesce(packets)) {
    SuperPacket super{.header = write.header, .packet = {}};
    for (const Bytes piece : write.pieces)
      super.packet.insert(super.packet.end(), piece.begin(), piece.end());
    out.push_back(super);
  }
  return out;
}

}  // namespace pptp::test
