#include "mppe/keys.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "lib/rc4.h"
#include "tests/mppe/fixtures.h"
#include "tests/vectors/vectors.h"

namespace pptp {
namespace {

using test::key_bits;
using test::octets;
using test::vector_rows;

constexpr std::array kAllBits = {KeyBits::k40, KeyBits::k56, KeyBits::k128};

std::vector<std::vector<std::string>> key_rows(std::string_view kind) {
  auto rows = vector_rows("rfc3079-keys.txt");
  std::erase_if(rows, [&](const auto& row) { return row.front() != kind; });
  REQUIRE_FALSE(rows.empty());
  return rows;
}

KeySeed v2_seed() {
  const auto row = key_rows("v2-seed").front();
  MsChapV2Seed seed;
  seed.password_hash_hash = Secret<16>(octets(row.at(1)));
  std::ranges::copy(octets(row.at(2)), seed.nt_response.begin());
  return seed;
}

KeySeed v1_seed() {
  const auto row = key_rows("v1-seed").front();
  MsChapV1Seed seed;
  seed.password_hash_hash = Secret<16>(octets(row.at(1)));
  seed.lm_password_hash = Secret<8>(octets(row.at(2)));
  std::ranges::copy(octets(row.at(3)), seed.challenge.begin());
  return seed;
}

/// The key's digits; the octets that it does not use must be zero.
std::string digits(const MppeKey& key, KeyBits bits) {
  const std::size_t size = key_octets(bits);
  CHECK(std::ranges::all_of(key.bytes().subspan(size), [](std::uint8_t o) { return o == 0; }));
  return hex(key.bytes().first(size));
}

void check_session(const MppeKey& start, KeyBits bits, const std::string& session,
                   const std::string& test_message) {
  const MppeKey key = initial_session_key(start, bits);
  CHECK(digits(key, bits) == session);
  if (test_message == "-") return;
  std::vector<std::uint8_t> text(12);
  Rc4(key.bytes().first(key_octets(bits))).apply(as_bytes("test message"), text);
  CHECK(hex(text) == test_message);
}

TEST_CASE("rfc3079/3.5 keys from MS-CHAPv2 for 40, 56 and 128 bits") {
  unsigned compared = 0;
  for (const auto& row : key_rows("v2")) {
    const KeyBits bits = key_bits(row.at(1));
    const auto keys = start_keys(v2_seed(), bits, Role::client);
    REQUIRE(keys);
    const MppeKey& start = row.at(2) == "send" ? keys->send : keys->receive;
    CAPTURE(row.at(1));
    CAPTURE(row.at(2));
    CHECK(digits(start, bits) == row.at(3));
    check_session(start, bits, row.at(4), row.at(5));
    ++compared;
  }
  CHECK(compared == 6);
}

TEST_CASE("rfc3079/3.5 the octet that the RFC misprints for 56 bits") {
  const auto keys = start_keys(v2_seed(), KeyBits::k56, Role::server);
  REQUIRE(keys);
  const MppeKey key = initial_session_key(keys->send, KeyBits::k56);
  std::vector<std::uint8_t> text(12);
  Rc4(key.bytes().first(8)).apply(as_bytes("test message"), text);
  CHECK(text.back() == 0xb8);  // The RFC prints 58; the eleven octets before it agree.
}

TEST_CASE("rfc3079/3.4 what one end sends with, the other receives with") {
  for (const KeyBits bits : kAllBits) {
    const auto client = start_keys(v2_seed(), bits, Role::client);
    const auto server = start_keys(v2_seed(), bits, Role::server);
    REQUIRE(client);
    REQUIRE(server);
    CHECK(digits(client->send, bits) == digits(server->receive, bits));
    CHECK(digits(client->receive, bits) == digits(server->send, bits));
    CHECK(digits(client->send, bits) != digits(client->receive, bits));
  }
}

TEST_CASE("rfc3079/2.5 keys from MS-CHAPv1 for 40, 56 and 128 bits") {
  unsigned compared = 0;
  for (const auto& row : key_rows("v1")) {
    const KeyBits bits = key_bits(row.at(1));
    for (const Role role : {Role::client, Role::server}) {
      const auto keys = start_keys(v1_seed(), bits, role);
      REQUIRE(keys);
      CAPTURE(row.at(1));
      CHECK(digits(keys->send, bits) == row.at(2));
      CHECK(digits(keys->receive, bits) == row.at(2));
      check_session(keys->send, bits, row.at(3), row.at(4));
    }
    ++compared;
  }
  CHECK(compared == 3);
}

TEST_CASE("rfc3078/7.3 session keys one after the other") {
  unsigned compared = 0;
  for (const auto& row : key_rows("next")) {
    const KeyBits bits = key_bits(row.at(1));
    const MppeKey start(octets(row.at(2)));
    MppeKey key = initial_session_key(start, bits);
    CHECK(digits(key, bits) == row.at(3));
    for (std::size_t i = 4; i < row.size(); ++i) {
      key = next_session_key(start, key, bits);
      CHECK(digits(key, bits) == row[i]);
      ++compared;
    }
  }
  CHECK(compared == 12);
}

TEST_CASE("rfc2548/2.4 start keys made elsewhere are taken as they are") {
  StartKeySeed seed;
  seed.send = Secret<16>(octets("000102030405060708090a0b0c0d0e0f"));
  seed.receive = Secret<16>(octets("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"));
  const KeySeed any(std::move(seed));
  for (const Role role : {Role::client, Role::server}) {
    for (const KeyBits bits : kAllBits) {
      const auto keys = start_keys(any, bits, role);
      REQUIRE(keys);
      const std::size_t digit_count = 2 * key_octets(bits);
      CHECK(digits(keys->send, bits) ==
            std::string("000102030405060708090a0b0c0d0e0f").substr(0, digit_count));
      CHECK(digits(keys->receive, bits) ==
            std::string("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff").substr(0, digit_count));
    }
  }
}

TEST_CASE("keys/an authentication that makes no keys leads to none") {
  for (const KeyBits bits : kAllBits) {
    const auto keys = start_keys(KeySeed{}, bits, Role::client);
    REQUIRE_FALSE(keys);
    CHECK(keys.error() == Error::not_available);
  }
}

TEST_CASE("rfc3079/2.1 short keys keep their salt from change to change") {
  MppeKey start(octets("0011223344556677"));
  MppeKey key40 = initial_session_key(start, KeyBits::k40);
  MppeKey key56 = initial_session_key(start, KeyBits::k56);
  for (int i = 0; i < 50; ++i) {
    CHECK(digits(key40, KeyBits::k40).starts_with("d1269e"));
    CHECK(digits(key56, KeyBits::k56).starts_with("d1"));
    key40 = next_session_key(start, key40, KeyBits::k40);
    key56 = next_session_key(start, key56, KeyBits::k56);
  }
}

}  // namespace
}  // namespace pptp
