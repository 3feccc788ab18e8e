#include <fmt/core.h>

#include "apps/commands.h"

namespace pptp::app {

int run_version(const VersionArguments&, const Globals&) {
  fmt::print("pptpd-user {}\n", PPTPD_USER_VERSION);
  return 0;
}

}  // namespace pptp::app
