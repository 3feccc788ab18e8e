#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "lib/bytes.h"
#include "tunnel/io/io_error.h"
#include "tunnel/io/unique_fd.h"

namespace pptp::io {

/// A file, or a pipe to somebody who reads along, that is written to without waiting for anybody:
/// what a slow reader has not taken yet is kept, up to a bound.
class OutputFile {
 public:
  /// Octets that wait for a reader at most.
  static constexpr std::size_t kMostWaiting = 4U << 20;

  /// Makes the file, mode 0600, or empties the one that is there. "-" is standard output. Waits
  /// only where `path` is a named pipe, for its reader.
  static IoResult<OutputFile> create(const std::string& path);

  /// Whether write() would keep octets for later beyond the bound: then leave something out.
  bool has_room_for(std::size_t octets) const noexcept {
    return waiting_.size() + octets <= kMostWaiting;
  }

  /// Writes, and keeps what does not go yet. An error means that no more will ever go.
  IoResult<void> write(Bytes octets);

 private:
  OutputFile(UniqueFd fd, std::string path) noexcept : fd_(std::move(fd)), path_(std::move(path)) {}

  UniqueFd fd_;
  std::string path_;
  std::vector<std::uint8_t> waiting_;
};

}  // namespace pptp::io
