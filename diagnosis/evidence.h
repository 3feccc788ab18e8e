#pragma once

#include <string>

#include "diagnosis/attempt.h"
#include "diagnosis/log_line.h"

namespace pptp::diagnosis {

/// A line fit to be shown: with its number, without secrets, what is not ASCII escaped, and with
/// the numbers in it put into words.
std::string evidence_of(const LogLine& line, const Event* event);

}  // namespace pptp::diagnosis
