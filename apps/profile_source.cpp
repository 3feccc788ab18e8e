#include "apps/profile_source.h"

#include <algorithm>
#include <cstdlib>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>

#include "apps/config_file.h"
#include "apps/terminal_prompt.h"
#include "tunnel/io/runtime_dir.h"

namespace pptp::app {
namespace {

constexpr std::string_view kHostFolder = "/etc/pptpd-user";
constexpr std::string_view kSuffix = ".toml";

std::vector<std::string_view> secret_keys() {
  std::vector<std::string_view> keys;
  for (const SettingInfo& info : profile_keys()) {
    if (info.secret) keys.push_back(info.key);
  }
  return keys;
}

TomlEntry text_entry(std::string key, std::string value, const std::string& source) {
  const Place place{source, 0, 0};
  return {std::move(key), place, TomlValue{std::move(value), place, {}}};
}

// A name that begins with '-' would be taken for an option by the next command.
bool is_profile_name(const std::string& name) {
  return io::valid_profile_name(name) && name.front() != '-';
}

/// Of a host that stands for a profile.
ConfigError cannot_be_name(const std::string& host) {
  const bool is_ascii = std::ranges::all_of(host, [](char c) { return (c & 0x80) == 0; });
  if (is_ascii)
    return {"--server", 0, 0, "the name is too long to go by",
            "give it a profile of its own: pptpd-user profile new"};
  return {"--server", 0, 0, fmt::format("'{}' is not a name in ASCII", host),
          "write it as the name servers have it: xn--..."};
}

}  // namespace

ProfileFolders ProfileFolders::of(const char* config_home, const char* home) {
  ProfileFolders result;
  // The XDG base directory specification: a relative path counts as not set.
  if (config_home != nullptr && config_home[0] == '/') {
    result.folders.push_back(std::filesystem::path(config_home) / "pptpd-user");
  } else if (home != nullptr && home[0] == '/') {
    result.folders.push_back(std::filesystem::path(home) / ".config" / "pptpd-user");
  }
  result.folders.emplace_back(kHostFolder);
  return result;
}

ProfileFolders ProfileFolders::from_environment() {
  return of(std::getenv("XDG_CONFIG_HOME"), std::getenv("HOME"));
}

std::expected<FoundProfile, ConfigError> find_profile(const std::string& profile,
                                                      const ProfileFolders& folders) {
  if (profile == "-") return FoundProfile{"stdin", "-"};
  if (profile.find('/') != std::string::npos) {
    std::string name = std::filesystem::path(profile).filename().string();
    if (name.ends_with(kSuffix)) name.resize(name.size() - kSuffix.size());
    if (!is_profile_name(name))
      return std::unexpected(ConfigError{profile, 0, 0, "this is not the name of a profile", {}});
    return FoundProfile{std::move(name), profile};
  }
  if (!is_profile_name(profile))
    return std::unexpected(ConfigError{profile, 0, 0, "this is not the name of a profile", {}});
  std::string looked;
  for (const std::filesystem::path& folder : folders.folders) {
    const std::filesystem::path path = folder / (profile + std::string(kSuffix));
    // One that exists and cannot be read is found, and reading it says why it cannot.
    std::error_code error;
    if (std::filesystem::status(path, error).type() != std::filesystem::file_type::not_found)
      return FoundProfile{profile, path.string()};
    if (!looked.empty()) looked += " and ";
    looked += path.string();
  }
  const bool is_file = profile.ends_with(kSuffix);
  return std::unexpected(ConfigError{
      profile, 0, 0, fmt::format("there is no such profile; looked for {}", looked),
      is_file ? fmt::format("a file in this folder is named with a slash: ./{}", profile)
              : fmt::format("make one: pptpd-user profile new {}", profile)});
}

std::expected<Profile, ConfigErrors> load_profile(const ProfileRequest& request,
                                                  const ProfileFolders& folders, ProfileUse use) {
  std::vector<Layer> layers;
  std::string name;
  std::string whole;
  std::filesystem::path folder = ".";

  if (request.profile.empty()) {
    whole = "--server";
    auto server = parse_host_port(request.server);
    if (server && !is_profile_name(server->host))
      return std::unexpected(ConfigErrors{cannot_be_name(server->host)});
    name = server ? server->host : "server";
    layers.push_back({{text_entry("server", request.server, "--server")}, "--server"});
    layers.push_back({{text_entry("user", request.user, "--user")}, "--user"});
    if (request.password_stdin) {
      auto input = read_descriptor(STDIN_FILENO, "standard input");
      if (!input) return std::unexpected(ConfigErrors{input.error()});
      layers.push_back(
          {{text_entry("password", std::string(first_line(std::move(input->text)).view()),
                       "--password-stdin")},
           "--password-stdin"});
    }
  } else {
    const auto found = find_profile(request.profile, folders);
    if (!found) return std::unexpected(ConfigErrors{found.error()});
    auto entries = read_config_file(found->path, secret_keys());
    if (!entries) return std::unexpected(std::move(entries.error()));
    name = found->name;
    whole = found->path == "-" ? "standard input" : found->path;
    if (found->path != "-") folder = std::filesystem::path(found->path).parent_path();
    layers.push_back({std::move(*entries), {}});
  }

  ConfigErrors errors = add_set_arguments(request.settings, layers);
  auto profile = make_profile(std::move(name), std::move(folder), std::move(layers), whole, use);
  if (!profile) std::ranges::move(profile.error(), std::back_inserter(errors));
  if (!errors.empty()) return std::unexpected(std::move(errors));
  return profile;
}

}  // namespace pptp::app
