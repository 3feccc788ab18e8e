#include "tunnel/io/output_file.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace pptp::io {

IoResult<OutputFile> OutputFile::create(const std::string& path) {
  UniqueFd fd(path == "-"
                  ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
                  : ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY,
                           S_IRUSR | S_IWUSR));
  if (!fd) return failure(errno, "cannot write " + path);
  // Of a regular file it changes nothing.
  const int flags = ::fcntl(fd.fd(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.fd(), F_SETFL, flags | O_NONBLOCK) != 0)
    return failure(errno, "cannot write " + path);
  return OutputFile(std::move(fd), path);
}

IoResult<void> OutputFile::write(Bytes octets) {
  waiting_.insert(waiting_.end(), octets.begin(), octets.end());
  std::size_t written = 0;
  while (written < waiting_.size()) {
    const ssize_t count = ::write(fd_.fd(), waiting_.data() + written, waiting_.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    if (count < 0) return failure(errno, "cannot write " + path_);
    written += static_cast<std::size_t>(count);
  }
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(written));
  return {};
}

}  // namespace pptp::io
