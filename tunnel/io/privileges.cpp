#include "tunnel/io/privileges.h"

#include <cap-ng.h>
#include <cerrno>
#include <linux/capability.h>
#include <string>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tunnel/io/tun.h"

namespace pptp::io {
namespace {

constexpr const char* kRunAsRoot =
    "run it as root, or give the program what it needs: "
    "setcap cap_net_raw,cap_net_admin+ep \"$(command -v pptpd-user)\"";

bool has(unsigned capability) {
  return capng_have_capability(CAPNG_EFFECTIVE, capability) != 0;
}

}  // namespace

IoResult<void> check_privileges(const Needs& needs) {
  capng_clear(CAPNG_SELECT_BOTH);
  capng_get_caps_process();
  std::string missing;
  if (needs.raw_socket && !has(CAP_NET_RAW)) missing = "CAP_NET_RAW (GRE)";
  if (needs.network_admin && !has(CAP_NET_ADMIN)) {
    missing += missing.empty() ? "" : " and ";
    missing += "CAP_NET_ADMIN (interface, addresses, routes)";
  }
  if (!missing.empty()) return failure(IoFault::permission, missing + " missing", kRunAsRoot);
  if (needs.tun && ::access(kTunDevice, R_OK | W_OK) != 0) return tun_open_failure(errno);
  return {};
}

std::uint64_t raise_file_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlimit raised{limit.rlim_max, limit.rlim_max};
  return ::setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

IoResult<void> guard_memory() {
  // The limit alone does not hold for a core file that is piped to a program (core(5)).
  const rlimit no_core{0, 0};
  if (::setrlimit(RLIMIT_CORE, &no_core) != 0 || ::prctl(PR_SET_DUMPABLE, 0) != 0)
    return failure(errno, "cannot keep passwords and keys out of core files");
  return {};
}

}  // namespace pptp::io
