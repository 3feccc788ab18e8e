#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <fmt/core.h>

#include "apps/commands.h"
#include "apps/ending.h"
#include "apps/password.h"
#include "apps/profile_template.h"
#include "tunnel/io/file.h"
#include "tunnel/io/unique_fd.h"

namespace pptp::app {
namespace {

int cannot_use(const std::filesystem::path& path, int error, std::string hint = {}) {
  return failed(
      ConfigErrors{{path.string(), 0, 0, std::generic_category().message(error), std::move(hint)}});
}

}  // namespace

int run_profile_show(const ProfileShowArguments& arguments, const Globals&) {
  const auto profile = load_profile(arguments.profile, ProfileFolders::from_environment());
  if (!profile) return failed(profile.error());
  std::size_t width = 0;
  for (const ShownSetting& setting : profile->settings)
    width = std::max(width, setting.key.size() + 3 + setting.value.size());
  // A few long values must not push every comment off the screen.
  width = std::min<std::size_t>(width, 48);
  for (const ShownSetting& setting : profile->settings) {
    if (setting.value.empty()) {
      fmt::print("# {} is not set\n", setting.key);
    } else {
      fmt::print("{:<{}}  # {}\n", fmt::format("{} = {}", setting.key, setting.value), width,
                 setting.origin);
    }
  }
  return 0;
}

int run_profile_check(const ProfileCheckArguments& arguments, const Globals&) {
  const auto profile = load_profile(arguments.profile, ProfileFolders::from_environment());
  if (!profile) return failed(profile.error());
  if (const auto* file = std::get_if<PasswordFile>(&profile->password)) {
    const auto password = read_password_file(*profile, *file);
    if (!password) return failed(ConfigErrors{password.error()});
  }
  fmt::print("{}: ok\n", profile->name);
  return 0;
}

int run_profile_new(const ProfileNewArguments& arguments, const Globals&) {
  const auto path = new_profile_path(arguments.profile, ProfileFolders::from_environment());
  if (!path) return failed(ConfigErrors{path.error()});
  if (arguments.profile.find('/') == std::string::npos) {
    std::error_code error;
    std::filesystem::create_directories(path->parent_path(), error);
    if (error) return cannot_use(path->parent_path(), error.value());
  }
  // O_EXCL: never over a file that is there, nor through a link that somebody put in its place.
  const io::UniqueFd file(
      open(path->c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!file) {
    const int error = errno;
    return cannot_use(*path, error,
                      error == EEXIST ? "choose another name, or take that file away" : "");
  }
  if (const int error = io::write_all(file.fd(), profile_template()); error != 0)
    return cannot_use(*path, error);
  fmt::print("{}\n", path->string());
  return 0;
}

}  // namespace pptp::app
