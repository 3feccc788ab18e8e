#include "diagnosis/patience.h"

#include <cstdlib>

namespace pptp::diagnosis {
namespace {

/// The other end may have begun a little earlier or later.
constexpr std::int64_t kSlack = 3;
/// Nobody who can be let in waits for so long.
constexpr std::int64_t kInVain = 20;

}  // namespace

void Patience::began(const LogLine& log_line, std::size_t line) {
  if (began_) return;
  began_ = log_line.seconds;
  line_ = line;
}

void Patience::over(const LogLine& log_line) {
  if (!over_) over_ = log_line.seconds;
}

void Patience::signalled(const LogLine& log_line) {
  if (!signalled_) signalled_ = log_line.seconds;
}

std::optional<Fact> Patience::judge() const {
  if (!began_) return std::nullopt;
  if (signalled_ && (!over_ || *signalled_ <= *over_)) {
    return *signalled_ - *began_ >= kInVain ? std::optional(Fact::waited_in_vain) : std::nullopt;
  }
  if (over_ && std::abs(*over_ - *began_ - kLcpSeconds) <= kSlack) return Fact::gone_after_time_out;
  return std::nullopt;
}

}  // namespace pptp::diagnosis
