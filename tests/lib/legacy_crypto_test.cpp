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

TEST_CASE("legacy_crypto/sha1 of whole blocks is that of the message they were padded from") {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{55}, std::size_t{56}, std::size_t{112}}) {
    CAPTURE(size);
    std::vector<std::uint8_t> message(size);
    for (std::size_t i = 0; i < size; ++i)
      message[i] = static_cast<std::uint8_t>(3 * i + 1);
    std::vector<std::uint8_t> blocks = message;
    blocks.push_back(0x80);
    blocks.resize((size + 9 + 63) / 64 * 64);
    blocks[blocks.size() - 2] = static_cast<std::uint8_t>(size * 8 >> 8);
    blocks[blocks.size() - 1] = static_cast<std::uint8_t>(size * 8 & 0xff);
    CHECK(sha1_of_blocks(blocks) == sha1({Bytes(message)}));
  }
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
