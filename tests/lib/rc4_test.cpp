// The key streams of lib/rc4 beside libcrypto's own, which share no line.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "lib/rc4.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <openssl/rc4.h>

#include "lib/legacy_crypto.h"
#include "tests/vectors/vectors.h"

namespace pptp {
namespace {

using test::octets;
using test::vector_rows;
using Octets = std::vector<std::uint8_t>;

Octets random_octets(std::mt19937& random, std::size_t size) {
  Octets octets(size);
  for (std::uint8_t& octet : octets)
    octet = static_cast<std::uint8_t>(random());
  return octets;
}

/// libcrypto's stream.
class Reference {
 public:
  explicit Reference(const Octets& key) {
    RC4_set_key(&key_, static_cast<int>(key.size()), key.data());
  }

  Octets apply(const Octets& data) {
    Octets out(data.size());
    RC4(&key_, data.size(), data.data(), out.data());
    return out;
  }

 private:
  RC4_KEY key_{};
};

TEST_CASE("rc4/every length of key, and of data up to 2000, is as libcrypto has it") {
  std::mt19937 random(1);
  for (std::size_t size = 1; size <= 256; ++size) {
    CAPTURE(size);
    const Octets key = random_octets(random, size);
    Octets data = random_octets(random, 300);
    const Octets expected = Reference(key).apply(data);
    Rc4{Bytes(key)}.apply(data);
    REQUIRE(data == expected);
  }
  for (const std::size_t size : {8U, 16U}) {
    for (std::size_t length = 0; length <= 2000; ++length) {
      CAPTURE(length);
      const Octets key = random_octets(random, size);
      Octets data = random_octets(random, length);
      const Octets expected = Reference(key).apply(data);
      Rc4{Bytes(key)}.apply(data);
      REQUIRE(data == expected);
    }
  }
}

TEST_CASE("rc4/streams side by side are what each is alone, however many, long and far") {
  const unsigned seed = std::random_device()();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 3000; ++round) {
    const std::size_t count = random() % 10;
    const std::size_t key_size = random() % 2 == 0 ? 8 : 16;
    // Mostly alike, as packets of one batch are; some at a place of their own.
    const std::size_t length = random() % 2000;
    std::vector<Octets> keys;
    std::vector<Octets> data;
    std::vector<Octets> expected;
    std::vector<Rc4> streams(count);
    std::vector<Rc4::Keying> keyings;
    std::vector<Rc4::Work> works;
    for (std::size_t i = 0; i < count; ++i) {
      keys.push_back(random_octets(random, key_size));
      data.push_back(random_octets(random, random() % 4 == 0 ? random() % 2000 : length));
    }
    for (std::size_t i = 0; i < count; ++i)
      keyings.push_back({&streams[i], keys[i]});
    Rc4::set_keys(keyings);
    for (std::size_t i = 0; i < count; ++i) {
      Reference reference(keys[i]);
      if (random() % 8 == 0) {
        Octets skipped(random() % 40);
        (void)reference.apply(skipped);
        streams[i].apply(skipped);
      }
      expected.push_back(reference.apply(data[i]));
      const Octets more(20);
      for (const std::uint8_t octet : reference.apply(more))
        expected.back().push_back(octet);
      works.push_back({&streams[i], data[i]});
    }
    Rc4::apply(works);
    for (std::size_t i = 0; i < count; ++i) {
      // Each goes on where it stopped.
      Octets more(20);
      streams[i].apply(more);
      data[i].insert(data[i].end(), more.begin(), more.end());
      REQUIRE(data[i] == expected[i]);
    }
  }
}

TEST_CASE("rfc6229/rc4 key streams") {
  for (const auto& row : vector_rows("rfc6229-rc4.txt")) {
    REQUIRE(row.size() == 3);
    const std::vector<std::uint8_t> key = octets(row[0]);
    const std::size_t offset = std::stoul(row[1]);
    const std::vector<std::uint8_t> expected = octets(row[2]);
    std::vector<std::uint8_t> stream(offset + expected.size());
    Rc4(Bytes(key)).apply(MutableBytes(stream));
    CAPTURE(row[0]);
    CAPTURE(offset);
    CHECK(hex(Bytes(stream).subspan(offset)) == row[2]);
  }
}

TEST_CASE("rc4/the key stream goes on however the calls are cut") {
  const std::vector<std::uint8_t> key = octets("0102030405");
  std::vector<std::uint8_t> stream(4112);
  Rc4 rc4{Bytes(key)};
  MutableBytes left(stream);
  for (std::size_t length = 0; !left.empty(); ++length) {
    const std::size_t now = std::min(length, left.size());
    rc4.apply(left.first(now));
    left = left.subspan(now);
  }
  // Computed with an independent implementation.
  CHECK(hex(sha1({Bytes(stream)})) == "c434a66837d4df323bc88ef340f5885c450d44a2");
}

TEST_CASE("rc4/a copy goes its own way from where it was taken") {
  const std::vector<std::uint8_t> key = octets("0102030405060708090a0b0c0d0e0f10");
  Rc4 original{Bytes(key)};
  std::array<std::uint8_t, 16> zeros{};
  std::array<std::uint8_t, 16> skipped{};
  original.apply(skipped);
  CHECK(hex(skipped) == "9ac7cc9a609d1ef7b2932899cde41b97");
  Rc4 copy(original);
  Rc4 assigned;
  assigned = original;
  std::array<std::uint8_t, 16> stream{};
  for (Rc4* const one : {&original, &copy, &assigned}) {
    one->apply(zeros, stream);
    CHECK(hex(stream) == "5248c4959014126a6e8a84f11d1a9e1c");
  }
  copy.set_key(key);
  copy.apply(zeros, stream);
  CHECK(hex(stream) == "9ac7cc9a609d1ef7b2932899cde41b97");
}

TEST_CASE("rc4/applied twice is the identity, and nothing is done to no octets") {
  std::array<std::uint8_t, 3> data{1, 2, 3};
  const std::array<std::uint8_t, 5> key{9, 8, 7, 6, 5};
  Rc4 there{Bytes(key)};
  Rc4 back{Bytes(key)};
  there.apply(MutableBytes{});
  there.apply(data);
  CHECK(data != std::array<std::uint8_t, 3>{1, 2, 3});
  back.apply(data);
  CHECK(data == std::array<std::uint8_t, 3>{1, 2, 3});
}

}  // namespace
}  // namespace pptp
