// Packets sealed and opened together are what they are one by one.
#include <algorithm>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "mppe/cipher.h"
#include "tests/mppe/fixtures.h"

namespace pptp {
namespace {

using test::example_start_key;
using test::ipv4_inner;
using test::Octets;
using test::vj_inner;

constexpr KeyBits kAllBits[] = {KeyBits::k40, KeyBits::k56, KeyBits::k128};
constexpr MppeMode kModes[] = {MppeMode::stateless, MppeMode::stateful};

class Batch {
 public:
  explicit Batch(const std::vector<Octets>& contents) : pool_(contents.size()) {
    for (const Octets& octets : contents) {
      packets_.push_back(pool_.acquire());
      REQUIRE(packets_.back().assign(octets));
    }
  }

  std::span<Packet> packets() { return packets_; }

  std::vector<Octets> contents() const {
    std::vector<Octets> all;
    for (const Packet& packet : packets_)
      all.emplace_back(packet.bytes().begin(), packet.bytes().end());
    return all;
  }

 private:
  PacketPool pool_;
  std::vector<Packet> packets_;
};

std::vector<Octets> some_inner(std::mt19937& random, std::uint32_t& number) {
  std::vector<Octets> inner(1 + random() % 9);
  for (Octets& octets : inner)
    octets = random() % 10 == 0 ? vj_inner(number++) : ipv4_inner(number++, 30 + random() % 1400);
  return inner;
}

TEST_CASE("mppe/sealed together as one by one") {
  const unsigned seed = std::random_device()();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (const KeyBits bits : kAllBits) {
    for (const MppeMode mode : kModes) {
      for (const bool mppc : {false, true}) {
        const MppeParameters parameters{bits, mode, mppc};
        MppeSealer together(example_start_key(bits), parameters);
        MppeSealer alone(example_start_key(bits), parameters);
        std::uint32_t number = 0;
        for (int round = 0; round < 300; ++round) {
          const std::vector<Octets> inner = some_inner(random, number);
          Batch batch(inner);
          Batch singles(inner);
          if (random() % 20 == 0) {
            together.flush();
            alone.flush();
          }
          together.seal(batch.packets());
          for (Packet& packet : singles.packets())
            alone.seal(std::span(&packet, 1));
          REQUIRE(batch.contents() == singles.contents());
        }
      }
    }
  }
}

TEST_CASE("mppe/opened together as one by one, whatever was lost, damaged, repeated or swapped") {
  const unsigned seed = std::random_device()();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (const KeyBits bits : kAllBits) {
    for (const MppeMode mode : kModes) {
      const MppeParameters parameters{bits, mode};
      MppeSealer sealer(example_start_key(bits), parameters);
      MppeOpener together(example_start_key(bits), parameters);
      MppeOpener alone(example_start_key(bits), parameters);
      std::uint32_t number = 0;
      std::size_t opened = 0;
      for (int round = 0; round < 1000; ++round) {
        Batch sealed(some_inner(random, number));
        sealer.seal(sealed.packets());
        std::vector<Octets> arrived;
        for (Octets& octets : sealed.contents()) {
          switch (random() % 40) {
            case 0:
              continue;
            case 1:
              octets[random() % octets.size()] ^= static_cast<std::uint8_t>(1 + random() % 255);
              break;
            case 2:
              octets.resize(random() % octets.size());
              break;
            case 3:
              arrived.push_back(octets);
              break;
            default:
              break;
          }
          arrived.push_back(octets);
        }
        if (arrived.size() > 1 && random() % 20 == 0) std::swap(arrived[0], arrived[1]);
        Batch batch(arrived);
        Batch singles(arrived);
        std::vector<std::optional<Drop>> drops(arrived.size(), Drop::mppe_malformed);
        together.open(batch.packets(), drops);
        for (std::size_t i = 0; i < arrived.size(); ++i) {
          const std::optional<Drop> drop = alone.open(singles.packets()[i]);
          REQUIRE(drops[i] == drop);
          if (drop) continue;
          ++opened;
          REQUIRE(std::ranges::equal(batch.packets()[i].bytes(), singles.packets()[i].bytes()));
        }
        REQUIRE(together.needs_reset() == alone.needs_reset());
        if (mode == MppeMode::stateful && alone.needs_reset()) sealer.flush();
      }
      CHECK(opened > 2000);
    }
  }
}

}  // namespace
}  // namespace pptp
