#include "apps/chap_secrets.h"

#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "tests/apps/temporary_folder.h"

using namespace pptp;
using namespace pptp::app;

namespace {

// The password of `user`, or "(nobody)".
std::string password(const ChapSecrets& secrets, std::string_view user,
                     std::string_view server = "") {
  const auto found = secrets.find(user, server);
  return found ? std::string(*found->credentials.password()) : "(nobody)";
}

// The password of alice in a file of this one line.
std::string read(std::string_view text) {
  return password(ChapSecrets::parse(text, "secrets"), "alice");
}

}  // namespace

TEST_CASE("chap-secrets: words, quotes, escapes and comments are pppd's") {
  struct Line {
    std::string_view text;
    std::string_view password;
  };

  static constexpr Line kLines[] = {
      {"alice * secret *", "secret"},
      {"alice\t*\tsecret\t*\n", "secret"},
      {"  alice   *  secret  *  \r\n", "secret"},
      {"# comment\n\n   # another\nalice * secret *", "secret"},
      {"alice * secret * # comment", "secret"},
      {"alice * \"two words\" *", "two words"},
      {"alice * 'two words' *", "two words"},
      {"alice * two\\ words *", "two words"},
      {"alice * two\\swords *", "two words"},
      {"alice * \"a # b\" *", "a # b"},
      {"alice * a\\#b *", "a#b"},
      {"alice * \\#b *", "#b"},
      {"alice * \"it's\" *", "it's"},
      {"alice * 'say \"hi\"' *", "say \"hi\""},
      {"alice * \"a\\\"b\" *", "a\"b"},
      {"alice * a\"b c\"d *", "ab cd"},
      {"alice * a\\\\b *", "a\\b"},
      {"alice * \\x41\\x4a\\x4A *", "AJJ"},
      {"alice * \\x4 *", "\x04"},
      {"alice * \\101\\60 *", "A0"},
      {"alice * \\1011 *", "A1"},
      {"alice * \\t\\n\\r\\a\\b\\f *", "\t\n\r\a\b\f"},
      {"alice * \\q *", "q"},
      {"alice * sec\\\nret *", "secret"},
      {"alice * \\\n secret *", "secret"},
      {"alice * \"\" *", ""},
      {"\"alice\" * secret *", "secret"},
      {"alice * p\xc3\xa4ss *", "p\xc3\xa4ss"},
      {"alice * p\xe4ss *", "p\xe4ss"},
      {"\xef\xbb\xbf"
       "alice * secret *",
       "secret"},
      {"alice * @secret *", "@secret"},
      {"alice * secret", "secret"},
      {"alice * se#cret *", "se"},
      {"alice * secret\\", "secret"},
  };
  for (const Line& line : kLines) {
    INFO(std::string(line.text));
    CHECK(read(line.text) == line.password);
  }
}

TEST_CASE("chap-secrets: what is odd is said with its line, and works") {
  struct Odd {
    std::string_view text;
    unsigned line;
    unsigned column;
    std::string_view message;
  };

  static constexpr Odd kOdd[] = {
      {"\nalice * se#cret *\n", 2, 9, "'#' ends this word"},
      {"alice * secret\n", 1, 9, "without a fourth field"},
      {"alice * \"\" *\n", 1, 9, "the secret is empty"},
      {"OFFICE\\alice * secret *\n", 1, 1, "a backslash in a name begins an escape"},
      {"alice * secret * -- idle\n", 1, 21, "this option after --"},
  };
  for (const Odd& odd : kOdd) {
    INFO(std::string(odd.text));
    const ChapSecrets secrets = ChapSecrets::parse(odd.text, "secrets");
    CHECK(secrets.errors().empty());
    CHECK(secrets.size() == 1);
    bool found = false;
    for (const ConfigError& warning : secrets.warnings())
      found = found || (warning.file == "secrets" && warning.line == odd.line &&
                        warning.column == odd.column &&
                        warning.message.find(odd.message) != std::string::npos);
    CHECK(found);
  }
  CHECK(ChapSecrets::parse("alice * \"se#cret\" *\nOFFICE\\\\bob * x *\n", "s").warnings().empty());
}

TEST_CASE("chap-secrets: an expired secret lets in with a new one only") {
  const ChapSecrets secrets =
      ChapSecrets::parse("alice * old * -- expired\nbob * old *\n", "secrets");
  CHECK(secrets.warnings().empty());
  CHECK(secrets.find("alice", "")->credentials.expired());
  CHECK(secrets.find("OFFICE\\alice", "")->credentials.expired());
  CHECK_FALSE(secrets.find("bob", "")->credentials.expired());
}

