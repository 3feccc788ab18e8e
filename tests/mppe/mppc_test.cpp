#include "mppe/mppc.h"

#include <string_view>

#include <doctest/doctest.h>

#include "tests/mppe/fixtures.h"

namespace pptp::test {
namespace {

/// The two ends of one direction, with the bits between them.
class MppcPair {
 public:
  /// Whether it went compressed; it must come back as it was.
  bool pass(const Octets& packet) {
    const auto compressed = compressor.compress(packet);
    if (!compressed) return false;
    CHECK(compressed->octets.size() < packet.size());
    at_front = compressed->at_front;
    const auto expanded =
        decompressor.expand(compressed->octets, {.fresh = fresh, .at_front = at_front});
    fresh = false;
    REQUIRE(expanded);
    CHECK(std::ranges::equal(*expanded, packet));
    decompressor.accept();
    return true;
  }

  MppcCompressor compressor;
  MppcDecompressor decompressor;
  bool at_front = false;
  bool fresh = false;
};

/// Octets that repeat themselves here and there, as what is sent does.
Octets some_packet(Dice& dice) {
  static constexpr std::string_view kWords[] = {
      "GET /index.html HTTP/1.1\r\n", "Host: ", "example.com", "\r\n", "Accept: text/html",
      "\x81\xfe\xff\x80\x90\xa0\xb0"};
  Octets packet;
  const std::size_t size = 20 + dice.roll(1'480);
  while (packet.size() < size) {
    if (dice.roll(4) == 0) {
      packet.push_back(static_cast<std::uint8_t>(dice.roll(256)));
    } else {
      const Bytes word = as_bytes(kWords[dice.roll(6)]);
      packet.insert(packet.end(), word.begin(), word.end());
    }
  }
  return packet;
}

TEST_CASE("rfc2118/4 the example of the bell") {
  const Octets octets =
      test::octets("666f722e77686f6d2e7468652e62656c6c2e746f6c6c732cf4372e66fa1f19948400");
  const Bytes compressed = Bytes(octets).first(octets.size() - 1);
  MppcDecompressor decompressor;
  const auto expanded = decompressor.expand(compressed, {});
  REQUIRE(expanded);
  CHECK(as_text(*expanded) == "for.whom.the.bell.tolls,.the.bell.tolls.for.thee!");
}

TEST_CASE("mppc/literals, distances and lengths at the ends of their ranges") {
  // One copy of each length from each distance, in a history of octets that do not repeat soon.
  for (const std::size_t distance : {1U, 3U, 63U, 64U, 319U, 320U, 1'300U, 1'400U}) {
    for (const std::size_t length :
         {3U, 4U, 7U, 8U, 15U, 16U, 31U, 32U, 63U, 64U, 127U, 128U, 255U, 256U, 511U, 512U, 600U}) {
      Octets packet;
      std::uint32_t state = 1;
      while (packet.size() < std::max<std::size_t>(distance, 100)) {
        state = state * 1'103'515'245 + 12'345;
        packet.push_back(static_cast<std::uint8_t>(state >> 16));
      }
      for (std::size_t i = 0; i < length; ++i)
        packet.push_back(packet[packet.size() - distance]);
      packet.insert(packet.end(), 60, std::uint8_t{0x7f});
      CAPTURE(distance);
      CAPTURE(length);
      MppcPair pair;
      pair.pass(packet);
    }
  }
}

TEST_CASE("mppc/packet after packet comes back as it was, round the end of the history") {
  Dice dice(7);
  MppcPair pair;
  std::size_t compressed = 0;
  std::size_t fronts = 0;
  for (int i = 0; i < 3'000; ++i) {
    if (i % 500 == 499) {
      pair.compressor.flush();
      pair.fresh = true;
    }
    if (!pair.pass(some_packet(dice))) continue;
    ++compressed;
    if (pair.at_front) ++fronts;
  }
  CHECK(compressed > 2'900);
  CHECK(fronts > 200);
}

TEST_CASE("mppc/what does not become shorter goes as it is, and is not remembered") {
  Dice dice(9);
  MppcPair pair;
  for (int i = 0; i < 300; ++i) {
    Octets noise(1'000);
    for (std::uint8_t& octet : noise)
      octet = static_cast<std::uint8_t>(dice.roll(256));
    CHECK_FALSE(pair.pass(noise));
    CHECK(pair.pass(some_packet(dice)));
  }
  CHECK_FALSE(pair.pass({}));
  CHECK_FALSE(pair.pass({1}));
  CHECK_FALSE(pair.pass(Octets(kMppcLongest + 1)));
  CHECK(pair.pass(Octets(kMppcLongest)));
}

TEST_CASE("mppc/a copy of what has never been there is refused") {
  MppcDecompressor decompressor;
  // A literal, then three octets from 2 back; from 64 back; from 320 back.
  for (const char* const digits : {"61f0800000", "61e0000000", "61c0000000"})
    CHECK_FALSE(decompressor.expand(octets(digits), {}));
  // From 0 back, and of a length that there is not.
  CHECK_FALSE(decompressor.expand(octets("61f0000000"), {}));
  CHECK_FALSE(decompressor.expand(octets("61f07ffe0000"), {}));
  // From 1 back, 3 octets: fine.
  const auto copied = decompressor.expand(octets("61f04000"), {});
  REQUIRE(copied);
  CHECK(as_text(*copied).substr(0, 4) == "aaaa");
  decompressor.accept();
  // What lies before, and not after it has been forgotten.
  CHECK(decompressor.expand(octets("62f0800000"), {}));
  CHECK_FALSE(decompressor.expand(octets("62f0800000"), {.fresh = true, .at_front = false}));
  // A packet that would become longer than any is.
  Octets bomb = octets("61f07ffd");
  bomb.resize(60, 0xff);
  CHECK_FALSE(decompressor.expand(bomb, {}));
}

TEST_CASE("mppc/damaged packets do no harm") {
  Dice dice(11);
  for (int i = 0; i < 2'000; ++i) {
    MppcPair pair;
    pair.pass(some_packet(dice));
    const Octets packet = some_packet(dice);
    const auto compressed = pair.compressor.compress(packet);
    REQUIRE(compressed);
    Octets damaged(compressed->octets.begin(), compressed->octets.end());
    damaged[dice.roll(static_cast<std::uint32_t>(damaged.size()))] ^=
        static_cast<std::uint8_t>(1U << dice.roll(8));
    if (const auto expanded = pair.decompressor.expand(damaged, {})) {
      CHECK(expanded->size() <= kMppcLongest);
    }
    // Nothing has moved.
    const auto whole = pair.decompressor.expand(compressed->octets,
                                                {.fresh = false, .at_front = compressed->at_front});
    REQUIRE(whole);
    CHECK(std::ranges::equal(*whole, packet));
  }
}

// --- together with MPPE

constexpr MppeParameters kStateless{KeyBits::k128, MppeMode::stateless, true};
constexpr MppeParameters kStateful{KeyBits::k128, MppeMode::stateful, true};

TEST_CASE("rfc3078/3 packets are compressed, then enciphered, and say so") {
  for (const MppeParameters& parameters : {kStateless, kStateful}) {
    Path path(parameters);
    const Octets sent = path.seal(ipv4_inner(0, 1'000));
    // C and D; the rest of the packet repeats itself not at all.
    CHECK((sent[0] & 0x10) != 0);
    Octets repetitive = ipv4_inner(1, 1'000);
    std::fill(repetitive.begin() + 22, repetitive.end(), std::uint8_t{0});
    const Octets shorter = path.seal(repetitive);
    CHECK((shorter[0] & 0x30) == 0x30);
    CHECK(shorter.size() < 100);
    CHECK_FALSE(path.open(sent));
    CHECK(path.opened() == ipv4_inner(0, 1'000));
    CHECK_FALSE(path.open(shorter));
    CHECK(path.opened() == repetitive);
  }
}

TEST_CASE(
    "rfc3078/7 compressed packets over loss, reordering and damage, in both modes and rules") {
  for (const MppeParameters& parameters : {kStateless, kStateful}) {
    for (const FlushRule rule : {FlushRule::change_key, FlushRule::keep_key}) {
      Path path(parameters);
      Dice dice(21);
      unsigned passed = 0;
      unsigned resets = 0;
      constexpr unsigned kPackets = 20'000;
      for (unsigned i = 0; i < kPackets; ++i) {
        Octets packet = ipv4_inner(i, 40 + dice.roll(600));
        if (dice.roll(3) != 0) std::fill(packet.begin() + 22, packet.end(), std::uint8_t(i));
        Octets sent = path.seal(packet);
        const std::uint32_t luck = dice.roll(100);
        if (luck < 3) continue;
        // Only without history does what is damaged and yet plausible spoil nothing else.
        const bool damaged = luck < 4 && parameters.mode == MppeMode::stateless;
        if (damaged) sent[dice.roll(static_cast<std::uint32_t>(sent.size()))] ^= 0x10;
        if (!path.open(sent)) {
          if (!damaged) CHECK(path.opened() == packet);
          ++passed;
        }
        if (path.opener().needs_reset()) {
          path.sealer().flush(rule);
          ++resets;
        }
      }
      CAPTURE(static_cast<int>(parameters.mode));
      CHECK(passed > kPackets * 85 / 100);
      CHECK((resets > 100) == (parameters.mode == MppeMode::stateful));
    }
  }
}

}  // namespace
}  // namespace pptp::test
