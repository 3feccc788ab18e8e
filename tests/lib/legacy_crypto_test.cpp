#include "lib/legacy_crypto.h"

#include <algorithm>
#include <vector>

#include <doctest/doctest.h>

#include "tests/vectors/vectors.h"

namespace pptp {
namespace {

using test::octets;
using test::vector_rows;

std::string digest_hex(std::string_view algorithm, std::initializer_list<Bytes> parts) {
  if (algorithm == "md4") return hex(md4(parts));
  if (algorithm == "md5") return hex(md5(parts));
  if (algorithm == "sha1") return hex(sha1(parts));
  return "unknown algorithm";
}

TEST_CASE("rfc1320 rfc1321 rfc3174/digests of the published texts") {
  for (const auto& row : vector_rows("digests.txt")) {
    REQUIRE(row.size() == 4);
    const std::vector<std::uint8_t> once = octets(row[2]);
    std::vector<std::uint8_t> input;
    for (unsigned long i = std::stoul(row[1]); i > 0; --i)
      input.insert(input.end(), once.begin(), once.end());
    CAPTURE(row[0]);
    CAPTURE(input.size());
    CHECK(digest_hex(row[0], {Bytes(input)}) == row[3]);
  }
}

TEST_CASE("legacy_crypto/a digest does not depend on how its input is cut") {
  std::vector<std::uint8_t> input(200);
  for (std::size_t i = 0; i < input.size(); ++i)
    input[i] = static_cast<std::uint8_t>(i * 37);
  const Bytes all(input);
  for (const std::string_view algorithm : {"md4", "md5", "sha1"}) {
    const std::string whole = digest_hex(algorithm, {all});
    for (std::size_t cut = 0; cut <= all.size(); ++cut)
      CHECK(digest_hex(algorithm, {all.first(cut), Bytes{}, all.subspan(cut)}) == whole);
    CHECK(digest_hex(algorithm, {}) == digest_hex(algorithm, {Bytes{}}));
    CHECK(digest_hex(algorithm, {}) != whole);
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

TEST_CASE("rfc2759/8.6 des under keys of 7 octets") {
  for (const auto& row : vector_rows("des.txt")) {
    REQUIRE(row.size() == 3);
    const std::vector<std::uint8_t> key = octets(row[0]);
    DesBlock clear;
    DesBlock cipher;
    std::ranges::copy(octets(row[1]), clear.begin());
    std::ranges::copy(octets(row[2]), cipher.begin());
    CAPTURE(row[0]);
    CHECK(des_encrypt(key, clear) == cipher);
    CHECK(des_decrypt(key, cipher) == clear);
  }
}

TEST_CASE("rfc2759/8.6 every one of the 56 key bits counts") {
  const DesBlock clear{};
  std::vector<DesBlock> seen;
  for (std::size_t bit = 0; bit < 56; ++bit) {
    std::array<std::uint8_t, 7> key{};
    key[bit / 8] = static_cast<std::uint8_t>(0x80U >> bit % 8);
    const DesBlock cipher = des_encrypt(key, clear);
    CHECK(std::ranges::find(seen, cipher) == seen.end());
    seen.push_back(cipher);
  }
}

}  // namespace
}  // namespace pptp
