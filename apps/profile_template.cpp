#include "apps/profile_template.h"

#include <fmt/core.h>

#include "apps/profile.h"

namespace pptp::app {

std::string profile_template() {
  std::string text = "# A profile of pptpd-user. What is commented out shows the default.\n\n";
  std::string_view section;
  for (const SettingInfo& info : profile_keys()) {
    const std::size_t dot = info.key.find('.');
    const std::string_view key_section =
        dot == std::string_view::npos ? "" : info.key.substr(0, dot);
    const std::string_view key =
        dot == std::string_view::npos ? info.key : info.key.substr(dot + 1);
    if (key_section != section) {
      section = key_section;
      text += fmt::format("\n[{}]\n", section);
    }
    std::string line;
    if (info.key == "server") {
      line = R"(server = "vpn.example.com")";
    } else if (info.key == "user") {
      line = R"(user = "alice")";
    } else {
      line = fmt::format("#{} = {}", key, info.standard.empty() ? R"("...")" : info.standard);
    }
    text += fmt::format("{:<28}  # {}\n", line, info.about);
  }
  return text;
}

std::expected<std::filesystem::path, ConfigError> new_profile_path(const std::string& profile,
                                                                   const ProfileFolders& folders) {
  if (profile == "-")
    return std::unexpected(ConfigError{profile, 0, 0, "a profile needs a name", {}});
  // The same rules for names as where profiles are looked for: a name that no folder has is fine.
  const auto found =
      find_profile(profile.find('/') == std::string::npos ? "./" + profile : profile, folders);
  if (!found) return std::unexpected(found.error());
  if (profile.find('/') != std::string::npos) return std::filesystem::path(profile);
  return folders.folders.front() / (found->name + ".toml");
}

}  // namespace pptp::app
