#include "tunnel/io/runtime_dir.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <iterator>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

#include "tunnel/io/file.h"
#include "tunnel/io/journal.h"

namespace pptp::io {
namespace {

constexpr std::size_t kProfileNameLimit = 80;

// Whoever looks for a dead owner's journal holds the lock for a moment: not a reason to refuse.
constexpr int kLockAttempts = 10;
constexpr auto kLockPause = std::chrono::milliseconds(10);

constexpr const char* kAnotherPlace =
    "set PPTPD_USER_RUNTIME_DIR to a directory that only you can read";

constexpr std::string_view kLockSuffix = ".lock";
constexpr std::string_view kSocketSuffix = ".sock";
constexpr std::string_view kJournalSuffix = ".journal";
constexpr std::string_view kLastSuffix = ".last";

std::string journal_suffix(std::uint64_t network_namespace) {
  return std::string(kJournalSuffix) + "." + std::to_string(network_namespace);
}

std::string quoted(std::string_view profile) {
  std::string text = "'";
  for (const char c : profile)
    text += c >= 0x20 && c < 0x7f ? c : '?';
  return text + "'";
}

}  // namespace

bool valid_profile_name(std::string_view profile) noexcept {
  if (profile.empty() || profile.size() > kProfileNameLimit || profile.front() == '.') return false;
  return std::ranges::all_of(profile, [](char c) { return c >= 0x20 && c < 0x7f && c != '/'; });
}

ProfileLock::ProfileLock(UniqueFd fd, std::string profile) noexcept
    : fd_(std::move(fd)), profile_(std::move(profile)) {}

RuntimeDir::RuntimeDir(std::string path) noexcept : path_(std::move(path)) {}

IoResult<std::string> RuntimeDir::default_path() {
  if (const char* path = std::getenv("PPTPD_USER_RUNTIME_DIR"); path != nullptr && *path != '\0')
    return path;
  if (::geteuid() == 0) return "/run/pptpd-user";
  if (const char* path = std::getenv("XDG_RUNTIME_DIR"); path != nullptr && *path != '\0')
    return std::string(path) + "/pptpd-user";
  return failure(IoFault::system, "there is no runtime directory: XDG_RUNTIME_DIR is not set",
                 kAnotherPlace);
}

IoResult<RuntimeDir> RuntimeDir::open(std::string path) {
  std::error_code unknown;
  path = std::filesystem::absolute(path, unknown).string();
  if (unknown) return failure(unknown.value(), "cannot tell where we are");
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return failure(errno, "cannot make runtime directory " + path, kAnotherPlace);
  // Looked at through one descriptor, so that what is checked is what is changed.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status{};
  if (!fd || ::fstat(fd.fd(), &status) != 0)
    return failure(errno, "cannot use runtime directory " + path);
  if (status.st_uid != ::geteuid())
    return failure(EPERM, "runtime directory " + path + " belongs to somebody else");
  if ((status.st_mode & 07777) != 0700 && ::fchmod(fd.fd(), 0700) != 0)
    return failure(errno, "cannot protect runtime directory " + path);
  return RuntimeDir(std::move(path));
}

IoResult<ProfileLock> RuntimeDir::lock(std::string_view profile) const {
  if (!valid_profile_name(profile))
    return failure(IoFault::bad_name, "profile name " + quoted(profile) + " cannot be a file name",
                   "1 to 80 characters, without '/', not beginning with '.'");
  const std::string path = file(profile, kLockSuffix);
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return failure(errno, "cannot open " + path);
  for (int attempt = 1; ::flock(fd.fd(), LOCK_EX | LOCK_NB) != 0; ++attempt) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return failure(errno, "cannot lock " + path);
    if (attempt == kLockAttempts)
      return failure(IoFault::already_locked,
                     "profile " + quoted(profile) + " is already in use by another process",
                     "pptpd-user status " + quoted(profile) + " tells what it is doing");
    std::this_thread::sleep_for(kLockPause);
  }
  return ProfileLock(std::move(fd), std::string(profile));
}

bool RuntimeDir::is_locked(std::string_view profile) const {
  const UniqueFd fd(::open(file(profile, kLockSuffix).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  // Shared, so that two who ask at the same time do not take each other for the one they ask about.
  return fd && ::flock(fd.fd(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

std::string RuntimeDir::socket_path(std::string_view profile) const {
  return file(profile, kSocketSuffix);
}

std::string RuntimeDir::journal_path(std::string_view profile) const {
  return file(profile, kJournalSuffix);
}

std::string RuntimeDir::journal_path(std::string_view profile,
                                     std::uint64_t network_namespace) const {
  return file(profile, journal_suffix(network_namespace));
}

IoResult<void> RuntimeDir::write_last(std::string_view profile, std::string_view text) const {
  return replace_file(file(profile, kLastSuffix), text);
}

std::optional<std::string> RuntimeDir::read_last(std::string_view profile) const {
  return read_file(file(profile, kLastSuffix));
}

std::vector<std::string> RuntimeDir::profiles_with_socket() const {
  return profiles_with(kSocketSuffix);
}

std::vector<std::string> RuntimeDir::profiles_with_journal() const {
  std::vector<std::string> profiles = profiles_with(kJournalSuffix);
  std::ranges::copy(profiles_with(journal_suffix(this_network_namespace())),
                    std::back_inserter(profiles));
  std::ranges::sort(profiles);
  const auto repeated = std::ranges::unique(profiles);
  profiles.erase(repeated.begin(), repeated.end());
  return profiles;
}

std::string RuntimeDir::file(std::string_view profile, std::string_view suffix) const {
  return path_ + "/" + std::string(profile) + std::string(suffix);
}

std::vector<std::string> RuntimeDir::profiles_with(std::string_view suffix) const {
  std::vector<std::string> profiles;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(path_, ignored)) {
    std::string filename = entry.path().filename().string();
    if (!filename.ends_with(suffix)) continue;
    filename.resize(filename.size() - suffix.size());
    if (valid_profile_name(filename)) profiles.push_back(std::move(filename));
  }
  std::ranges::sort(profiles);
  return profiles;
}

}  // namespace pptp::io
