#include "apps/postmortem.h"

#include <utility>

#include "apps/doctor/host_checks.h"

namespace pptp::app {
namespace {

/// Whether this host's packet filter may have to do with it.
bool is_about_gre(const std::string& id) {
  const std::optional<diagnosis::Step> step = diagnosis::step_of(id);
  return step == diagnosis::Step::gre_out || step == diagnosis::Step::gre_back ||
         step == diagnosis::Step::lcp;
}

}  // namespace

Postmortem::Postmortem(io::EventLoop& loop, OverCall call, Done done)
    : call_(std::move(call)), soon_(loop, [this] { tell(); }), done_(std::move(done)) {
  if (!call_.to.server.address.is_zero()) look_at_way(call_.to, call_.seen);
  if (is_about_gre(call_.ending.id)) {
    firewall_.emplace(loop, [this](const diagnosis::SeenFirewall& seen) {
      call_.seen.firewall = seen;
      tell();
    });
  } else {
    soon_.set(loop.now());
  }
}

void Postmortem::tell() {
  done_(diagnosed(call_.ending, diagnose(call_.seen)));
}

Ending diagnosed(Ending ending, const diagnosis::Diagnosis& diagnosis) {
  if (diagnosis.findings.empty()) return ending;
  const diagnosis::Problem& first = diagnosis.findings.front();
  ending.id = first.id;
  ending.summary = first.summary;
  ending.evidence = first.evidence;
  ending.remedy = first.remedy;
  ending.others.assign(diagnosis.findings.begin() + 1, diagnosis.findings.end());
  return ending;
}

}  // namespace pptp::app
