#include "apps/config_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <fmt/core.h>

#include "apps/wipe_text.h"
#include "tunnel/io/unique_fd.h"

namespace pptp::app {
namespace {

constexpr std::size_t kMaxSize = 1 << 20;

std::string reason(int number) {
  return std::generic_category().message(number);
}

}  // namespace

std::expected<FileText, ConfigError> read_file(const std::string& path) {
  const io::UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file) return std::unexpected(ConfigError{path, 0, 0, reason(errno), {}});
  return read_descriptor(file.fd(), path);
}

std::expected<FileText, ConfigError> read_descriptor(int descriptor, const std::string& shown) {
  const auto failed = [&](std::string why) {
    return std::unexpected(ConfigError{shown, 0, 0, std::move(why), {}});
  };
  struct stat status{};
  if (fstat(descriptor, &status) != 0) return failed(reason(errno));
  FileText file;
  // Asked of the open file, not of its name: nobody can swap it in between.
  constexpr mode_t kOthers = S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH;
  file.exposed = S_ISREG(status.st_mode) && (status.st_mode & kOthers) != 0;

  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t count = read(descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed(reason(errno));
    if (count == 0) break;
    append_secret(file.text, {buffer.data(), static_cast<std::size_t>(count)});
    if (file.text.size() > kMaxSize) {
      wipe_text(file.text);
      return failed("the file is larger than a megabyte");
    }
  }
  return file;
}

ConfigError exposed_file(const std::string& path) {
  return {path, 0, 0, "the file holds a secret, and others than its owner can get at it",
          fmt::format("chmod 600 {}", path)};
}

std::expected<std::vector<TomlEntry>, ConfigErrors> read_config_file(
    const std::string& path, std::span<const std::string_view> secret_keys) {
  const std::string shown = path == "-" ? "standard input" : path;
  auto file = path == "-" ? read_descriptor(STDIN_FILENO, shown) : read_file(path);
  if (!file) return std::unexpected(ConfigErrors{file.error()});
  auto entries = read_toml(file->text, shown);
  wipe_text(file->text);
  if (!entries) return std::unexpected(ConfigErrors{entries.error()});
  const bool secret = std::ranges::any_of(*entries, [&](const TomlEntry& entry) {
    return std::ranges::find(secret_keys, entry.key) != secret_keys.end();
  });
  if (secret && file->exposed) return std::unexpected(ConfigErrors{exposed_file(path)});
  return std::move(*entries);
}

}  // namespace pptp::app
