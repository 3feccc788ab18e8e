#include "mppe/cipher.h"

#include <array>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/mppe/fixtures.h"
#include "tests/vectors/vectors.h"

namespace pptp {
namespace {

using test::ipv4_inner;
using test::key_bits;
using test::Octets;
using test::octets;
using test::Path;
using test::vector_rows;

constexpr std::array kAllBits = {KeyBits::k40, KeyBits::k56, KeyBits::k128};
constexpr std::array kBothModes = {MppeMode::stateless, MppeMode::stateful};

/// The plain text of the vector file's packets.
Octets vector_inner(std::uint32_t number) {
  Octets inner(20);
  Writer writer{MutableBytes(inner)};
  writer.u16(0x0021);
  writer.u16(static_cast<std::uint16_t>(number & 0xfff));
  writer.bytes(as_bytes("0123456789abcdef"));
  return inner;
}

/// One scenario of the vector file: its packets by number (wrap included).
struct Scenario {
  std::string bits;
  std::string name;
  std::string rule;
  std::map<std::uint32_t, std::string> packets;

  MppeParameters parameters() const {
    return {key_bits(bits), name == "stateless" ? MppeMode::stateless : MppeMode::stateful};
  }

  FlushRule flush_rule() const {
    return rule == "rfc" ? FlushRule::keep_key : FlushRule::change_key;
  }

  /// Whether the sender gets a Reset-Request before it sends this packet.
  bool flush_before(std::uint32_t number) const {
    return (name == "flush" && number == 5) || (name == "flush-at-flag" && number == 0xff) ||
           (name == "flags-lost" && number == 0x203);
  }

