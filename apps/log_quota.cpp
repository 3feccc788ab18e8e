#include "apps/log_quota.h"

namespace pptp::app {

bool LogQuota::admit(TimePoint now, Ipv4Address source) {
  if (!end_ || *end_ <= now) {
    end_ = now + kWindow;
    lines_ = 0;
    lines_of_.clear();
  }
  const auto of_source = lines_of_.find(source);
  if (lines_ >= kLines || (of_source != lines_of_.end() && of_source->second >= kLinesPerSource)) {
    ++omitted_;
    return false;
  }
  ++lines_;
  ++lines_of_[source];
  return true;
}

std::uint64_t LogQuota::take_omitted(TimePoint now) {
  if (!end_ || now < *end_) return 0;
  return std::exchange(omitted_, 0);
}

}  // namespace pptp::app
