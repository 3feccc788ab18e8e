#include "apps/encryption_record.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/chrono.h>
#include <nlohmann/json.hpp>

namespace pptp::app {
namespace {

using Json = nlohmann::json;

/// It is shown: nothing but what day_of() makes.
bool is_day(std::string_view text) {
  constexpr std::string_view kForm = "dddd-dd-dd";
  return std::ranges::equal(text, kForm, [](char c, char form) {
    return form == 'd' ? c >= '0' && c <= '9' : c == form;
  });
}

std::string day_of(std::chrono::system_clock::time_point time) {
  return fmt::format("{:%Y-%m-%d}", fmt::gmtime(time));
}

}  // namespace

EncryptionRecord::EncryptionRecord(io::StateDir directory, std::string profile)
    : directory_(std::move(directory)), profile_(std::move(profile)) {}

io::IoResult<void> EncryptionRecord::note(const std::string& server,
                                          std::chrono::system_clock::time_point now) const {
  std::map<std::string, std::string> days = read();
  const std::string today = day_of(now);
  if (days[server] == today) return {};
  days[server] = today;
  return directory_.write_encrypted(
      profile_, Json(days).dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

std::optional<EncryptionRecord::Last> EncryptionRecord::last() const {
  const std::map<std::string, std::string> days = read();
  const auto latest =
      std::ranges::max_element(days, {}, [](const auto& entry) { return entry.second; });
  if (latest == days.end()) return std::nullopt;
  return Last{.day = latest->second, .server = latest->first};
}

std::string EncryptionRecord::path() const {
  return directory_.encrypted_path(profile_);
}

std::map<std::string, std::string> EncryptionRecord::read() const {
  std::map<std::string, std::string> days;
  const std::string text = directory_.read_encrypted(profile_).value_or("");
  const Json document = Json::parse(text, nullptr, false);
  if (!document.is_object()) return days;
  for (const auto& [server, day] : document.items()) {
    if (day.is_string() && is_day(day.get_ref<const std::string&>()))
      days.emplace(server, day.get<std::string>());
  }
  return days;
}

}  // namespace pptp::app
