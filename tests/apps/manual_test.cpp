#include <span>
#include <string>
#include <string_view>

#include <doctest/doctest.h>
#include <fmt/core.h>

#include "apps/config_file.h"
#include "apps/ending.h"
#include "apps/profile.h"
#include "apps/server_config.h"

using namespace pptp;
using namespace pptp::app;

namespace {

std::string manual() {
  const auto file = read_file(PPTPD_USER_MANUAL);
  return file ? file->text : std::string();
}

// The rows of the tables that begin with this key.
void check_rows(const std::string& text, std::span<const SettingInfo> infos) {
  for (const SettingInfo& info : infos) {
    INFO(std::string(info.key));
    const std::string standard =
        info.standard.empty() ? "" : fmt::format("| `{}` | `{}` |", info.key, info.standard);
    if (!standard.empty()) CHECK(text.find(standard) != std::string::npos);
    const std::size_t row = text.find(fmt::format("\n| `{}` |", info.key));
    REQUIRE(row != std::string::npos);
  }
}

}  // namespace

TEST_CASE("manual: every key is in it with its default") {
  const std::string text = manual();
  REQUIRE(text.size() > 1000);
  const std::size_t server = text.find("## The server's configuration");
  REQUIRE(server != std::string::npos);
  check_rows(text.substr(0, server), profile_keys());
  check_rows(text.substr(server), server_keys());
}

TEST_CASE("manual: every ending's id stands in the row of its exit status") {
  const std::string text = manual();
  const auto check = [&](const Ending& ending) {
    const std::size_t row = text.find(fmt::format("\n| {} |", ending.status()));
    INFO(std::string(ending.id));
    REQUIRE(row != std::string::npos);
    const std::string line = text.substr(row + 1, text.find('\n', row + 1) - row - 1);
    if (!ending.id.empty()) CHECK(line.find(fmt::format("`{}`", ending.id)) != std::string::npos);
  };
  for (std::uint8_t i = 0; name(static_cast<Cause>(i)) != "unknown-cause"; ++i)
    check(ending_of(End{static_cast<Cause>(i), 0, ""}));
  for (const std::uint32_t number : {646U, 647U, 648U, 649U, 691U, 709U})
    check(ending_of(End{Cause::auth_failed, number, ""}));
  check(ending_of(End{Cause::mppe_bits_refused, 0x20, ""}));
  for (auto i = static_cast<int>(Trouble::internal_error);
       i <= static_cast<int>(Trouble::port_in_use); ++i)
    check(ending_of(static_cast<Trouble>(i)));
}
