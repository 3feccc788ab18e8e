#include "apps/encryption_record.h"

#include <chrono>
#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "tests/apps/temporary_folder.h"
#include "tunnel/io/file.h"

using namespace pptp;
using namespace pptp::app;
using namespace std::chrono_literals;

namespace {

// 2026-11-20 23:00 UTC.
const auto kEvening = std::chrono::sys_days(std::chrono::year(2026) / 11 / 20) + 23h;

struct Fixture {
  EncryptionRecord record(const std::string& profile = "office") const {
    return {io::StateDir((folder.path() / "state").string()), profile};
  }

  TemporaryFolder folder;
};

}  // namespace

TEST_CASE("encryption record: tells a profile's last day, whatever the server was called") {
  const Fixture fixture;
  const EncryptionRecord record = fixture.record();
  CHECK_FALSE(record.last());
  REQUIRE(record.note("vpn.example.com", kEvening));
  CHECK(record.last()->day == "2026-11-20");
  CHECK(record.last()->server == "vpn.example.com");
  REQUIRE(record.note("192.0.2.1", kEvening + 2h));
  REQUIRE(record.note("vpn.example.com", kEvening));
  CHECK(fixture.record().last()->day == "2026-11-21");
  CHECK(record.last()->server == "192.0.2.1");
  CHECK_FALSE(fixture.record("home").last());
}

TEST_CASE("encryption record: is written when a day has begun, and not before") {
  const Fixture fixture;
  const EncryptionRecord record = fixture.record();
  REQUIRE(record.note("vpn", kEvening));
  std::filesystem::permissions(record.path(), std::filesystem::perms(0400));
  REQUIRE(record.note("vpn", kEvening + 59min));
  // A file that was written is a new one.
  CHECK(std::filesystem::status(record.path()).permissions() == std::filesystem::perms(0400));
  REQUIRE(record.note("vpn", kEvening + 61min));
  CHECK(std::filesystem::status(record.path()).permissions() == std::filesystem::perms(0600));
  CHECK(record.last()->day == "2026-11-21");
}

TEST_CASE("encryption record: what makes no sense is not there, and is written anew") {
  const Fixture fixture;
  const EncryptionRecord record = fixture.record();
  std::filesystem::create_directory(fixture.folder.path() / "state");
  for (const char* const text :
       {"", "{", "[]", "null", "\"vpn\"", R"({"vpn": 3})", R"({"vpn": null})", R"({"vpn": []})",
        R"({"vpn": "2026-11-2"})", R"({"vpn": "2026-11-200"})", R"({"vpn": "2026-11-2\u001b"})",
        "\xff\xfe", "{\"vpn\": \"2026-11-20\""}) {
    CAPTURE(text);
    fixture.folder.write("state/office.encrypted", text, 0600);
    CHECK_FALSE(record.last());
    REQUIRE(record.note("vpn", kEvening));
    CHECK(record.last()->day == "2026-11-20");
  }
  // The rest stays.
  fixture.folder.write("state/office.encrypted", R"({"a": 1, "b": "2026-01-02"})", 0600);
  REQUIRE(record.note("vpn", kEvening));
  CHECK(io::read_file(record.path())->find("\"b\": \"2026-01-02\"") != std::string::npos);
}

TEST_CASE("encryption record: where it cannot be kept, that is told") {
  const Fixture fixture;
  fixture.folder.write("state", "a file", 0600);
  const auto noted = fixture.record().note("vpn", kEvening);
  REQUIRE_FALSE(noted);
  CHECK(noted.error().text().find((fixture.folder.path() / "state").string()) != std::string::npos);
  CHECK_FALSE(fixture.record().last());
}

TEST_CASE("encryption record: a server's name need not be UTF-8") {
  const Fixture fixture;
  CHECK(fixture.record().note("vpn\xff", kEvening));
}