  bool lost(std::uint32_t number) const {
    return name == "flags-lost" && number >= 0xfd && number <= 0x201;
  }
};

std::vector<Scenario> scenarios() {
  std::vector<Scenario> all;
  for (const auto& row : vector_rows("mppe-packets.txt")) {
    if (row.at(1) == "start") {
      REQUIRE(octets(row.at(2)).size() == key_octets(key_bits(row.at(0))));
      REQUIRE(hex(test::example_start_key(key_bits(row.at(0))).bytes()).starts_with(row.at(2)));
      continue;
    }
    REQUIRE(row.size() == 7);
    auto found = std::ranges::find_if(all, [&](const Scenario& s) {
      return s.bits == row[0] && s.name == row[1] && s.rule == row[2];
    });
    if (found == all.end()) found = all.insert(all.end(), Scenario{row[0], row[1], row[2], {}});
    const auto number =
        static_cast<std::uint32_t>(std::stoul(row[3]) * 4096 + std::stoul(row[4], nullptr, 16));
    found->packets[number] = row[6];
  }
  // stateless, stateful, flush in two rules, flush-at-flag, flags-lost in two rules.
  REQUIRE(all.size() == 3 * 7);
  return all;
}

TEST_CASE("rfc3078/3 sealed packets are those of the vectors") {
  for (const Scenario& scenario : scenarios()) {
    CAPTURE(scenario.bits);
    CAPTURE(scenario.name);
    CAPTURE(scenario.rule);
    Path path(scenario.parameters());
    for (std::uint32_t number = 0; number <= scenario.packets.rbegin()->first; ++number) {
      if (scenario.flush_before(number)) path.sealer().flush(scenario.flush_rule());
      const Octets sealed = path.seal(vector_inner(number));
      const auto expected = scenario.packets.find(number);
      if (expected != scenario.packets.end()) CHECK(hex(sealed) == expected->second);
    }
  }
}

TEST_CASE("rfc3078/3 the packets of the vectors are opened") {
  // Their plain text is no IP packet. 0021 becomes 002d, of which less is expected, when the same
  // bits are turned in what it was enciphered to.
  constexpr std::uint8_t kTurned = 0x21 ^ 0x2d;
  for (const Scenario& scenario : scenarios()) {
    CAPTURE(scenario.bits);
    CAPTURE(scenario.name);
    CAPTURE(scenario.rule);
    Path path(scenario.parameters());
    for (std::uint32_t number = 0; number <= scenario.packets.rbegin()->first; ++number) {
      if (scenario.flush_before(number)) path.sealer().flush(scenario.flush_rule());
      Octets sealed = path.seal(vector_inner(number));
      const auto expected = scenario.packets.find(number);
      if (expected != scenario.packets.end()) sealed = octets(expected->second);
      if (scenario.lost(number)) continue;
      sealed[3] ^= kTurned;
      const std::optional<Drop> drop = path.open(sealed);
      CAPTURE(number);
      if (scenario.name == "flags-lost" && number == 0x202) {
        CHECK(drop == Drop::mppe_unsynchronised);
        CHECK(path.opener().needs_reset());
        continue;
      }
      CHECK_FALSE(drop);
      CHECK_FALSE(path.opener().needs_reset());
      Octets inner = vector_inner(number);
      inner[1] ^= kTurned;
      CHECK(path.opened() == inner);
    }
  }
}

TEST_CASE("mppe/whole packets of every size go through in every mode and key length") {
  for (const KeyBits bits : kAllBits) {
    for (const MppeMode mode : kBothModes) {
      Path path({bits, mode});
      CHECK(path.opener().parameters() == MppeParameters{bits, mode});
      CHECK(path.sealer().parameters() == path.opener().parameters());
      for (std::uint32_t size = 20; size < 1500; size += 7) {
        const Octets inner = ipv4_inner(size, size);
        const Octets sealed = path.seal(inner);
        REQUIRE(sealed.size() == MppeSealer::kHeaderSize + inner.size());
        REQUIRE_FALSE(path.open(sealed));
        REQUIRE(path.opened() == inner);
      }
    }
  }
}

TEST_CASE("mppe/17 turns of the counter without loss") {
  for (const MppeMode mode : kBothModes) {
    Path path({KeyBits::k128, mode});
    for (std::uint32_t i = 0; i < 70'000; ++i)
      REQUIRE(path.pass());
  }
}

TEST_CASE("rfc3078/3 shorter than its header, or the D bit clear, is malformed") {
  for (const MppeMode mode : kBothModes) {
    Path path({KeyBits::k128, mode});
    CHECK(path.open({}) == Drop::mppe_malformed);
    CHECK(path.open({0x90}) == Drop::mppe_malformed);
    Octets sealed = path.next();
    sealed[0] &= 0xef;
    CHECK(path.open(sealed) == Drop::mppe_malformed);
    sealed[0] |= 0x10;
    CHECK_FALSE(path.open(sealed));
    CHECK(path.pass());
  }
}

TEST_CASE("rfc3078/3 bits that mean nothing are not looked at") {
  // B and C, for the history and the compression that are not in use, and the reserved one behind.
  Path path({KeyBits::k128, MppeMode::stateless});
  for (const std::uint8_t bit : {std::uint8_t{0x40}, std::uint8_t{0x20}}) {
    Octets sealed = path.next();
    sealed[0] ^= bit;
    CHECK_FALSE(path.open(sealed));
    CHECK(path.opened() == ipv4_inner(path.number()));
  }
}

TEST_CASE("rfc3078/7.1 a stateless packet without its A bit is judged by what is in it") {
  Path path({KeyBits::k128, MppeMode::stateless});
  Octets sealed = path.next();
  CHECK((sealed[0] & 0x80) != 0);
  sealed[0] &= 0x7f;
  CHECK_FALSE(path.open(sealed));
  CHECK(path.pass());
}

TEST_CASE("mppe/every truncation is dropped and costs no other packet") {
  for (const MppeMode mode : kBothModes) {
    Path path({KeyBits::k128, mode});
    REQUIRE(path.pass());
    const Octets sealed = path.next();
    for (std::size_t size = 0; size < sealed.size(); ++size) {
      Path other({KeyBits::k128, mode});
      REQUIRE(other.pass());
      Octets cut = other.next();
      cut.resize(size);
      CAPTURE(size);
      CHECK(other.open(cut) == (size < 2 ? Drop::mppe_malformed : Drop::mppe_implausible));
      if (mode == MppeMode::stateless) CHECK(other.pass());
    }
    CHECK_FALSE(path.open(sealed));
  }
}

TEST_CASE("mppe/the first octet may be a protocol field of one octet") {
  for (const MppeMode mode : kBothModes) {
    Path path({KeyBits::k128, mode});
    Octets inner = ipv4_inner(1);
    inner.erase(inner.begin());
    CHECK_FALSE(path.open(path.seal(inner)));
    CHECK(path.opened() == inner);
  }
}

TEST_CASE("rfc3078/3 a network protocol that is not spoken here is dropped") {
  for (const MppeMode mode : kBothModes) {
    Path path({KeyBits::k128, mode});
    Octets ipx(100);
    ipx[1] = 0x2b;
    CHECK(path.open(path.seal(ipx)) == Drop::mppe_implausible);
    CHECK(path.pass());
    CHECK_FALSE(path.opener().needs_reset());
  }
}

}  // namespace
}  // namespace pptp
