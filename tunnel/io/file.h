#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tunnel/io/io_error.h"

namespace pptp::io {

/// The whole of a small file; nullopt, with errno set, when it cannot be read.
std::optional<std::string> read_file(const std::string& path);

/// Replaces a file, mode 0600, as a whole and synced: whoever reads it, after a crash too, sees the
/// old or the new text.
IoResult<void> replace_file(const std::string& path, std::string_view text);

/// The same with a file of somebody else's, which keeps its owner and mode; where they cannot be
/// kept they are ours and 0600.
IoResult<void> edit_file(const std::string& path, std::string_view text);

/// Replaces a file as a whole, for everybody to read whom the umask lets.
IoResult<void> publish_file(const std::string& path, std::string_view text);

/// An error where a file cannot be made, or replaced, in this place: the folder does not take one,
/// or something that is not a file has the name. The file itself is left alone.
IoResult<void> check_replaceable(const std::string& path);

/// Writes everything, however many calls that takes. 0, or the errno.
int write_all(int fd, std::string_view text) noexcept;

}  // namespace pptp::io
