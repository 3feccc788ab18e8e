#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pptp::diagnosis {

/// A line of somebody's log, without what the logger put before the message.
struct LogLine {
  std::size_t number = 0;               ///< in the text, from 1
  std::string text;                     ///< the whole line, without colours and control characters
  std::string program;                  ///< empty where the line does not say
  std::uint32_t pid = 0;                ///< 0 where the line does not say
  std::string session;                  ///< accel-ppp's interface
  std::optional<std::int64_t> seconds;  ///< of the stamp; only differences mean something
  std::string message;
  unsigned repeats = 1;  ///< "last message repeated N times" counts with what it repeats
};

/// The program of a line that pptp-linux has written, by how it writes, not by its name.
inline constexpr std::string_view kPptpLinux = "pptp-linux";

/// A longer line is cut, of a longer text the end is read: what happened last is what matters.
inline constexpr std::size_t kLongestLine = 2000;
inline constexpr std::size_t kLongestText = std::size_t{16} << 20;

/// Takes a text apart: syslog (BSD, RFC 5424, with and without priority), the journal's formats,
/// ISO stamps, OpenWrt's logread, accel-ppp's own file, NetworkManager's wrappers, or no prefix at
/// all. Empty lines are left out. Any octets will do.
std::vector<LogLine> read_lines(std::string_view text);

}  // namespace pptp::diagnosis
