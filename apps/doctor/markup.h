#pragma once

#include <string>
#include <string_view>

namespace pptp::app {

/// Text as it may stand in HTML and in XML, between tags and in attributes, whoever it came from:
/// ASCII, with character references for the rest. What is not UTF-8, and characters that no page
/// may have or that change how others are shown (controls, marks of direction), becomes U+FFFD.
std::string markup(std::string_view text);

}  // namespace pptp::app
