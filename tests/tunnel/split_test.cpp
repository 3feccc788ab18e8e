#include "tunnel/split.h"

#include <doctest/doctest.h>

#include "tests/tunnel/segments.h"
#include "tunnel/tcp_segment.h"

namespace pptp {
namespace {

using namespace test;

std::optional<Drop> refusal(const SuperPacket& super) {
  Splitter splitter;
  const std::optional<Drop> drop = splitter.begin(super.octets());
  CHECK(splitter.done() == drop.has_value());
  return drop;
}

/// 2500 octets in three segments.
SuperPacket three(SegmentFields fields = {}) {
  fields.payload = 2500;
  return super_packet(tcp_packet(fields), 1000);
}

TEST_CASE("split/each segment has its own sequence, identification, length and checksums") {
  for (const bool ipv6 : {false, true}) {
    CAPTURE(ipv6);
    SegmentFields fields{.ipv6 = ipv6, .id = 0xffff, .sequence = 0xffff'fc18};
    const std::vector<Octets> packets = split(three(fields).octets());
    REQUIRE(packets.size() == 3);
    for (std::size_t i = 0; i < packets.size(); ++i) {
      CAPTURE(i);
      SegmentFields wanted = fields;
      wanted.id = static_cast<std::uint16_t>(0xffff + i);
      wanted.sequence = static_cast<std::uint32_t>(0xffff'fc18 + i * 1000);
      wanted.first = static_cast<std::uint8_t>(i * 1000);
      wanted.payload = i == 2 ? 500 : 1000;
      CHECK(packets[i] == tcp_packet(wanted));
    }
  }
}

TEST_CASE("split/FIN and PSH are the last segment's alone, CWR the first's") {
  const std::vector<Octets> packets = split(three({.flags = 0x99}).octets());
  REQUIRE(packets.size() == 3);
  CHECK(packets[0][33] == 0x90);
  CHECK(packets[1][33] == 0x10);
  CHECK(packets[2][33] == 0x19);
}

TEST_CASE("split/a segment of a run of one keeps all flags") {
  SegmentFields fields{.flags = 0x99, .payload = 700};
  const std::vector<Octets> packets = split(super_packet(tcp_packet(fields), 1000).octets());
  REQUIRE(packets.size() == 1);
  CHECK(packets[0] == tcp_packet(fields));
}

TEST_CASE("split/the headers' own lengths count, not the hint") {
  const SuperPacket right = three();
  SuperPacket wrong = right;
  for (const std::uint16_t size : std::vector<std::uint16_t>{0, 1, 33, 52, 53, 2000, 65'535}) {
    wrong.header.header_size = size;
    CHECK(split(wrong.octets()) == split(right.octets()));
  }
}

TEST_CASE("split/options of IPv4 and of TCP, and IPv6 extensions, are in each segment") {
  for (const bool ipv6 : {false, true}) {
    SegmentFields fields{.ipv6 = ipv6, .options = {}};
    fields.ip_options = ipv6 ? Octets{6, 0, 1, 4, 0, 0, 0, 0} : Octets{148, 4, 0, 0};
    for (const std::size_t options : {0U, 4U, 40U}) {
      fields.options.assign(options, 1);
      const std::vector<Octets> packets = split(three(fields).octets());
      REQUIRE(packets.size() == 3);
      SegmentFields last = fields;
      last.id = static_cast<std::uint16_t>(fields.id + 2);
      last.sequence += 2000;
      last.first = static_cast<std::uint8_t>(2000 & 0xff);
      last.payload = 500;
      CHECK(packets[2] == tcp_packet(last));
    }
  }
}

TEST_CASE("split/the kernel's sum is taken over, which knows of a routing header") {
  SuperPacket super = three({.ipv6 = true});
  // As if the segment were for another host in the end.
  put_u16(super.packet, 40 + 16, plain_sum(Octets{0x12, 0x34}, u16_at(super.packet, 40 + 16)));
  for (const Octets& packet : split(super.octets())) {
    const Bytes segment = Bytes(packet).subspan(40);
    CHECK(plain_sum(segment, pseudo_sum(packet, segment.size()) + 0x1234U) == 0xffff);
  }
}

TEST_CASE("split/segments that have been summed already are summed anew") {
  SuperPacket summed = three();
  summed.header.needs_checksum = false;
  put_u16(summed.packet, 20 + 16, 0xabcd);
  CHECK(split(summed.octets()) == split(three().octets()));
}

TEST_CASE("split/a whole packet is as it was") {
  SuperPacket whole{.header = {}, .packet = tcp_packet({})};
  REQUIRE(split(whole.octets()).size() == 1);
  CHECK(split(whole.octets())[0] == whole.packet);
  // Anything: what it is is TxPath's to judge.
  whole.packet = {0x00};
  CHECK(split(whole.octets())[0] == whole.packet);
}

TEST_CASE("split/a whole packet without a checksum gets one: TCP, SYN and all, and IPv6") {
  for (const bool ipv6 : {false, true}) {
    const Octets wanted = tcp_packet({.ipv6 = ipv6, .flags = 0x02, .payload = 0});
    SuperPacket super = super_packet(wanted, 0);
    super.header.segments = VnetHeader::Segments::none;
    CHECK(split(super.octets()).at(0) == wanted);
  }
}

TEST_CASE("split/a whole packet without a checksum gets one: UDP, where zero means none") {
  Octets udp(20 + 8 + 3);
  udp[0] = 0x45;
  put_u16(udp, 2, 31);
  udp[9] = 17;
  put_u16(udp, 20 + 4, 11);
  SuperPacket super{.header = {.needs_checksum = true, .checksum_start = 20, .checksum_offset = 6},
                    .packet = udp};
  CHECK(u16_at(split(super.octets()).at(0), 26) ==
        static_cast<std::uint16_t>(~plain_sum(Bytes(udp).subspan(20))));
  // Brings the sum to all ones, whose complement is zero.
  put_u16(super.packet, 26, static_cast<std::uint16_t>(~plain_sum(Bytes(udp).subspan(20))));
  CHECK(u16_at(split(super.octets()).at(0), 26) == 0xffff);
}

TEST_CASE("split/what does not fit is taken out later, and nothing is lost") {
  const Octets octets = three().octets();
  const std::vector<Octets> wanted = split(octets);
  PacketPool pool(2);
  std::array<Packet, 3> packets;
  Splitter splitter;
  REQUIRE_FALSE(splitter.begin(octets));
  CHECK(splitter.next(pool, packets) == 2);
  CHECK_FALSE(splitter.done());
  CHECK(octets_of(packets[0]) == wanted[0]);
  CHECK(octets_of(packets[1]) == wanted[1]);
  // The pool is empty, and these slots are needed.
  std::array<Packet, 1> no_slot;
  CHECK(splitter.next(pool, no_slot) == 0);
  CHECK_FALSE(splitter.done());
  CHECK(splitter.next(pool, packets) == 1);
  CHECK(splitter.done());
  CHECK(octets_of(packets[0]) == wanted[2]);
  CHECK(splitter.next(pool, packets) == 0);
}

TEST_CASE("split/the longest of all") {
  SegmentFields fields;
  fields.payload = 65'535 - 52;
  const std::vector<Octets> packets = split(super_packet(tcp_packet(fields), 1448).octets());
  CHECK(packets.size() == (65'535 - 52 + 1447) / 1448);
  CHECK(three().octets().size() < Splitter::kMaxRead);
}

TEST_CASE("split/segments beyond a slot are dropped") {
  SegmentFields fields;
  fields.payload = 4000;
  CHECK(refusal(super_packet(tcp_packet(fields), 1900)) == Drop::send_too_big);
  CHECK_FALSE(refusal(super_packet(tcp_packet(fields), Packet::kCapacity - 52)));
  fields.payload = 1900;
  CHECK(refusal({.header = {}, .packet = tcp_packet(fields)}) == Drop::send_too_big);
}

TEST_CASE("split/a header that contradicts the packet is refused") {
  const auto refused = [](auto&& change) {
    SuperPacket super = three();
    change(super);
    return refusal(super);
  };
  CHECK_FALSE(refused([](SuperPacket&) {}));
  CHECK(refused([](SuperPacket& super) {
          super.header.segments = VnetHeader::Segments::tcp_ipv6;
        }) == Drop::tun_malformed);
  CHECK(refused([](SuperPacket& super) { super.header.segment_size = 0; }) == Drop::tun_malformed);
  CHECK(refused([](SuperPacket& super) { super.header.checksum_start = 24; }) ==
        Drop::tun_malformed);
  CHECK(refused([](SuperPacket& super) { super.header.checksum_offset = 6; }) ==
        Drop::tun_malformed);
  CHECK(refused([](SuperPacket& super) { super.packet.pop_back(); }) == Drop::tun_malformed);
  CHECK(refused([](SuperPacket& super) { super.packet.push_back(0); }) == Drop::tun_malformed);
  CHECK(refused([](SuperPacket& super) { super.packet.resize(52); }) == Drop::tun_malformed);
  CHECK(refused([](SuperPacket& super) { super.packet[9] = 17; }) == Drop::tun_malformed);
  CHECK(refused([](SuperPacket& super) { super.packet[6] |= 0x20; }) == Drop::tun_malformed);
  CHECK(refused([](SuperPacket& super) { super.packet[20 + 12] = 0x40; }) == Drop::tun_malformed);
  const SuperPacket headers_alone = super_packet(tcp_packet({.options = {}, .payload = 0}), 1000);
  CHECK(refusal(headers_alone) == Drop::tun_malformed);
  SuperPacket beyond = headers_alone;
  beyond.packet[20 + 12] = 0xf0;  // 60 octets of header
  CHECK(refusal(beyond) == Drop::tun_malformed);
}

TEST_CASE("split/a checksum beyond the packet is refused") {
  const std::uint16_t size = 52 + 1000;
  SuperPacket super{.header = {.needs_checksum = true}, .packet = tcp_packet({})};
  for (const auto& [start, offset] : {std::pair<std::uint16_t, std::uint16_t>{size - 2, 1},
                                      {size, 0},
                                      {0, size - 1},
                                      {0xffff, 0xffff}}) {
    super.header.checksum_start = start;
    super.header.checksum_offset = offset;
    CHECK(refusal(super) == Drop::tun_malformed);
  }
  super.header.checksum_start = size - 2;
  super.header.checksum_offset = 0;
  CHECK_FALSE(refusal(super));
}

TEST_CASE("split/no packet, or not even a header") {
  const Octets header = SuperPacket{}.octets();
  for (std::size_t size = 0; size <= VnetHeader::kSize; ++size) {
    Splitter splitter;
    CHECK(splitter.begin(Bytes(header).first(size)) == Drop::tun_malformed);
    CHECK(splitter.done());
  }
}

TEST_CASE("virtio 5.1.6/the header's octets") {
  const Octets octets = super_packet(tcp_packet({}), 0x0203).octets();
  CHECK(hex(Bytes(octets).first(VnetHeader::kSize)) == "01013400030214001000");
  Reader reader(octets);
  CHECK(VnetHeader::parse(reader) == super_packet(tcp_packet({}), 0x0203).header);
  CHECK(reader.remaining() == octets.size() - VnetHeader::kSize);
}

TEST_CASE("virtio 5.1.6/segments with CWR are segments; of UDP and others were not asked for") {
  const auto parsed = [](std::uint8_t type) {
    Octets octets = super_packet(tcp_packet({}), 1).octets();
    octets[1] = type;
    Reader reader(octets);
    return VnetHeader::parse(reader);
  };
  CHECK(parsed(0x81)->segments == VnetHeader::Segments::tcp_ipv4);
  CHECK(parsed(0x84)->segments == VnetHeader::Segments::tcp_ipv6);
  CHECK(parsed(0)->segments == VnetHeader::Segments::none);
  for (const std::uint8_t other : Octets{2, 3, 5, 0x80, 0x83, 0xff}) {
    CHECK(parsed(other).error() == Error::unsupported);
  }
}

}  // namespace
}  // namespace pptp
