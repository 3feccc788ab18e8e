#pragma once

#include <cstdint>
#include <string_view>

namespace pptp {

enum class LogLevel : std::uint8_t { debug, info, notice, warning, error };

/// Where the core's log lines go; the other interface the core calls out through. A line is ASCII,
/// without newline, with everything that came from the peer escaped, and without any secret.
class LogSink {
 public:
  virtual void line(LogLevel level, std::string_view text) noexcept = 0;

 protected:
  ~LogSink() = default;
};

/// Writes to a sink that may be absent.
class Log {
 public:
  Log() = default;

  explicit Log(LogSink* sink) noexcept : sink_(sink) {}

  void line(LogLevel level, std::string_view text) const noexcept {
    if (sink_ != nullptr) sink_->line(level, text);
  }

  /// Whether there is anybody to read what building a line would cost.
  explicit operator bool() const noexcept { return sink_ != nullptr; }

 private:
  LogSink* sink_ = nullptr;
};

}  // namespace pptp
