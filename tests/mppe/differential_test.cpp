// The cipher against a second implementation, made as simple as can be: it shares SHA-1 with the
// first and nothing else, and does what Linux does (interop notes 3.8 to 3.12).
#include <array>
#include <cstdint>
#include <numeric>
#include <optional>
#include <vector>

#include <doctest/doctest.h>

#include "lib/legacy_crypto.h"
#include "mppe/cipher.h"
#include "tests/mppe/fixtures.h"

namespace pptp {
namespace {

using test::Dice;
using test::ipv4_inner;
using test::Octets;

class ReferenceRc4 {
 public:
  explicit ReferenceRc4(const Octets& key) {
    std::iota(s_.begin(), s_.end(), std::uint8_t{0});
    unsigned j = 0;
    for (unsigned i = 0; i < 256; ++i) {
      j = (j + s_[i] + key[i % key.size()]) % 256;
      std::swap(s_[i], s_[j]);
    }
  }

  Octets crypt(Octets octets) {
    for (std::uint8_t& octet : octets) {
      i_ = (i_ + 1) % 256;
      j_ = (j_ + s_[i_]) % 256;
      std::swap(s_[i_], s_[j_]);
      octet ^= s_[(s_[i_] + s_[j_]) % 256U];
    }
    return octets;
  }

 private:
  std::array<std::uint8_t, 256> s_{};
  unsigned i_ = 0;
  unsigned j_ = 0;
};

class ReferenceMppe {
 public:
  explicit ReferenceMppe(MppeParameters parameters) : parameters_(parameters), rc4_(Octets{0}) {
    const MppeKey start = test::example_start_key(parameters.bits);
    start_.assign(start.bytes().begin(), start.bytes().end());
    start_.resize(key_octets(parameters.bits));
    key_ = salted(mixed(start_));
    rc4_ = ReferenceRc4(key_);
  }

  Octets seal(const Octets& inner) {
    count_ = (count_ + 1) % 4096;
    bool flushed = parameters_.mode == MppeMode::stateless || count_ % 256 == 255 || flush_;
    flush_ = false;
    if (flushed) change_key();
    const unsigned header = (flushed ? 0x8000U : 0U) + 0x1000U + count_;
    Octets out = {static_cast<std::uint8_t>(header / 256), static_cast<std::uint8_t>(header % 256)};
    const Octets body = rc4_.crypt(inner);
    out.insert(out.end(), body.begin(), body.end());
    return out;
  }

  void flush() { flush_ = parameters_.mode == MppeMode::stateful; }

  std::optional<Octets> open(const Octets& packet) {
    const unsigned count = (packet.at(0) % 16U) * 256U + packet.at(1);
    const bool flushed = packet[0] >= 128;
    if (parameters_.mode == MppeMode::stateless) {
      if (const unsigned ahead = (count - count_) % 4096; ahead == 0 || ahead > 2047) return {};
      while (count_ != count) {
        count_ = (count_ + 1) % 4096;
        change_key();
      }
    } else {
      if (!waits_) {
        count_ = (count_ + 1) % 4096;
        waits_ = count != count_;
        if (waits_) return {};
      } else {
        if (!flushed) return {};
        for (; count_ / 256 != count / 256; count_ = (count_ + 256) % 4096)
          change_key();
        count_ = count;
        waits_ = false;
      }
      if (flushed) change_key();
    }
    return rc4_.crypt(Octets(packet.begin() + 2, packet.end()));
  }

  bool waits() const { return waits_; }

 private:
  Octets mixed(const Octets& key) const {
    Octets input = start_;
    input.insert(input.end(), 40, 0x00);
    input.insert(input.end(), key.begin(), key.end());
    input.insert(input.end(), 40, 0xf2);
    const Sha1Digest digest = sha1({Bytes(input)});
    return {digest.begin(), digest.begin() + static_cast<std::ptrdiff_t>(start_.size())};
  }

  Octets salted(Octets key) const {
    if (parameters_.bits != KeyBits::k128) key[0] = 0xd1;
    if (parameters_.bits == KeyBits::k40) key[1] = 0x26;
    if (parameters_.bits == KeyBits::k40) key[2] = 0x9e;
    return key;
  }

  void change_key() {
    const Octets interim = mixed(key_);
    key_ = salted(ReferenceRc4(interim).crypt(interim));
    rc4_ = ReferenceRc4(key_);
  }

  MppeParameters parameters_;
  Octets start_;
  Octets key_;
  ReferenceRc4 rc4_;
  unsigned count_ = 4095;
  bool flush_ = false;
  bool waits_ = false;
};

constexpr std::array kAllBits = {KeyBits::k40, KeyBits::k56, KeyBits::k128};
constexpr std::array kBothModes = {MppeMode::stateless, MppeMode::stateful};

TEST_CASE("mppe/sealed packets are those of the reference") {
  for (const KeyBits bits : kAllBits) {
    for (const MppeMode mode : kBothModes) {
      Dice dice(static_cast<std::uint32_t>(bits) + 10);
      test::Path path({bits, mode});
      ReferenceMppe reference({bits, mode});
      for (std::uint32_t i = 0; i < 9000; ++i) {
        if (dice.roll(50) == 0) {
          path.sealer().flush();
          reference.flush();
        }
        const Octets inner = ipv4_inner(i, 20 + dice.roll(100));
        REQUIRE(path.seal(inner) == reference.seal(inner));
      }
    }
  }
}

TEST_CASE("mppe/what the reference opens is opened, whatever is lost") {
  for (const KeyBits bits : kAllBits) {
    for (const MppeMode mode : kBothModes) {
      Dice dice(static_cast<std::uint32_t>(bits) + 20);
      test::Path path({bits, mode});
      ReferenceMppe reference({bits, mode});
      std::uint32_t opened = 0;
      std::uint32_t number = 0;
      const auto next = [&] { return path.seal(ipv4_inner(number++)); };
      std::optional<Octets> overtaken;
      for (int i = 0; i < 20'000; ++i) {
        if (reference.waits() && dice.roll(5) == 0) path.sealer().flush();
        const std::uint32_t chance = dice.roll(300);
        if (chance < 3) {
          for (std::uint32_t lost = dice.roll(chance == 0 ? 2000 : 20); lost > 0; --lost)
            (void)next();
        }
        // The reference has no answer to late stateful packets.
        if (chance == 4 && mode == MppeMode::stateless) overtaken = next();
        const Octets sealed = next();
        const std::optional<Octets> expected = reference.open(sealed);
        const std::optional<Drop> drop = path.open(sealed);
        if (expected) {
          REQUIRE_FALSE(drop);
          ++opened;
        }
        if (!drop) REQUIRE(path.opened() == ipv4_inner(number - 1));
        if (overtaken) {
          REQUIRE_FALSE(reference.open(*overtaken));
          REQUIRE(path.open(*overtaken) == Drop::mppe_late);
          overtaken.reset();
        }
      }
      CHECK(opened > 15'000);
    }
  }
}

}  // namespace
}  // namespace pptp
