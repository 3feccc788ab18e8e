#include "apps/doctor/firewall_look.h"

#include <string>
#include <sys/mman.h>
#include <utility>

#include <fmt/format.h>

#include "apps/doctor/firewall.h"
#include "tunnel/io/file.h"

namespace pptp::app {
namespace {

/// What is known of the helper that lets NAT follow PPTP (nf_conntrack_pptp).
std::string helper_words() {
  const std::string modules = io::read_file("/proc/modules").value_or("");
  std::string text = modules.find("nf_conntrack_pptp ") == std::string::npos
                         ? "the conntrack helper for PPTP is not loaded as a module"
                         : "the conntrack helper for PPTP is loaded";
  if (const auto automatic = io::read_file("/proc/sys/net/netfilter/nf_conntrack_helper"))
    text += automatic->starts_with('1') ? ", helpers are assigned by themselves"
                                        : ", helpers have to be assigned by a rule";
  return text;
}

}  // namespace

FirewallLook::FirewallLook(io::EventLoop& loop, Done done)
    : out_(::memfd_create("ruleset", MFD_CLOEXEC)),
      limit_(loop, [this] { ended(); }),
      done_(std::move(done)) {
  io::IoResult<io::Process> process = io::Process::start(
      {.program = "/bin/sh",
       .arguments = {"-c",
                     fmt::format("exec nft -j list ruleset >&{} 2>/dev/null", io::kHandedDown)},
       .handed_down = out_.fd()});
  limit_.set(process ? loop.now() + kNftLimit : loop.now());
  if (!process) return;
  process_.emplace(*std::move(process));
  watch_.emplace(loop, process_->fd());
  watch_->on_readable([this] { ended(); });
}

void FirewallLook::ended() {
  limit_.set(std::nullopt);
  watch_.reset();
  diagnosis::SeenFirewall seen;
  // One that still runs has no result yet.
  const bool said = process_ && process_->wait(std::chrono::milliseconds(0)).has_value();
  process_.reset();
  if (said) {
    seen = read_firewall(io::read_file(fmt::format("/proc/self/fd/{}", out_.fd())).value_or(""));
  } else {
    seen.unreadable = "nft is not there, or may not read the rules";
  }
  note_legacy_tables(io::read_file("/proc/self/net/ip_tables_names").value_or(""), seen);
  seen.helper = helper_words();
  done_(seen);
}

}  // namespace pptp::app
