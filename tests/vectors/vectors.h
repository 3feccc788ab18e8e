#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/auth/octets.h"

namespace pptp::test {

/// The lines of a file in tests/vectors, split at blanks; empty lines and those that begin with #
/// are left out. Throws when there is no such file or nothing in it.
std::vector<std::vector<std::string>> vector_rows(std::string_view file);

/// Where the files are, with a slash at its end.
std::string vectors_folder();

}  // namespace pptp::test
