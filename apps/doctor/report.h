#pragma once

#include <string>

#include "diagnosis/checkup.h"
#include "trace/timeline.h"

namespace pptp::app {

/// What stands above a report.
struct ReportHead {
  std::string patient;  ///< the profile, or the host
  std::string server;   ///< its name, or its address
  std::string made;     ///< when, and by what
};

/// `doctor --report`: one page of HTML, which is also well-formed XML, that needs nothing else,
/// runs nothing and names nobody to ask: what is wrong and what to do, the steps, and what client
/// and server said as a ladder diagram. Nothing that it was given can be more than text on it.
std::string report_page(const ReportHead& head, const Timeline& timeline,
                        const diagnosis::Diagnosis& diagnosis);

}  // namespace pptp::app