TEST_CASE("chap-secrets: another secret takes the place of the one that counts, and nothing else") {
  struct Change {
    std::string_view before;
    std::string_view after;
  };

  static constexpr Change kChanges[] = {
      {"alice * old * -- expired\n", "alice * \"n\\\"e\\\\w #\" *\n"},
      {"# me\nbob * x *\nalice\t* 'o l d' 10.0.0.1 -- idle expired # why\nalice * y *",
       "# me\nbob * x *\nalice\t* \"n\\\"e\\\\w #\" 10.0.0.1 -- idle # why\nalice * y *"},
      {"\xef\xbb\xbf\"alice\" vpn old", "\xef\xbb\xbf\"alice\" vpn \"n\\\"e\\\\w #\""},
      {"bob * x *\nalice * \\\n old *\n", "bob * x *\nalice * \\\n \"n\\\"e\\\\w #\" *\n"},
  };
  for (const Change& change : kChanges) {
    INFO(std::string(change.before));
    const auto changed =
        ChapSecrets::with_secret(std::string(change.before), "OFFICE\\alice", "vpn", "n\"e\\w #");
    REQUIRE(changed);
    CHECK(*changed == change.after);
    const auto user = ChapSecrets::parse(*changed, "s").find("alice", "vpn");
    REQUIRE(user);
    CHECK(user->credentials.password() == "n\"e\\w #");
    CHECK_FALSE(user->credentials.expired());
  }
}

TEST_CASE("chap-secrets: a secret that cannot be written down, or is nobody's, is not taken") {
  const std::string text = "alice * old *\n* * any *\n";
  CHECK_FALSE(ChapSecrets::with_secret(text, "bob", "", "new"));
  CHECK_FALSE(ChapSecrets::with_secret(text, "alice", "", "@/etc/passwd"));
  CHECK_FALSE(ChapSecrets::with_secret(text, "alice", "", "two\nlines"));
  CHECK_FALSE(ChapSecrets::with_secret("bob * x *\n", "alice", "", "new"));
  CHECK(ChapSecrets::with_secret(text, "alice", "", "new"));
}

TEST_CASE("chap-secrets: octets as characters, as pppd has it (note 3.27)") {
  const ChapSecrets secrets = ChapSecrets::parse(
      "User * Gr\xc3\xbc\xc3\x9f"
      "e *\n",
      "s");
  const auto hash = [&](PasswordText kind) {
    return hex(secrets.find("User", "", kind)->credentials.nt_hash().bytes());
  };
  CHECK(hash(PasswordText::utf8) == "2816114083c3d8e78cfa2bdb9cde7ae6");
  CHECK(hash(PasswordText::octets) == "ada998ce9dab72e363b5b48290f1656c");
}

TEST_CASE("chap-secrets: a line that makes no sense is left out, and the others work") {
  struct Wrong {
    std::string_view text;
    unsigned column;
    std::string_view message;
  };

  static constexpr Wrong kWrong[] = {
      {"bob", 1, "2 of the fields"},
      {"bob *", 1, "1 of the fields"},
      {"bob * \"secret *", 7, "a quote is opened"},
      {"bob * it's *", 7, "a quote is opened"},
      {"bob * secret office.example.com", 14, "not an IPv4 address"},
      {"bob * secret 10.0.0.1/8", 14, "bits set"},
      {"bob * @/nonexistent/secret *", 7, "No such file"},
  };
  for (const Wrong& wrong : kWrong) {
    INFO(std::string(wrong.text));
    const ChapSecrets secrets = ChapSecrets::parse(
        "alice * one *\n" + std::string(wrong.text) + "\ncarol * three *\n", "secrets");
    CHECK(secrets.size() == 2);
    CHECK(password(secrets, "alice") == "one");
    CHECK(password(secrets, "bob") == "(nobody)");
    CHECK(password(secrets, "carol") == "three");
    REQUIRE(secrets.errors().size() == 1);
    CHECK(secrets.errors()[0].line == 2);
    CHECK(secrets.errors()[0].column == wrong.column);
    CHECK(secrets.errors()[0].message.find(wrong.message) != std::string::npos);
    CHECK(describe(secrets.errors()[0]).find("secret *") == std::string::npos);
  }
}

TEST_CASE("chap-secrets: lines joined by a backslash keep the count of lines right") {
  const ChapSecrets secrets = ChapSecrets::parse("alice * \\\n  one *\nbob\n", "secrets");
  REQUIRE(secrets.errors().size() == 1);
  CHECK(secrets.errors()[0].line == 3);
}

TEST_CASE("chap-secrets: with and without the domain") {
  const ChapSecrets secrets = ChapSecrets::parse(
      "alice * plain *\nOFFICE\\\\bob * office *\nHOME\\\\bob * home *\n", "secrets");
  CHECK(password(secrets, "alice") == "plain");
  CHECK(password(secrets, "OFFICE\\alice") == "plain");
  CHECK(password(secrets, "OFFICE\\bob") == "office");
  CHECK(password(secrets, "HOME\\bob") == "home");
  CHECK(password(secrets, "bob") == "(nobody)");
  CHECK(password(secrets, "OTHER\\bob") == "(nobody)");
  CHECK(password(secrets, "Alice") == "(nobody)");
  CHECK(password(secrets, "") == "(nobody)");
  CHECK(password(secrets, "alice@office") == "(nobody)");
  CHECK(secrets.find("OFFICE\\alice", "")->credentials.user() == "OFFICE\\alice");
  // One account, by whichever name.
  CHECK(secrets.find("OFFICE\\alice", "")->account == secrets.find("alice", "")->account);
}

