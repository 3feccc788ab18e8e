// What the two ends make of packets that are lost, late, doubled or damaged on the way.
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include <doctest/doctest.h>

#include "mppe/cipher.h"
#include "tests/mppe/fixtures.h"

namespace pptp {
namespace {

using test::Dice;
using test::ipv4_inner;
using test::Octets;
using test::Path;
using test::vj_inner;

constexpr MppeParameters kStateless{KeyBits::k128, MppeMode::stateless};
constexpr MppeParameters kStateful{KeyBits::k128, MppeMode::stateful};

// What mppe/cipher.h promises.
constexpr std::uint32_t kFarthest = 2047;
constexpr std::uint32_t kGrant = 32;

TEST_CASE("stateless/up to 2047 lost packets cost no other one") {
  for (const std::uint32_t lost : {1U, 2U, 63U, 64U, 65U, 500U, 2045U, 2046U}) {
    Path path(kStateless);
    REQUIRE(path.pass());
    path.lose(lost);
    CAPTURE(lost);
    CHECK(path.pass());
    CHECK(path.pass());
  }
}

TEST_CASE("stateless/a packet that was overtaken is dropped and does not move the key") {
  Path path(kStateless);
  REQUIRE(path.pass());
  const Octets overtaken = path.next();
  REQUIRE(path.pass());
  CHECK(path.open(overtaken) == Drop::mppe_late);
  CHECK(path.pass());
}

TEST_CASE("stateless/a packet is opened once") {
  Path path(kStateless);
  const Octets sealed = path.next();
  CHECK_FALSE(path.open(sealed));
  CHECK(path.open(sealed) == Drop::mppe_late);
  CHECK(path.pass());
  // Nor as the last of a run of old ones, which a search looks into.
  Path other(kStateless);
  std::vector<Octets> old;
  for (int i = 0; i < 10; ++i) {
    old.push_back(other.next());
    REQUIRE_FALSE(other.open(old.back()));
  }
  for (const Octets& each : old)
    CHECK(other.open(each) == Drop::mppe_late);
  CHECK(other.pass());
}

TEST_CASE("stateless/a long row of lost packets is made up for") {
  struct Case {
    std::uint32_t lost;
    std::uint32_t within;
  };

  // Up to 8190: seven packets. Then each further turn takes as long as the budget needs to grow by
  // one turn of key changes; a search starts over after 4, 8, 16 turns.
  for (const auto [lost, within] : {Case{kFarthest, 3},
                                    {3000, 3},
                                    {4094, 3},
                                    {4095, 3},
                                    {4096, 7},
                                    {5000, 7},
                                    {6142, 7},
                                    {6143, 7},
                                    {8190, 7},
                                    {8300, 140},
                                    {12'000, 270},
                                    {20'000, 600},
                                    {70'000, 7000}}) {
    Path path(kStateless);
    for (int i = 0; i < 10; ++i)
      REQUIRE(path.pass());
    path.lose(lost);
    CAPTURE(lost);
    const std::uint32_t took = path.packets_until_accepted(within);
    CHECK(took <= within);
    CHECK(took > 1);  // the first one cannot be told from a late one or a damaged one
    for (int i = 0; i < 10; ++i)
      CHECK(path.pass());
  }
}

TEST_CASE("stateless/a long row of lost packets before the first one is made up for as well") {
  Path path(kStateless);
  path.lose(3000);
  CHECK(path.packets_until_accepted(7) <= 7);
  CHECK(path.pass());
}

TEST_CASE("stateless/packets go on being lost while a long row is made up for") {
  Dice dice(7);
  Path path(kStateless);
  REQUIRE(path.pass());
  path.lose(5000);
  std::uint32_t arrived = 0;
  bool accepted = false;
  while (!accepted && arrived < 50) {
    if (dice.roll(4) == 0) {
      path.lose(1 + dice.roll(20));
    } else {
      ++arrived;
      accepted = path.pass();
    }
  }
  CHECK(arrived <= 10);
  CHECK(path.pass());
}

TEST_CASE("stateless/what led to accepted packets does not count as tried in vain") {
  Path path(kStateless);
  for (int i = 0; i < 50; ++i) {
    path.lose(2000);
    REQUIRE(path.pass());
  }
}

TEST_CASE("stateless/a search that damage has led past its goal starts over") {
  Path path(kStateless);
  REQUIRE(path.pass());
  path.lose(5000);
  for (int i = 0; i < 12; ++i) {
    Octets damaged = path.next();
    damaged[10] ^= 1;
    REQUIRE(path.open(damaged));
  }
  CHECK(path.packets_until_accepted(700) <= 700);
  CHECK(path.pass());
}

TEST_CASE("stateless/a search that a damaged count has led ahead waits until it is overtaken") {
  Path path(kStateless);
  REQUIRE(path.pass());
  path.lose(4100);
  CHECK_FALSE(path.pass());
  CHECK_FALSE(path.pass());
  Octets damaged = path.next();
  REQUIRE((damaged[1] & 0x20) == 0);
  damaged[1] ^= 0x20;
  CHECK(path.open(damaged));
  CHECK(path.packets_until_accepted(40) <= 40);
  CHECK(path.pass());
}

TEST_CASE("stateless/compressed tcp alone makes up for a long row with its third packet in place") {
  for (const std::uint32_t lost : {100U, 2000U, 3000U}) {
    Path path(kStateless);
    REQUIRE(path.pass());
    path.lose(lost);
    std::uint32_t took = 0;
    std::optional<Drop> drop = Drop::mppe_late;
    while (drop && took < 10) {
      ++took;
      drop = path.open(path.seal(vj_inner(took)));
    }
    CAPTURE(lost);
    CHECK(took >= 3);
    CHECK(took <= 6);
    CHECK(path.opened() == vj_inner(took));
    CHECK(path.pass());
  }
}

TEST_CASE("stateless/one flipped bit costs at most the packet it is in") {
  for (const KeyBits bits : {KeyBits::k40, KeyBits::k128}) {
    Path path({bits, MppeMode::stateless});
    const std::size_t size = path.seal(ipv4_inner(0)).size();
    (void)path.open(path.next());
    for (std::size_t bit = 0; bit < size * 8; ++bit) {
      Octets damaged = path.next();
      damaged[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
      const std::optional<Drop> drop = path.open(damaged);
      CAPTURE(bit);
      // Header bits that mean something, and the IP header; nobody checks what is behind it.
      const bool found_out =
          bit >= (2 + 22) * 8 ? false : bit >= 16 || (bit != 7 && bit != 6 && bit != 5);
      CHECK(drop.has_value() == found_out);
      REQUIRE(path.pass());
    }
  }
}

TEST_CASE("stateless/damage in many packets in a row costs no whole one after it") {
  Dice dice(5);
  Path path(kStateless);
  REQUIRE(path.pass());
  for (int i = 0; i < 400; ++i) {
    Octets damaged = path.next();
    const std::uint32_t bit = 32 + dice.roll(160);  // in the IP header
    damaged[bit / 8] ^= static_cast<std::uint8_t>(0x80U >> bit % 8);
    REQUIRE(path.open(damaged) == Drop::mppe_implausible);
  }
  CHECK(path.pass());
}

TEST_CASE("stateless/damaged counts in many packets in a row cost few whole ones after them") {
  Dice dice(3);
  Path path(kStateless);
  REQUIRE(path.pass());
  unsigned accepted = 0;
  for (int i = 0; i < 400; ++i) {
    Octets damaged = path.next();
    const std::uint32_t bit = 4 + dice.roll(12);
    damaged[bit / 8] ^= static_cast<std::uint8_t>(0x80U >> bit % 8);
    if (!path.open(damaged)) ++accepted;
  }
  // A wrong key makes something like compressed TCP once in some hundred.
  CHECK(accepted <= 4);
  // Looking for them has used up what may be tried in vain: it has to grow to 400 first.
  CHECK(path.packets_until_accepted(20) <= 20);
  CHECK(path.pass());
}

TEST_CASE("stateless/noise with any header does not stop the link") {
  Dice dice(11);
  Path path(kStateless);
  REQUIRE(path.pass());
  unsigned accepted = 0;
  for (int i = 0; i < 5000; ++i) {
    Octets noise(2 + 62);
    for (std::uint8_t& octet : noise)
      octet = static_cast<std::uint8_t>(dice.roll(256));
    noise[0] |= 0x10;
    (void)path.open(noise);
    if (path.pass()) ++accepted;
  }
  // Noise that happens to look like compressed TCP, near ahead, costs the packets up to there.
  CHECK(accepted > 4900);
  for (int i = 0; i < 64; ++i)
    (void)path.pass();
  CHECK(path.pass());
}

TEST_CASE("stateless/what may be tried in vain is limited") {
  Path path(kStateless);
  REQUIRE(path.pass());
  // Four packets that claim to be 2047 ahead use up what there is; each has to be out of line with
  // the one before, or it would be tried on from there.
  for (std::uint32_t i = 0; i < 5; ++i) {
    Octets bogus(64);
    Writer(MutableBytes(bogus)).u16(narrow<std::uint16_t>(0x9000 + 2000 - i));
    CHECK(path.open(bogus) == Drop::mppe_implausible);
  }
  // So a packet that is far ahead cannot be looked at now,
  path.lose(1900);
  const Octets far = path.next();
  CHECK(path.open(far) == Drop::mppe_implausible);
  // but each packet that comes allows for kGrant key changes more.
  const std::uint32_t took = path.packets_until_accepted(1900 / kGrant + 10);
  CHECK(took > 2);
  CHECK(took <= 1900 / kGrant + 10);
  CHECK(path.pass());
}

TEST_CASE("stateless/loss, reordering, repetition over 17 turns of the counter") {
  for (const std::uint32_t seed : {1U, 2U, 3U}) {
    CAPTURE(seed);
    Dice dice(seed);
    Path path(kStateless);
    std::optional<Octets> held;
    std::uint32_t held_number = 0;
    for (std::uint32_t i = 0; i < 70'000; ++i) {
      const std::uint32_t chance = dice.roll(100);
      if (chance < 5) {
        path.lose(1);
      } else if (chance < 7 && !held) {
        held = path.next();
        held_number = path.number();
      } else {
        const Octets sealed = path.next();
        REQUIRE_FALSE(path.open(sealed));
        REQUIRE(path.opened() == ipv4_inner(path.number()));
        if (chance < 9) REQUIRE(path.open(sealed) == Drop::mppe_late);
        if (held) {
          REQUIRE(held_number < path.number());
          REQUIRE(path.open(*held) == Drop::mppe_late);
          held.reset();
        }
      }
    }
  }
}

/// A Reset-Request comes back: the sender flushes by the rule that it follows.
void reset(Path& path, FlushRule rule) {
  REQUIRE(path.opener().needs_reset());
  path.sealer().flush(rule);
}

TEST_CASE("stateful/a lost packet makes a reset due, and the flushed packet ends it") {
  for (const FlushRule rule : {FlushRule::change_key, FlushRule::keep_key}) {
    Path path(kStateful);
    for (int i = 0; i < 5; ++i)
      REQUIRE(path.pass());
    path.lose(1);
    CHECK(path.open(path.next()) == Drop::mppe_unsynchronised);
    CHECK(path.open(path.next()) == Drop::mppe_unsynchronised);
    reset(path, rule);
    CHECK(path.pass());
    CHECK_FALSE(path.opener().needs_reset());
    CHECK(path.opener().flush_rule() == rule);
    for (int i = 0; i < 600; ++i)
      REQUIRE(path.pass());
  }
}

TEST_CASE("stateful/the peer's rule is change_key until it shows another") {
  Path path(kStateful);
  REQUIRE(path.pass());
  CHECK(path.opener().flush_rule() == FlushRule::change_key);
  path.sealer().flush(FlushRule::keep_key);
  REQUIRE(path.pass());
  CHECK(path.opener().flush_rule() == FlushRule::keep_key);
  path.sealer().flush(FlushRule::change_key);
  REQUIRE(path.pass());
  CHECK(path.opener().flush_rule() == FlushRule::change_key);
}

TEST_CASE("stateful/a flag packet does not show which rule the peer follows") {
  Path path(kStateful);
  path.sealer().flush(FlushRule::keep_key);
  for (int i = 0; i < 300; ++i)
    REQUIRE(path.pass());
  CHECK(path.opener().flush_rule() == FlushRule::change_key);
}

TEST_CASE("stateful/a flush without need is followed, asked for once or often") {
  Path path(kStateful);
  for (int i = 0; i < 3000; ++i) {
    if (i % 7 == 0) path.sealer().flush();
    if (i % 14 == 0) path.sealer().flush();
    REQUIRE(path.pass());
  }
}

TEST_CASE("stateful/losses and the flush after them, wherever the counter turns over") {
  for (const FlushRule rule : {FlushRule::change_key, FlushRule::keep_key}) {
    for (const std::uint32_t passed : {4090U, 4093U, 4094U, 4095U, 4096U, 4097U}) {
      for (const std::uint32_t lost : {1U, 2U, 3U, 5U}) {
        CAPTURE(passed);
        CAPTURE(lost);
        Path path(kStateful);
        for (std::uint32_t i = 0; i < passed; ++i)
          REQUIRE(path.pass());
        path.lose(lost);
        // A flag packet ends the wait by itself.
        if (path.open(path.next())) reset(path, rule);
        for (int i = 0; i < 600; ++i)
          REQUIRE(path.pass());
      }
    }
  }
}

TEST_CASE("stateless/a flush changes nothing") {
  Path path(kStateless);
  REQUIRE(path.pass());
  path.sealer().flush();
  CHECK(path.pass());
  CHECK_FALSE(path.opener().needs_reset());
}

TEST_CASE("stateful/flushed packets that are lost themselves are made up for") {
  for (const FlushRule rule : {FlushRule::change_key, FlushRule::keep_key}) {
    for (const int flushes_lost : {1, 2, 10, 30, 100}) {
      // There are never more with one key than this.
      if (rule == FlushRule::keep_key && flushes_lost >= static_cast<int>(MppeSealer::kMostReuses))
        continue;
      Path path(kStateful);
      for (int i = 0; i < 5; ++i)
        REQUIRE(path.pass());
      path.lose(1);
      CHECK(path.open(path.next()) == Drop::mppe_unsynchronised);
      for (int i = 0; i < flushes_lost; ++i) {
        path.sealer().flush(rule);
        path.lose(1);
        CHECK(path.open(path.next()) == Drop::mppe_unsynchronised);
      }
      reset(path, rule);
      CAPTURE(flushes_lost);
      CHECK(path.pass());
      CHECK(path.pass());
    }
  }
}

TEST_CASE("stateful/a row of lost packets of any length is made up for by the flushed packet") {
  for (const std::uint32_t lost :
       {1U, 250U, 251U, 252U, 600U, 2046U, 2047U, 3000U, 4095U, 4096U, 5000U, 30'000U, 200'000U}) {
    Path path(kStateful);
    for (int i = 0; i < 5; ++i)
      REQUIRE(path.pass());
    path.lose(lost);
    CAPTURE(lost);
    // What looks late is taken for late at first. A flag packet needs no reset.
    std::uint32_t taken_for_late = 0;
    while (!path.pass() && !path.opener().needs_reset())
      ++taken_for_late;
    CHECK(taken_for_late <= 2);
    if (path.opener().needs_reset()) {
      reset(path, FlushRule::change_key);
      CHECK(path.pass());
    }
    CHECK(path.pass());
    CHECK_FALSE(path.opener().needs_reset());
  }
}

TEST_CASE("stateful/a flag packet ends the wait too, with its A bit or without") {
  // Without: as those send it who follow RFC 3078 to the letter (interop note 3.11).
  for (const std::uint8_t keep : {std::uint8_t{0xff}, std::uint8_t{0x7f}}) {
    Path path(kStateful);
    for (int i = 0; i < 100; ++i)
      REQUIRE(path.pass());
    path.lose(1);
    for (std::uint32_t i = 101; i < 255; ++i)
      CHECK(path.open(path.next()) == Drop::mppe_unsynchronised);
    Octets flag = path.next();
    REQUIRE(flag[0] == 0x90);
    REQUIRE(flag[1] == 0xff);
    flag[0] &= keep;
    CHECK_FALSE(path.open(flag));
    CHECK(path.opened() == ipv4_inner(255));
    CHECK_FALSE(path.opener().needs_reset());
    CHECK(path.pass());
  }
}

TEST_CASE("stateful/flag packets without their A bit in an unbroken row") {
  Path path(kStateful);
  for (int i = 0; i < 5000; ++i) {
    Octets sealed = path.next();
    sealed[0] &= 0x7f;
    REQUIRE_FALSE(path.open(sealed));
  }
}

TEST_CASE("rfc3078/3.1 a first stateful packet with its A bit and the initial key") {
  Path path(kStateful);
  Octets first = path.next();
  CHECK((first[0] & 0x80) == 0);
  first[0] |= 0x80;
  CHECK_FALSE(path.open(first));
  CHECK(path.opener().flush_rule() == FlushRule::change_key);
  CHECK(path.pass());
}

TEST_CASE("stateful/a sender that changes its key for every packet is understood") {
  // Some peers agree to stateful and send stateless (interop note 3.14).
  Path sends(kStateless);
  Path receives(kStateful);
  for (int i = 0; i < 1000; ++i) {
    if (i % 50 == 0) sends.lose(3);
    CHECK_FALSE(receives.open(sends.next()));
    CHECK(receives.opened() == ipv4_inner(sends.number()));
  }
}

TEST_CASE("stateful/one damaged packet costs no reset, two in a row do") {
  Path path(kStateful);
  REQUIRE(path.pass());
  for (int i = 0; i < 20; ++i) {
    Octets damaged = path.next();
    damaged[10] ^= 1;
    CHECK(path.open(damaged) == Drop::mppe_implausible);
    CHECK_FALSE(path.opener().needs_reset());
    CHECK(path.pass());
  }
  for (int i = 0; i < 2; ++i) {
    Octets damaged = path.next();
    damaged[10] ^= 1;
    CHECK(path.open(damaged) == Drop::mppe_implausible);
  }
  reset(path, FlushRule::change_key);
  CHECK(path.pass());
}

TEST_CASE("stateful/an overtaken or repeated packet is dropped and costs no reset") {
  Path path(kStateful);
  REQUIRE(path.pass());
  const Octets sealed = path.next();
  REQUIRE_FALSE(path.open(sealed));
  CHECK(path.open(sealed) == Drop::mppe_late);
  REQUIRE(path.pass());
  for (int i = 0; i < 5; ++i)
    CHECK(path.open(sealed) == Drop::mppe_late);
  CHECK_FALSE(path.opener().needs_reset());
  CHECK(path.pass());
}

TEST_CASE("stateful/compressed tcp alone ends the wait, whichever rule the peer follows") {
  for (const FlushRule rule : {FlushRule::change_key, FlushRule::keep_key}) {
    Path path(kStateful);
    REQUIRE(path.pass());
    path.lose(1);
    CHECK(path.open(path.seal(vj_inner(1))) == Drop::mppe_unsynchronised);
    reset(path, rule);
    CHECK_FALSE(path.open(path.seal(vj_inner(2))));
    CHECK(path.opened() == vj_inner(2));
    CHECK(path.pass());
  }
}

TEST_CASE("stateful/every flipped bit is recovered from by resets alone") {
  Path path(kStateful);
  const std::size_t size = path.next().size();
  path.sealer().flush();
  REQUIRE(path.pass());
  for (std::size_t bit = 0; bit < size * 8; ++bit) {
    Octets damaged = path.next();
    damaged[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    (void)path.open(damaged);
    std::uint32_t resets = 0;
    for (int i = 0; i < 6; ++i) {
      if (path.opener().needs_reset()) {
        path.sealer().flush(path.opener().flush_rule());
        ++resets;
      }
      (void)path.pass();
    }
    CAPTURE(bit);
    CHECK(resets <= 1);
    REQUIRE(path.pass());
  }
}

TEST_CASE("stateful/loss, reordering, repetition and damage, in both rules") {
  for (const FlushRule rule : {FlushRule::change_key, FlushRule::keep_key}) {
    Dice dice(rule == FlushRule::change_key ? 21 : 22);
    Path path(kStateful);
    std::uint32_t accepted = 0;
    std::optional<Octets> held;
    for (std::uint32_t i = 0; i < 30'000; ++i) {
      // A Reset-Request that may be lost itself, as may be what it leads to.
      if (path.opener().needs_reset() && dice.roll(3) == 0) path.sealer().flush(rule);
      const std::uint32_t chance = dice.roll(200);
      if (chance < 4) {
        path.lose(1 + dice.roll(chance == 0 ? 700 : 3));
      } else if (chance < 6 && !held) {
        held = path.next();
      } else if (chance < 8) {
        Octets damaged = path.next();
        const std::uint32_t bit = dice.roll(24 * 8);
        damaged[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
        (void)path.open(damaged);
      } else {
        const Octets sealed = path.next();
        if (!path.open(sealed)) {
          REQUIRE(path.opened() == ipv4_inner(path.number()));
          ++accepted;
        }
        if (chance < 12) (void)path.open(sealed);
        if (held) (void)path.open(*held);
        held.reset();
      }
    }
    CHECK(accepted > 25'000);
    while (path.opener().needs_reset()) {
      path.sealer().flush(rule);
      (void)path.pass();
    }
    for (int i = 0; i < 3; ++i)
      (void)path.pass();
    if (path.opener().needs_reset()) path.sealer().flush(rule);
    for (int i = 0; i < 600; ++i)
      REQUIRE(path.pass());
  }
}

}  // namespace
}  // namespace pptp
