#include "tunnel/io/file.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tunnel/io/unique_fd.h"

namespace pptp::io {

std::optional<std::string> read_file(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return std::nullopt;
  std::string text;
  std::array<char, 4096> chunk;
  for (;;) {
    const ssize_t size = ::read(fd.fd(), chunk.data(), chunk.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return std::nullopt;
    if (size == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(size));
  }
}

namespace {

constexpr mode_t kOurs = S_IRUSR | S_IWUSR;

/// A file of our own: what an earlier process, or somebody else, has left there is not written to.
UniqueFd create_anew(const std::string& path, mode_t mode) {
  ::unlink(path.c_str());
  return UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
}

/// `prepare` is given the new file before anything is in it.
template <class Prepare>
IoResult<void> replace(const std::string& path, std::string_view text, mode_t mode,
                       Prepare&& prepare) {
  const std::string temporary = path + ".new";
  const UniqueFd fd = create_anew(temporary, mode);
  if (!fd) return failure(errno, "cannot write " + temporary);
  prepare(fd.fd());
  int error = write_all(fd.fd(), text);
  if (error == 0 && ::fsync(fd.fd()) != 0) error = errno;
  if (error != 0) {
    ::unlink(temporary.c_str());
    return failure(error, "cannot write " + temporary);
  }
  if (std::rename(temporary.c_str(), path.c_str()) == 0) return {};
  error = errno;
  ::unlink(temporary.c_str());
  return failure(error, "cannot replace " + path);
}

}  // namespace

IoResult<void> replace_file(const std::string& path, std::string_view text) {
  return replace(path, text, kOurs, [](int) {});
}

IoResult<void> publish_file(const std::string& path, std::string_view text) {
  return replace(path, text, kOurs | S_IRGRP | S_IROTH, [](int) {});
}

IoResult<void> check_replaceable(const std::string& path) {
  struct stat there{};
  if (::stat(path.c_str(), &there) == 0 && !S_ISREG(there.st_mode))
    return failure(S_ISDIR(there.st_mode) ? EISDIR : EEXIST, "cannot replace " + path);
  const std::string temporary = path + ".new";
  // In a folder of the user's one that is there already may well be the user's.
  const UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kOurs));
  if (!fd) return failure(errno, "cannot write " + temporary);
  ::unlink(temporary.c_str());
  return {};
}

IoResult<void> edit_file(const std::string& path, std::string_view text) {
  return replace(path, text, kOurs, [&path](int fd) {
    struct stat before{};
    // Who must not read it has no access before it has its owner.
    if (::stat(path.c_str(), &before) == 0 && ::fchown(fd, before.st_uid, before.st_gid) == 0)
      (void)::fchmod(fd, before.st_mode & 0777);
  });
}

int write_all(int fd, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t size = ::write(fd, text.data(), text.size());
    if (size < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    text.remove_prefix(static_cast<std::size_t>(size));
  }
  return 0;
}

}  // namespace pptp::io