TEST_CASE("chap-secrets: a line for the very name wins over one for anybody") {
  const ChapSecrets secrets =
      ChapSecrets::parse("* * anybody *\nalice * hers *\nalice * second *\n", "secrets");
  CHECK(password(secrets, "alice") == "hers");
  CHECK(password(secrets, "OFFICE\\alice") == "hers");
  CHECK(password(secrets, "bob") == "anybody");
}

TEST_CASE("chap-secrets: the server's name, where it matters") {
  const ChapSecrets secrets = ChapSecrets::parse(
      "alice * any *\nalice vpn ours *\nalice other theirs *\nbob other theirs *\n", "secrets");
  CHECK(password(secrets, "alice", "vpn") == "ours");
  CHECK(password(secrets, "alice", "third") == "any");
  CHECK(password(secrets, "bob", "vpn") == "(nobody)");
  CHECK(password(secrets, "bob", "other") == "theirs");
  CHECK(password(secrets, "bob") == "theirs");
}

TEST_CASE("chap-secrets: which addresses a user may have") {
  struct Rules {
    std::string_view field;
    std::string_view fixed;  // or empty
    std::string_view yes;    // or empty
    std::string_view no;     // or empty
  };

  static constexpr Rules kRules[] = {
      {"*", "", "10.0.0.1", ""},
      {"", "", "10.0.0.1", ""},
      {"-", "", "", "10.0.0.1"},
      {"10.0.0.7", "10.0.0.7", "10.0.0.7", "10.0.0.8"},
      {"10.0.0.7 *", "10.0.0.7", "10.0.0.8", ""},
      {"10.0.0.7 10.0.0.9", "10.0.0.7", "10.0.0.9", "10.0.0.8"},
      {"10.0.0.0/24", "", "10.0.0.8", "10.0.1.8"},
      {"!10.0.0.7 10.0.0.0/24", "", "10.0.0.8", "10.0.0.7"},
      {"!10.0.0.0/24 *", "", "10.0.1.1", "10.0.0.7"},
      {"!10.0.0.7", "", "", "10.0.0.8"},
  };
  for (const Rules& rules : kRules) {
    INFO(std::string(rules.field));
    const auto user = ChapSecrets::parse("alice * secret " + std::string(rules.field), "secrets")
                          .find("alice", "");
    REQUIRE(user);
    const auto fixed = user->addresses.fixed();
    CHECK((fixed ? fixed->text() : "") == rules.fixed);
    if (!rules.yes.empty()) CHECK(user->addresses.allows(*parse_ipv4(rules.yes)));
    if (!rules.no.empty()) CHECK_FALSE(user->addresses.allows(*parse_ipv4(rules.no)));
  }
}

TEST_CASE("chap-secrets: a secret from a file of its own") {
  const TemporaryFolder folder;
  const std::string secret = folder.write("s", "# mine\n\n\"a secret\" more\n", 0600);
  const ChapSecrets secrets = ChapSecrets::parse("alice * @" + secret + " *\n", "secrets");
  CHECK(password(secrets, "alice") == "a secret");
  CHECK(secrets.warnings().empty());
  const std::string empty = folder.write("e", "# nothing\n", 0600);
  CHECK(ChapSecrets::parse("alice * @" + empty + " *\n", "secrets").errors().size() == 1);
  const std::string open = folder.write("o", "x\n", 0644);
  CHECK(ChapSecrets::parse("alice * @" + open + " *\n", "secrets").warnings().size() == 1);
}

TEST_CASE("chap-secrets: a file that others can read is read, with a warning") {
  const TemporaryFolder folder;
  const auto open = ChapSecrets::load(folder.write("s", "alice * secret *\n", 0644));
  REQUIRE(open);
  CHECK(open->size() == 1);
  REQUIRE(open->warnings().size() == 1);
  CHECK(open->warnings()[0].hint.starts_with("chmod 600 "));
  CHECK(ChapSecrets::load(folder.write("t", "alice * secret *\n", 0600))->warnings().empty());
  CHECK_FALSE(ChapSecrets::load((folder.path() / "none").string()));
}

TEST_CASE("chap-secrets: no cut and no flipped bit of a file makes trouble") {
  const std::string text =
      "alice * \"two words\\x41\" 10.0.0.1\nOFFICE\\\\bob vpn 'x' * # end\ncarol * \\101 -\n";
  for (std::size_t size = 0; size <= text.size(); ++size)
    CHECK(ChapSecrets::parse(text.substr(0, size), "s").size() <= 3);
  for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string flipped = text;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    CHECK(ChapSecrets::parse(flipped, "s").size() <= 4);
  }
}
