#include "tunnel/io/state_dir.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "tunnel/io/file.h"

namespace pptp::io {
namespace {

constexpr std::string_view kEncryptedSuffix = ".encrypted";

/// Empty where the variable is not set, or holds no absolute path.
std::string absolute(const char* variable) {
  const char* const value = std::getenv(variable);
  return value != nullptr && *value == '/' ? value : "";
}

}  // namespace

StateDir StateDir::of_this_user() {
  if (const std::string several = absolute("STATE_DIRECTORY"); !several.empty())
    return StateDir(several.substr(0, several.find(':')));
  if (::geteuid() == 0) return StateDir("/var/lib/pptpd-user");
  if (const std::string state = absolute("XDG_STATE_HOME"); !state.empty())
    return StateDir(state + "/pptpd-user");
  if (const std::string home = absolute("HOME"); !home.empty())
    return StateDir(home + "/.local/state/pptpd-user");
  return StateDir("");
}

StateDir::StateDir(std::string path) noexcept : path_(std::move(path)) {}

std::string StateDir::encrypted_path(std::string_view profile) const {
  return path_ + "/" + std::string(profile) + std::string(kEncryptedSuffix);
}

std::optional<std::string> StateDir::read_encrypted(std::string_view profile) const {
  if (path_.empty()) return std::nullopt;
  return read_file(encrypted_path(profile));
}

IoResult<void> StateDir::write_encrypted(std::string_view profile, std::string_view text) const {
  if (path_.empty())
    return failure(IoFault::system, "there is no state directory: HOME is not set",
                   "set XDG_STATE_HOME to a directory that is yours");
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), error);
  if (!error && ::mkdir(path_.c_str(), 0700) != 0 && errno != EEXIST)
    error = {errno, std::generic_category()};
  if (error) return failure(error.value(), "cannot make state directory " + path_);
  return replace_file(encrypted_path(profile), text);
}

}  // namespace pptp::io
