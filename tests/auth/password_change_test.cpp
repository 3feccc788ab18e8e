#include "auth/password_change.h"

#include <doctest/doctest.h>

#include "auth/chap_packet.h"
#include "auth/mschapv1.h"
#include "lib/legacy_crypto.h"
#include "tests/auth/script_entropy.h"
#include "tests/vectors/vectors.h"

namespace pptp {
namespace {

std::string field_text(std::string_view field) {
  return std::string(as_text(test::octets(field)));
}

std::vector<std::vector<std::string>> rows(std::string_view kind) {
  auto all = test::vector_rows("authentication.txt");
  std::erase_if(all, [kind](const auto& row) { return row.front() != kind; });
  REQUIRE_FALSE(all.empty());
  return all;
}

NtHash hash_of(std::string_view password) {
  return Credentials("", SecretText(password)).nt_hash();
}

TEST_CASE("rfc2759/8.9 and 8.12: what an independent implementation makes of a new password") {
  for (const auto& row : rows("change")) {
    const std::string old_password = field_text(row.at(1));
    const std::string new_password = field_text(row.at(2));
    CAPTURE(new_password);
    test::ScriptEntropy entropy("");
    const EncryptedPassword encrypted =
        encrypt_password(UnicodePassword(new_password), hash_of(old_password), entropy);
    CHECK(hex(encrypted) == row.at(3));
    CHECK(hex(encrypt_hash(hash_of(old_password), hash_of(new_password))) == row.at(4));
    const auto decrypted = decrypt_password(encrypted, hash_of(old_password));
    REQUIRE(decrypted);
    CHECK(utf8_of(*decrypted).value().view() == new_password);
  }
}

TEST_CASE("rfc2759/8.9 under another hash there is no password") {
  test::ScriptEntropy entropy("");
  const EncryptedPassword encrypted =
      encrypt_password(UnicodePassword("new"), hash_of("old"), entropy);
  CHECK_FALSE(decrypt_password(encrypted, hash_of("older")));
}

TEST_CASE("rfc2433/10 the packet's data has 1114 octets, and what is for LAN Manager stays out") {
  std::vector<std::uint8_t> data(MsChapV1ChangePassword::kSize);
  for (std::size_t i = 0; i < data.size(); ++i)
    data[i] = static_cast<std::uint8_t>(i * 7);
  data[1112] = 0;
  for (const bool use_nt : {true, false}) {
    data[1113] = use_nt ? 1 : 0;
    const auto packet = parse_mschapv1_change(data);
    REQUIRE(packet);
    CHECK(packet->response.use_nt == use_nt);
    std::vector<std::uint8_t> expected = data;
    std::fill_n(expected.begin() + 532, 516 + 16 + 24, std::uint8_t{0});
    CHECK(build(*packet) == expected);
  }
  for (const std::size_t size : {0U, 1U, 582U, 1113U, 1115U}) {
    data.resize(size);
    CHECK(parse_mschapv1_change(data).error() == Error::bad_length);
  }
}

TEST_CASE("rfc2759/7 the packet's data has 582 octets and survives the round trip") {
  std::vector<std::uint8_t> data(MsChapV2ChangePassword::kSize);
  for (std::size_t i = 0; i < data.size(); ++i)
    data[i] = static_cast<std::uint8_t>(i * 7);
  std::fill_n(data.begin() + 548, 8, std::uint8_t{0});
  std::fill_n(data.begin() + 580, 2, std::uint8_t{0});
  const auto packet = parse_mschapv2_change(data);
  REQUIRE(packet);
  CHECK(build(*packet) == data);
  for (const std::size_t size : {0U, 1U, 581U, 583U}) {
    data.resize(size);
    CHECK(parse_mschapv2_change(data).error() == Error::bad_length);
  }
}

TEST_CASE("rfc2433/A.2 the half of the LAN Manager hash that keys are made of") {
  for (const auto& row : rows("lm")) {
    const auto hash = lm_password_hash(field_text(row.at(1)));
    REQUIRE(hash);
    CHECK(hex(hash->bytes()) == row.at(2));
  }
  CHECK_FALSE(lm_password_hash("fifteen letters"));
  CHECK_FALSE(
      lm_password_hash("Gr\xc3\xbc\xc3\x9f"
                       "e"));
}

TEST_CASE("rfc2433/A.1 responses of MS-CHAPv1") {
  for (const auto& row : rows("v1")) {
    const auto octets = test::octets(row.at(2));
    const auto challenge = Reader(octets).array<8>();
    CHECK(hex(challenge_response(challenge, hash_of(field_text(row.at(1))))) == row.at(3));
  }
}

TEST_CASE("credentials/a password in UTF-16 becomes UTF-8, and half a pair does not") {
  for (const std::string_view text : {"", "clientPass",
                                      "Gr\xc3\xbc\xc3\x9f"
                                      "e",
                                      "\xf0\x9f\x94\x91key", "\xef\xbf\xbf"}) {
    CHECK(utf8_of(UnicodePassword(text)).value().view() == text);
  }
  for (const std::string_view digits : {"3dd8", "00dc", "3dd84100", "3dd83dd8", "00dc3dd8"}) {
    CAPTURE(digits);
    const auto password = UnicodePassword::from_octets(test::octets(digits));
    REQUIRE(password);
    CHECK(utf8_of(*password).error() == Error::bad_value);
  }
  CHECK(UnicodePassword::from_octets(std::vector<std::uint8_t>(3)).error() == Error::bad_length);
  CHECK(UnicodePassword::from_octets(std::vector<std::uint8_t>(514)).error() == Error::bad_length);
  // As many octets as there can be.
  const std::vector<std::uint8_t> full(512, 0xd8);
  CHECK(utf8_of(UnicodePassword::from_octets(full).value()).error() == Error::bad_value);
  const std::vector<std::uint8_t> wide(512, 0x30);
  CHECK(utf8_of(UnicodePassword::from_octets(wide).value()).value().view().size() == 768);
}

TEST_CASE("credentials/a password in UTF-16 as octets, one for each character, or not at all") {
  CHECK(octets_of(UnicodePassword("Gr\xc3\xbc\xc3\x9f"
                                  "e"))
            .value()
            .view() ==
        "Gr\xfc\xdf"
        "e");
  CHECK(octets_of(UnicodePassword("")).value().empty());
  CHECK(octets_of(UnicodePassword(std::string(256, 'x'))).value().view().size() == 256);
  CHECK(octets_of(UnicodePassword("\xc4\x80")).error() == Error::bad_value);
  CHECK(octets_of(UnicodePassword("secret \xf0\x9f\x94\x91")).error() == Error::bad_value);
}

TEST_CASE("credentials/octets as characters: pppd's hash of a password beyond ASCII (note 3.27)") {
  const Credentials widened("User",
                            SecretText("Gr\xc3\xbc\xc3\x9f"
                                       "e"),
                            PasswordText::octets);
  CHECK(hex(widened.nt_hash().bytes()) == "ada998ce9dab72e363b5b48290f1656c");
  CHECK(hex(widened.clone().unicode_password().value().bytes()) == "47007200c300bc00c3009f006500");
}

}  // namespace
}  // namespace pptp
