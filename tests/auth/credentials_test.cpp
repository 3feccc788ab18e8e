#include "auth/credentials.h"

#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "tests/auth/octets.h"

namespace pptp {
namespace {

std::string utf16(std::string_view text) {
  return hex(UnicodePassword(text).bytes());
}

std::string nt_hash(std::string_view password) {
  return hex(Credentials("User", SecretText(password)).nt_hash().bytes());
}

TEST_CASE("rfc2759/9.2 the password becomes UTF-16LE") {
  CHECK(utf16("clientPass") == "63006c00690065006e0074005000610073007300");
}

TEST_CASE("credentials/the nt hash of passwords within and beyond ASCII") {
  CHECK(nt_hash("") == "31d6cfe0d16ae931b73c59d7e0c089c0");
  CHECK(nt_hash("clientPass") == "44ebba8d5312b8d611474411f56989ae");
  CHECK(nt_hash("#1 with # and blanks ") == "bf3053a007ed419065fded70c6f7deba");
  CHECK(nt_hash("a pass phrase longer than fourteen characters") ==
        "bb2340fc7cd6cc4a8a308cc0d8a43c3f");
  CHECK(nt_hash("Gr\xc3\xbc\xc3\x9f"
                "e") == "2816114083c3d8e78cfa2bdb9cde7ae6");
  CHECK(nt_hash("\xd0\x9a\xd0\xb8\xd1\x80\xd0\xb8\xd0\xbb\xd0\xbb\xd0\xb8\xd1\x86\xd0\xb0") ==
        "4564aefda68f2990ccd97f45d62284cd");
  CHECK(nt_hash("\xf0\x9f\x94\x91key") == "08636ad2dbbe22210305db7278de577f");
}

TEST_CASE("credentials/octets as characters, pppd's way, are one transcoding away (note 3.27)") {
  const auto each_octet_a_character = [](std::string_view text) {
    std::string out;
    for (const std::uint8_t octet : as_bytes(text)) {
      if (octet < 0x80) {
        out += static_cast<char>(octet);
      } else {
        out += static_cast<char>(0xc0 | octet >> 6);
        out += static_cast<char>(0x80 | (octet & 0x3f));
      }
    }
    return out;
  };
  CHECK(nt_hash(each_octet_a_character("Gr\xc3\xbc\xc3\x9f"
                                       "e")) == "ada998ce9dab72e363b5b48290f1656c");
  CHECK(nt_hash(each_octet_a_character(
            "\xd0\x9a\xd0\xb8\xd1\x80\xd0\xb8\xd0\xbb\xd0\xbb\xd0\xb8\xd1\x86\xd0\xb0")) ==
        "d13b3248e6ae35ec58719c8b1813e706");
}

TEST_CASE("credentials/characters at the borders of each form of UTF-8") {
  CHECK(utf16("\x7f") == "7f00");
  CHECK(utf16("\xc2\x80") == "8000");
  CHECK(utf16("\xdf\xbf") == "ff07");
  CHECK(utf16("\xe0\xa0\x80") == "0008");
  CHECK(utf16("\xed\x9f\xbf") == "ffd7");
  CHECK(utf16("\xee\x80\x80") == "00e0");
  CHECK(utf16("\xef\xbf\xbf") == "ffff");
  CHECK(utf16("\xf0\x90\x80\x80") == "00d800dc");
  CHECK(utf16("\xf4\x8f\xbf\xbf") == "ffdbffdf");
  CHECK(utf16(std::string_view("a\0b", 3)) == "610000006200");
}

TEST_CASE("credentials/octets that are no UTF-8 become characters of their own value") {
  CHECK(utf16("Gr\xfc\xdf"
              "e") == "47007200fc00df006500");
  CHECK(utf16("\x80") == "8000");
  CHECK(utf16("\xc3") == "c300");                                  // cut short
  CHECK(utf16("\xe2\x82") == "e2008200");                          // cut short
  CHECK(utf16("\xc0\x80") == "c0008000");                          // overlong
  CHECK(utf16("\xe0\x9f\xbf") == "e0009f00bf00");                  // overlong
  CHECK(utf16("\xf0\x8f\xbf\xbf") == "f0008f00bf00bf00");          // overlong
  CHECK(utf16("\xed\xa0\x80") == "ed00a0008000");                  // a surrogate
  CHECK(utf16("\xf4\x90\x80\x80") == "f400900080008000");          // beyond U+10FFFF
  CHECK(utf16("\xf8\x88\x80\x80\x80") == "f8008800800080008000");  // five octets
  CHECK(utf16("\xff\xc3\xbc") == "ff00fc00");                      // and on with the next
}

TEST_CASE("rfc2759/8.1 a password ends at 256 characters") {
  CHECK(nt_hash(std::string(256, 'x')) == "6c5a26717895edf2e532f7d0048acc65");
  CHECK(nt_hash(std::string(257, 'x')) == "6c5a26717895edf2e532f7d0048acc65");
  CHECK(nt_hash(std::string(255, 'x')) != "6c5a26717895edf2e532f7d0048acc65");
  const std::string key = "\xf0\x9f\x94\x91";
  CHECK(UnicodePassword(std::string(254, 'x') + key).bytes().size() == 512);
  // Half a character would be none.
  CHECK(UnicodePassword(std::string(255, 'x') + key).bytes().size() == 510);
  CHECK(UnicodePassword(std::string(100'000, 'x')).bytes().size() == 512);
}

TEST_CASE("credentials/with a hash alone there is no password, and a clone is the same") {
  const Credentials from_password("CORP\\User", SecretText("clientPass"));
  const Credentials from_hash("CORP\\User",
                              NtHash(test::octets("44ebba8d5312b8d611474411f56989ae")));
  CHECK(from_password.user() == "CORP\\User");
  CHECK(from_password.password() == "clientPass");
  CHECK_FALSE(from_hash.password());
  CHECK(equal_secret(from_password.nt_hash().bytes(), from_hash.nt_hash().bytes()));
  for (const Credentials* original : {&from_password, &from_hash}) {
    const Credentials copy = original->clone();
    CHECK(copy.user() == original->user());
    CHECK(copy.password() == original->password());
    CHECK(equal_secret(copy.nt_hash().bytes(), original->nt_hash().bytes()));
  }
}

}  // namespace
}  // namespace pptp
