#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "diagnosis/facts.h"
#include "diagnosis/log_line.h"

namespace pptp::diagnosis {

/// How long an attempt went on in which nothing else is told: pppd, and those who wait for it, give
/// up after times that are known.
class Patience {
 public:
  /// pppd has a line, or the call is granted.
  void began(const LogLine& log_line, std::size_t line);

  /// pppd is gone, or its link.
  void over(const LogLine& log_line);

  /// Somebody ends pppd by a signal.
  void signalled(const LogLine& log_line);

  std::optional<Fact> judge() const;

  /// Of the beginning.
  std::size_t line() const { return line_; }

  /// pppd asks ten times, every three seconds (lcp-max-configure, lcp-restart).
  static constexpr std::int64_t kLcpSeconds = 30;

 private:
  std::optional<std::int64_t> began_, over_, signalled_;
  std::size_t line_ = 0;
};

}  // namespace pptp::diagnosis
