#include "diagnosis/checkup.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "diagnosis/catalogue.h"

namespace pptp::diagnosis {
namespace {

struct StepName {
  Step step;
  std::string_view name;
};

constexpr std::array kSteps = {
    StepName{Step::permissions, "permissions"},
    StepName{Step::tun, "TUN device"},
    StepName{Step::firewall, "local firewall"},
    StepName{Step::name, "name"},
    StepName{Step::route, "route"},
    StepName{Step::other_tunnel, "other tunnel"},
    StepName{Step::nat, "NAT"},
    StepName{Step::tcp, "TCP port"},
    StepName{Step::start, "control connection"},
    StepName{Step::call, "outgoing call"},
    StepName{Step::gre_out, "GRE out"},
    StepName{Step::gre_back, "GRE back"},
    StepName{Step::lcp, "LCP"},
    StepName{Step::authentication, "authentication"},
    StepName{Step::encryption, "encryption"},
    StepName{Step::addresses, "addresses"},
    StepName{Step::mtu, "MTU"},
};

/// What the ids of an ending begin with, and the step that it is about; the first that fits.
struct IdOfStep {
  std::string_view beginning;
  Step step;
};

constexpr IdOfStep kIds[] = {
    {"need-root", Step::permissions},
    {"already-connected", Step::other_tunnel},
    {"tun-missing", Step::tun},
    {"name-", Step::name},
    {"ctrl-net-unreachable", Step::route},
    {"ctrl-no-route", Step::route},
    {"route-loop", Step::route},
    {"ctrl-refused", Step::tcp},
    {"ctrl-unreachable-1723", Step::tcp},
    {"hosts-allow-denied", Step::tcp},
    {"not-pptp", Step::tcp},
    {"ctrl-start-rejected", Step::start},
    {"ctrl-no-answer", Step::start},
    {"call-rejected", Step::call},
    {"call-busy", Step::call},
    {"gre-eperm", Step::gre_out},
    {"gre-", Step::gre_back},
    {"lcp-no-network-protocols", Step::addresses},
    {"ipcp-", Step::addresses},
    {"lcp-", Step::lcp},
    {"mppe-", Step::encryption},
    {"ccp-", Step::encryption},
    {"win-742-", Step::encryption},
    {"chap-", Step::authentication},
    {"auth-", Step::authentication},
    {"server-not-authentic", Step::authentication},
    {"tcp-freeze-", Step::mtu},
};

/// Endings of servers that take one call from each address.
constexpr std::string_view kRefusals[] = {"ctrl-start-rejected", "call-rejected", "call-busy",
                                          "hosts-allow-denied"};

Problem from_catalogue(std::string_view id, std::vector<std::string> evidence) {
  Problem problem;
  problem.id = id;
  problem.evidence = std::move(evidence);
  if (const Symptom* symptom = find_symptom(id)) {
    problem.summary = symptom->title;
    problem.remedy.assign(symptom->remedy.begin(), symptom->remedy.end());
  }
  return problem;
}

std::string_view loop_of(const SeenRoute& route) {
  if (route.to_tunnel_peer) return "route-loop-remote-is-server";
  return route.is_default ? "route-loop-defaultroute" : "route-loop-scripts";
}

/// What a server says that has no address left: RFC 2637 2.16's error, and pptpd-user's reason.
constexpr std::string_view kNothingLeft[] = {"(no resource)", "ipcp-no-local-address"};

bool has_nothing_left(const Problem& ended) {
  return std::ranges::any_of(ended.evidence, [](const std::string& line) {
    return std::ranges::any_of(
        kNothingLeft, [&](std::string_view words) { return line.find(words) != line.npos; });
  });
}

bool got_through(const Checkup& seen, Step step) {
  return std::ranges::any_of(seen.call, [&](const CheckedStep& passed) {
    return passed.step == step && passed.verdict == Verdict::pass;
  });
}

/// The server's GRE comes, and nothing says that ours arrives.
bool one_way(const Checkup& seen) {
  return seen.ended && seen.ended->id == "gre-blocked" && seen.acknowledged == false &&
         got_through(seen, Step::gre_back);
}

/// Ways to fail of a server, or of a router that translates, that takes one call from an address.
bool another_tunnel_explains(std::string_view id) {
  return id == "gre-blocked" || id == "lcp-timeout-path" ||
         std::ranges::find(kRefusals, id) != std::end(kRefusals);
}

/// What is nearer to the cause than the way the call ended.
void add_causes(const Checkup& seen, const Problem& ended, std::vector<Problem>& findings) {
  if (has_nothing_left(ended))
    findings.push_back(from_catalogue("ipcp-pool-exhausted", ended.evidence));
  if (!seen.other_tunnels.empty() && another_tunnel_explains(ended.id))
    findings.push_back(from_catalogue("gre-server-silent-same-nat-ip", seen.other_tunnels));
  const bool not_reached = ended.id == "ctrl-unreachable-1723" || ended.id == "ctrl-no-route" ||
                           ended.id == "gre-blocked";
  if (not_reached && seen.route && seen.route->into_tunnel) {
    findings.push_back(from_catalogue(loop_of(*seen.route), {seen.route->text}));
  }
  if (ended.id == "gre-blocked" && !one_way(seen) && !seen.firewall.against_in.empty()) {
    Problem firewall = from_catalogue("gre-local-firewall", seen.firewall.against_in);
    firewall.summary = "this host's firewall does not let GRE in";
    firewall.remedy.insert(firewall.remedy.begin(), seen.firewall.missing.begin(),
                           seen.firewall.missing.end());
    findings.push_back(std::move(firewall));
  }
}

/// The way the call ended, with what else is known of it.
Problem told_better(const Checkup& seen, Problem ended) {
  if (ended.id != "gre-eperm") return ended;
  ended.evidence.insert(ended.evidence.end(), seen.firewall.against_out.begin(),
                        seen.firewall.against_out.end());
  if (!seen.firewall.against_out.empty()) {
    ended.remedy.insert(ended.remedy.begin(), seen.firewall.missing.begin(),
                        seen.firewall.missing.end());
  }
  return ended;
}

/// What may be behind the way the call ended.
void add_suspicions(const Checkup& seen, const Problem& ended, std::vector<Problem>& findings) {
  if (ended.id == "gre-blocked" && seen.nat && seen.nat->likely)
    findings.push_back(from_catalogue("gre-nat-stateful-pinhole", {seen.nat->text}));
}

bool black_hole(const Checkup& seen) {
  return seen.mtu && seen.mtu->arrived < seen.mtu->expected;
}

std::vector<Problem> findings_of(const Checkup& seen) {
  std::vector<Problem> findings;
  for (const auto& [step, problem] : seen.local)
    findings.push_back(problem);
  if (seen.ended) {
    add_causes(seen, *seen.ended, findings);
    findings.push_back(told_better(seen, *seen.ended));
    add_suspicions(seen, *seen.ended, findings);
  }
  if (black_hole(seen)) {
    Problem problem = from_catalogue(
        "tcp-freeze-local", {fmt::format("of outer packets up to {} octets those up to {} arrive",
                                         seen.mtu->expected, seen.mtu->arrived)});
    problem.remedy.emplace_back("let it be measured: [network] probe-mtu = true");
    std::ranges::rotate(problem.remedy, problem.remedy.end() - 1);
    findings.push_back(std::move(problem));
  }
  return findings;
}

// --- the steps ---

CheckedStep firewall_step(const SeenFirewall& seen) {
  std::vector<std::string> against = seen.against_in;
  against.insert(against.end(), seen.against_out.begin(), seen.against_out.end());
  // The filter may well admit what its rules do not seem to: what comes of the call decides.
  if (!against.empty())
    return {Step::firewall, Verdict::fail, fmt::format("{}", fmt::join(against, "; "))};
  if (seen.unreadable) return {Step::firewall, Verdict::unknown, *seen.unreadable};
  return {
      Step::firewall, Verdict::pass,
      seen.helper.empty() ? "no rule is against GRE" : "no rule is against GRE; " + seen.helper};
}

CheckedStep other_tunnel_step(const Checkup& seen) {
  if (seen.other_tunnels.empty()) return {Step::other_tunnel, Verdict::pass, "none"};
  return {Step::other_tunnel, Verdict::unknown,
          fmt::format("{}", fmt::join(seen.other_tunnels, "; "))};
}

/// A step that this host decides by itself.
std::optional<CheckedStep> here(const Checkup& seen, Step step) {
  for (const auto& [where, problem] : seen.local) {
    if (where == step) return CheckedStep{step, Verdict::fail, problem.summary};
  }
  switch (step) {
    case Step::permissions:
      return CheckedStep{step, Verdict::pass, "all that a connection needs"};
    case Step::tun:
      return CheckedStep{step, Verdict::pass, "/dev/net/tun can be opened"};
    case Step::firewall:
      return firewall_step(seen.firewall);
    case Step::name:
      if (seen.resolved) return CheckedStep{step, Verdict::pass, *seen.resolved};
      return std::nullopt;
    case Step::route:
      if (seen.route) return CheckedStep{step, Verdict::pass, seen.route->text};
      return std::nullopt;
    case Step::other_tunnel:
      if (seen.resolved) return other_tunnel_step(seen);
      return std::nullopt;
    case Step::nat:
      if (!seen.nat) return std::nullopt;
      return CheckedStep{step, Verdict::pass, seen.nat->text};
    case Step::mtu:
      if (!seen.mtu) return std::nullopt;
      return CheckedStep{
          step, black_hole(seen) ? Verdict::fail : Verdict::pass,
          fmt::format("outer packets of {} octets arrive, of {} that the route takes",
                      seen.mtu->arrived, seen.mtu->expected)};
    case Step::tcp:
    case Step::start:
    case Step::call:
    case Step::gre_out:
    case Step::gre_back:
    case Step::lcp:
    case Step::authentication:
    case Step::encryption:
    case Step::addresses:
      return std::nullopt;
  }
  return std::nullopt;
}

/// Whether a finding is about this step.
bool blames(const std::vector<Problem>& findings, Step step) {
  return std::ranges::any_of(findings,
                             [&](const Problem& problem) { return step_of(problem.id) == step; });
}

/// The first step of a call that it did not get through.
std::optional<Step> stopped_at(const Checkup& seen) {
  if (!seen.ended) return std::nullopt;
  if (one_way(seen)) return Step::gre_out;
  if (const std::optional<Step> step = step_of(seen.ended->id)) return step;
  if (has_nothing_left(*seen.ended)) return Step::addresses;
  for (const StepName& each : kSteps) {
    if (each.step >= Step::tcp &&
        std::ranges::find(seen.call, each.step, &CheckedStep::step) == seen.call.end()) {
      return each.step;
    }
  }
  return std::nullopt;
}

}  // namespace

std::string_view name(Step step) {
  return std::ranges::find(kSteps, step, &StepName::step)->name;
}

std::string_view name(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
      return "pass";
    case Verdict::fail:
      return "fail";
    case Verdict::unknown:
      return "unknown";
  }
  return "";
}

std::optional<Step> step_of(std::string_view id) {
  for (const IdOfStep& known : kIds) {
    if (id.starts_with(known.beginning)) return known.step;
  }
  return std::nullopt;
}

Diagnosis diagnose(const Checkup& seen) {
  Diagnosis diagnosis;
  diagnosis.findings = findings_of(seen);
  const std::optional<Step> stopped = stopped_at(seen);
  for (const StepName& each : kSteps) {
    CheckedStep step{each.step, Verdict::unknown, "not reached"};
    const auto passed = std::ranges::find(seen.call, each.step, &CheckedStep::step);
    if (stopped == each.step) {
      step = {each.step, Verdict::fail, seen.ended->summary};
    } else if (const std::optional<CheckedStep> local = here(seen, each.step)) {
      step = *local;
      if (step.verdict == Verdict::pass && blames(diagnosis.findings, each.step))
        step.verdict = Verdict::fail;
    } else if (passed != seen.call.end()) {
      step = *passed;
    }
    diagnosis.steps.push_back(std::move(step));
  }
  diagnosis.findings.insert(diagnosis.findings.end(), seen.elsewhere.begin(), seen.elsewhere.end());
  return diagnosis;
}

}  // namespace pptp::diagnosis
