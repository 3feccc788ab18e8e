#include "ppp/vj.h"

#include <array>
#include <string_view>

#include <doctest/doctest.h>

#include "tests/ppp/vj_fixture.h"
#include "tests/sim/seeded_entropy.h"

namespace pptp::test {
namespace {

using Octets = std::vector<std::uint8_t>;

/// Compresses and decompresses: it must be what it was. Returns what went over the wire.
Sent pass(VjPair& pair, const Segment& segment) {
  const Octets packet = segment.packet();
  const Sent sent = pair.compress(packet);
  const auto back = pair.decompress(sent);
  REQUIRE(back);
  CHECK(*back == packet);
  return sent;
}

/// Behind the mask, and the slot where the mask has it: the TCP checksum left out.
std::string changes(const Sent& sent) {
  REQUIRE(sent.protocol == protocol::kVjCompressed);
  const bool says_slot = (sent.octets.at(0) & vj_mask::kSlot) != 0;
  const Bytes octets(sent.octets);
  return hex(octets.first(says_slot ? 2 : 1)) + " " + hex(octets.subspan(says_slot ? 4 : 3));
}

Octets cut(const Octets& octets, std::size_t size) {
  const Bytes first = Bytes(octets).first(size);
  return {first.begin(), first.end()};
}

TEST_CASE("rfc1144/3.2.2 a connection's first packet goes whole, with its slot for a protocol") {
  VjPair pair;
  const Segment segment{.id = 7, .sequence = 100, .acknowledgement = 200, .data = {1, 2, 3}};
  const Sent sent = pass(pair, segment);
  CHECK(sent.protocol == protocol::kVjUncompressed);
  Octets expected = segment.packet();
  expected[9] = 0;
  CHECK(sent.octets == expected);
}

TEST_CASE("rfc1144/3.2.2 what is no segment of an open connection goes as it is") {
  VjPair pair;
  for (const std::uint8_t flags :
       {tcp_flag::kSyn, std::uint8_t{tcp_flag::kSyn | tcp_flag::kAck},
        std::uint8_t{tcp_flag::kFin | tcp_flag::kAck},
        std::uint8_t{tcp_flag::kRst | tcp_flag::kAck}, std::uint8_t{0}}) {
    CHECK(pass(pair, {.flags = flags}).protocol == protocol::kIp);
  }
  Octets udp = Segment().packet();
  udp[9] = 17;
  CHECK(pair.compress(udp).protocol == protocol::kIp);
  Octets fragment = Segment().packet();
  fragment[6] = 0x20;
  CHECK(pair.compress(fragment).protocol == protocol::kIp);
  fragment[6] = 0;
  fragment[7] = 1;
  CHECK(pair.compress(fragment).protocol == protocol::kIp);
  Octets short_header = Segment().packet();
  short_header[20 + 12] = 0x40;
  CHECK(pair.compress(short_header).protocol == protocol::kIp);
  short_header[20 + 12] = 0xf0;
  CHECK(pair.compress(short_header).protocol == protocol::kIp);
}

TEST_CASE("rfc1144/3.2.2 each change has its bit and its octets") {
  struct Change {
    std::string_view expected;
    Segment segment;
  };

  const Segment first{
      .id = 10, .sequence = 1'000, .acknowledgement = 2'000, .data = {1, 2, 3, 4, 5}};
  const std::array<Change, 9> kChanges = {{
      {"08 04", {.id = 11, .sequence = 1'004, .acknowledgement = 2'000}},
      {"04 2a", {.id = 11, .sequence = 1'000, .acknowledgement = 2'042}},
      {"04 000100", {.id = 11, .sequence = 1'000, .acknowledgement = 2'256}},
      {"02 64", {.id = 11, .sequence = 1'000, .acknowledgement = 2'000, .window = 600}},
      {"02 00ffff", {.id = 11, .sequence = 1'000, .acknowledgement = 2'000, .window = 499}},
      {"24 2a03", {.id = 13, .sequence = 1'000, .acknowledgement = 2'042}},
      {"24 2a000000", {.id = 10, .sequence = 1'000, .acknowledgement = 2'042}},
      {"05 092a",
       {.id = 11,
        .sequence = 1'000,
        .acknowledgement = 2'042,
        .flags = tcp_flag::kAck | tcp_flag::kUrg,
        .urgent = 9}},
      {"14 2a",
       {.id = 11,
        .sequence = 1'000,
        .acknowledgement = 2'042,
        .flags = tcp_flag::kAck | tcp_flag::kPsh}},
  }};
  for (const Change& change : kChanges) {
    VjPair pair;
    pass(pair, first);
    CHECK(changes(pass(pair, change.segment)) == change.expected);
  }
}

TEST_CASE("rfc1144/3.2.2 the special cases: data one way, and echoed data") {
  VjPair pair;
  Segment segment{.id = 1, .sequence = 100, .acknowledgement = 50, .data = {9}};
  pass(pair, segment);
  ++segment.id;
  ++segment.sequence;
  CHECK(changes(pass(pair, segment)) == "0f 09");
  ++segment.id;
  ++segment.sequence;
  ++segment.acknowledgement;
  CHECK(changes(pass(pair, segment)) == "0b 09");
  // The changes that look like these go whole.
  ++segment.id;
  segment.sequence += 5;
  segment.window += 1;
  segment.acknowledgement += 1;
  segment.flags |= tcp_flag::kUrg;
  CHECK(pass(pair, segment).protocol == protocol::kVjUncompressed);
}

TEST_CASE(
    "rfc1144/3.2.3 data behind an acknowledgement alone is compressed, a retransmission not") {
  VjPair pair;
  Segment segment{.id = 1, .sequence = 100, .acknowledgement = 50};
  pass(pair, segment);
  ++segment.id;
  segment.data = {1, 2};
  CHECK(changes(pass(pair, segment)) == "00 0102");
  ++segment.id;
  CHECK(pass(pair, segment).protocol == protocol::kVjUncompressed);
  // And so is what goes back, and what goes too far.
  segment.sequence -= 1;
  CHECK(pass(pair, segment).protocol == protocol::kVjUncompressed);
  segment.sequence += 65'536;
  CHECK(pass(pair, segment).protocol == protocol::kVjUncompressed);
  segment.sequence += 65'535;
  CHECK(pass(pair, segment).protocol == protocol::kVjCompressed);
}

TEST_CASE("rfc1144/3.2.2 what no change can be sent of goes whole") {
  const Segment base{.sequence = 1, .acknowledgement = 1, .options = Octets(12, 1), .data = {1}};
  VjPair pair;
  Segment next = base;
  pass(pair, next);
  const auto goes_whole = [&](auto&& alter) {
    ++next.id;
    next.sequence += 1;
    alter(next);
    CHECK(pass(pair, next).protocol == protocol::kVjUncompressed);
  };
  goes_whole([](Segment& s) { s.options[3] = 9; });
  goes_whole([](Segment& s) { s.options.resize(8); });
  goes_whole([](Segment& s) { s.flags |= 0x40; });
  goes_whole([](Segment& s) { s.urgent = 5; });
  ++next.id;
  next.sequence += 1;
  CHECK(pass(pair, next).protocol == protocol::kVjCompressed);
  // The octets of the IP header, by hand: type of service, don't fragment, time to live.
  for (const std::size_t at : {1U, 6U, 8U}) {
    VjPair other;
    pass(other, base);
    Segment changed = base;
    changed.sequence += 1;
    Octets packet = changed.packet();
    packet[at] ^= 0x40;
    CHECK(other.compress(packet).protocol == protocol::kVjUncompressed);
  }
}

TEST_CASE("rfc1144/3.2.2 the slot is said when it changes, or always where that was agreed") {
  for (const bool implicit : {true, false}) {
    VjPair pair({.max_slot = 15, .implicit_slot = implicit});
    Segment a{.connection = 1, .sequence = 1, .data = {1}};
    Segment b{.connection = 2, .sequence = 1, .data = {1}};
    pass(pair, a);
    pass(pair, b);
    for (Segment* each : {&a, &a, &b}) {
      ++each->id;
      ++each->sequence;
    }
    --a.id;
    --a.sequence;
    CHECK(changes(pass(pair, a)) == "4f00 01");
    ++a.id;
    ++a.sequence;
    CHECK(changes(pass(pair, a)) == (implicit ? "0f 01" : "4f00 01"));
    CHECK(changes(pass(pair, b)) == "4f01 01");
  }
}

TEST_CASE("rfc1332/4 no more connections are remembered than the peer can take") {
  VjPair pair({.max_slot = 2, .implicit_slot = true});
  std::vector<Segment> segments;
  for (std::uint16_t i = 0; i < 4; ++i)
    segments.push_back({.connection = i, .sequence = 1, .data = {1}});
  const auto next = [&](std::size_t i) {
    ++segments[i].id;
    ++segments[i].sequence;
    return pass(pair, segments[i]).protocol;
  };
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(next(i) == protocol::kVjUncompressed);
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(next(i) == protocol::kVjCompressed);
  // A fourth takes the place of the one that has not been used for longest.
  CHECK(next(3) == protocol::kVjUncompressed);
  CHECK(next(1) == protocol::kVjCompressed);
  CHECK(next(2) == protocol::kVjCompressed);
  CHECK(next(0) == protocol::kVjUncompressed);
  // A peer that names more than that is not followed.
  Octets beyond = Segment{.sequence = 1}.packet();
  beyond[9] = 3;
  CHECK_FALSE(pair.decompress({protocol::kVjUncompressed, beyond}));
  CHECK(pair.why == Drop::vj_malformed);
}

TEST_CASE("vj/malformed packets are dropped and move nothing") {
  VjPair pair;
  CHECK_FALSE(pair.decompress({protocol::kVjCompressed, {0x0f, 0x12, 0x34, 1}}));
  CHECK(pair.why == Drop::vj_unsynchronised);
  Segment segment{.id = 1, .sequence = 1, .data = {1, 2, 3}};
  Octets whole = pair.compress(segment.packet()).octets;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CHECK_FALSE(pair.decompress({protocol::kVjUncompressed, cut(whole, size)}));
  }
  // Padding behind it is cut.
  whole.push_back(0);
  CHECK(pair.decompress({protocol::kVjUncompressed, whole}) == segment.packet());
  ++segment.id;
  segment.sequence += 300;
  segment.acknowledgement += 300;
  const Sent sent = pair.compress(segment.packet());
  for (std::size_t size = 0; size < sent.octets.size(); ++size) {
    CHECK_FALSE(pair.decompress({sent.protocol, cut(sent.octets, size)}));
  }
  for (std::size_t bit = 0; bit < 8 * sent.octets.size(); ++bit) {
    VjPair other;
    CHECK(other.decompress({protocol::kVjUncompressed, whole}));
    Octets damaged = sent.octets;
    damaged[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    const bool accepted = other.decompress({sent.protocol, damaged}).has_value();
    // The one thing that TCP's checksum does not cover.
    if (accepted) CHECK((damaged[0] ^ sent.octets[0]) == vj_mask::kIdentification);
    // Whatever else was damaged, the next whole header puts it right.
    CHECK(other.decompress({protocol::kVjUncompressed, whole}));
    CHECK(other.decompress(sent) == segment.packet());
  }
  CHECK(pair.decompress({protocol::kVjUncompressed, whole}));
  CHECK(pair.decompress(sent) == segment.packet());
}

/// A few connections of which segments get lost, and are sent again from the lost one on.
TEST_CASE("vj/loss: nothing wrong comes out, and a retransmission puts all right") {
  sim::SeededEntropy random(1144);
  VjPair pair;
  std::array<Segment, 5> connections;
  for (std::size_t i = 0; i < connections.size(); ++i) {
    connections[i].connection = static_cast<std::uint16_t>(i);
    connections[i].sequence = random.u32();
    connections[i].acknowledgement = random.u32();
  }
  unsigned delivered = 0;
  unsigned dropped = 0;
  unsigned compressed = 0;
  constexpr unsigned kRounds = 200'000;
  for (unsigned i = 0; i < kRounds; ++i) {
    Segment& segment = connections[random.below(connections.size())];
    ++segment.id;
    if (random.chance(0.3))
      segment.acknowledgement += static_cast<std::uint32_t>(random.below(3'000));
    if (random.chance(0.1)) segment.window = static_cast<std::uint16_t>(random.u16());
    segment.flags =
        static_cast<std::uint8_t>(tcp_flag::kAck | (random.chance(0.3) ? tcp_flag::kPsh : 0));
    if (random.chance(0.01)) segment.flags |= tcp_flag::kUrg;
    if (random.chance(0.01)) segment.sequence -= 2'000;  // a retransmission
    segment.data.assign(random.below(20), static_cast<std::uint8_t>(i));
    const Octets packet = segment.packet();
    segment.sequence += static_cast<std::uint32_t>(segment.data.size());
    const Sent sent = pair.compress(packet);
    if (sent.protocol == protocol::kVjCompressed) ++compressed;
    if (random.chance(0.02)) continue;
    auto back = pair.decompress(sent);
    if (!back) {
      CHECK(pair.why == Drop::vj_unsynchronised);
      ++dropped;
      continue;
    }
    ++delivered;
    // The identification, and with it the checksum of the IP header.
    Octets expected = packet;
    for (const std::size_t at : {4U, 5U, 10U, 11U})
      expected[at] = back->at(at);
    CHECK(*back == expected);
    CHECK(internet_checksum(Bytes(*back).first(20)) == 0);
  }
  CHECK(compressed > kRounds * 9 / 10);
  CHECK(dropped > 1'000);
  CHECK(delivered > kRounds / 4);
}

}  // namespace
}  // namespace pptp::test
