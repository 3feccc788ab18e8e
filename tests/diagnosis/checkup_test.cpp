#include "diagnosis/checkup.h"

#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "diagnosis/catalogue.h"

using namespace pptp::diagnosis;

namespace {

/// A host on which all is well, and a server that was found.
Checkup healthy() {
  Checkup seen;
  seen.resolved = "192.0.2.1";
  seen.route = SeenRoute{.device = "eth0", .text = "192.0.2.1 by eth0"};
  seen.nat = SeenNat{false, "none"};
  return seen;
}

Checkup ended_with(std::string id) {
  Checkup seen = healthy();
  seen.ended = Problem{std::move(id), "it failed", {}, {"do something"}};
  return seen;
}

std::vector<std::string> ids(const Diagnosis& diagnosis) {
  std::vector<std::string> found;
  for (const Problem& problem : diagnosis.findings)
    found.push_back(problem.id);
  return found;
}

Verdict verdict(const Diagnosis& diagnosis, Step step) {
  return std::ranges::find(diagnosis.steps, step, &CheckedStep::step)->verdict;
}

using Ids = std::vector<std::string>;

}  // namespace

TEST_CASE("checkup: nothing wrong, no finding, and what was not looked at is unknown") {
  Checkup seen = healthy();
  seen.call = {{Step::tcp, Verdict::pass, "connected"}};
  const Diagnosis diagnosis = diagnose(seen);
  CHECK(diagnosis.findings.empty());
  CHECK(verdict(diagnosis, Step::permissions) == Verdict::pass);
  CHECK(verdict(diagnosis, Step::name) == Verdict::pass);
  CHECK(verdict(diagnosis, Step::tcp) == Verdict::pass);
  CHECK(verdict(diagnosis, Step::authentication) == Verdict::unknown);
  CHECK(verdict(diagnosis, Step::mtu) == Verdict::unknown);
}

TEST_CASE("checkup: the end of the call is a finding, and its step has failed") {
  struct Row {
    std::string id;
    Step step;
  };

  for (const Row& row : std::vector<Row>{{"name-not-found", Step::name},
                                         {"ctrl-net-unreachable", Step::route},
                                         {"ctrl-refused", Step::tcp},
                                         {"not-pptp", Step::tcp},
                                         {"ctrl-start-rejected", Step::start},
                                         {"ctrl-no-answer", Step::start},
                                         {"call-busy", Step::call},
                                         {"gre-eperm", Step::gre_out},
                                         {"gre-blocked", Step::gre_back},
                                         {"gre-protocol-not-available", Step::gre_back},
                                         {"lcp-looped-back", Step::lcp},
                                         {"lcp-no-network-protocols", Step::addresses},
                                         {"chap-e691-bad-password", Step::authentication},
                                         {"server-not-authentic", Step::authentication},
                                         {"auth-no-common-method", Step::authentication},
                                         {"mppe-40-only-peer", Step::encryption},
                                         {"win-742-no-encryption", Step::encryption},
                                         {"ipcp-no-local-ip", Step::addresses}}) {
    CAPTURE(row.id);
    const Diagnosis diagnosis = diagnose(ended_with(row.id));
    CHECK(ids(diagnosis) == Ids{row.id});
    CHECK(diagnosis.findings.front().remedy == Ids{"do something"});
    CHECK(verdict(diagnosis, row.step) == Verdict::fail);
  }
}

TEST_CASE("checkup: a call that may end anywhere failed at the first step it did not get through") {
  Checkup seen = ended_with("peer-not-responding");
  for (const Step step :
       {Step::tcp, Step::start, Step::call, Step::gre_out, Step::gre_back, Step::lcp})
    seen.call.push_back({step, Verdict::pass, ""});
  const Diagnosis diagnosis = diagnose(seen);
  CHECK(verdict(diagnosis, Step::lcp) == Verdict::pass);
  CHECK(verdict(diagnosis, Step::authentication) == Verdict::fail);
  CHECK(verdict(diagnosis, Step::encryption) == Verdict::unknown);
}

TEST_CASE("checkup: what this host lacks comes first") {
  Checkup seen = ended_with("chap-e691-bad-password");
  seen.local.emplace_back(Step::tun, Problem{"tun-missing", "there is none", {}, {}});
  const Diagnosis diagnosis = diagnose(seen);
  CHECK(ids(diagnosis) == Ids{"tun-missing", "chap-e691-bad-password"});
  CHECK(verdict(diagnosis, Step::tun) == Verdict::fail);
  CHECK(verdict(diagnosis, Step::permissions) == Verdict::pass);
}

TEST_CASE("checkup: silence, and this host's firewall is against GRE: that is likelier") {
  Checkup seen = ended_with("gre-blocked");
  seen.firewall.against_in = {"chain inet filter input drops"};
  seen.firewall.missing = {"nft insert rule inet filter input ip protocol gre accept"};
  const Diagnosis diagnosis = diagnose(seen);
  CHECK(ids(diagnosis) == Ids{"gre-local-firewall", "gre-blocked"});
  CHECK(diagnosis.findings.front().summary == "this host's firewall does not let GRE in");
  CHECK(diagnosis.findings.front().remedy.front() == seen.firewall.missing.front());
  CHECK(verdict(diagnosis, Step::firewall) == Verdict::fail);
}

TEST_CASE("checkup: GRE that may not leave: the rule is evidence, and the missing one the remedy") {
  Checkup seen = ended_with("gre-eperm");
  seen.firewall.against_out = {"chain inet filter output: drop"};
  seen.firewall.missing = {"nft insert rule inet filter output ip protocol gre accept"};
  const Diagnosis diagnosis = diagnose(seen);
  CHECK(ids(diagnosis) == Ids{"gre-eperm"});
  CHECK(diagnosis.findings.front().evidence == seen.firewall.against_out);
  CHECK(diagnosis.findings.front().remedy.front() == seen.firewall.missing.front());
}

TEST_CASE("checkup: a server that says that it has nothing left has no address") {
  Checkup seen = ended_with("call-rejected");
  seen.ended->evidence = {"result 2 (general error), error 4 (no resource)"};
  CHECK(ids(diagnose(seen)) == Ids{"ipcp-pool-exhausted", "call-rejected"});
  seen = ended_with("peer-terminated");
  seen.ended->evidence = {"the peer said \"ipcp-no-local-address\""};
  CHECK(ids(diagnose(seen)) == Ids{"ipcp-pool-exhausted", "peer-terminated"});
  CHECK(verdict(diagnose(seen), Step::addresses) == Verdict::fail);
}

TEST_CASE("checkup: the server is heard, answers nothing, and has acknowledged nothing") {
  Checkup seen = ended_with("gre-blocked");
  seen.acknowledged = false;
  seen.firewall.against_in = {"chain inet filter input drops"};
  CHECK(ids(diagnose(seen)) == Ids{"gre-local-firewall", "gre-blocked"});
  CHECK(verdict(diagnose(seen), Step::gre_back) == Verdict::fail);
  seen.call = {{Step::gre_out, Verdict::unknown, ""}, {Step::gre_back, Verdict::pass, ""}};
  CHECK(ids(diagnose(seen)) == Ids{"gre-blocked"});
  CHECK(verdict(diagnose(seen), Step::gre_out) == Verdict::fail);
  CHECK(verdict(diagnose(seen), Step::gre_back) == Verdict::pass);
}

TEST_CASE("checkup: servers that were tried before come last, and no step of this one fails") {
  Checkup seen = ended_with("chap-e691-bad-password");
  seen.elsewhere = {Problem{"name-not-found", "there is none", {}, {}}};
  CHECK(ids(diagnose(seen)) == Ids{"chap-e691-bad-password", "name-not-found"});
  CHECK(verdict(diagnose(seen), Step::name) == Verdict::pass);
  seen.ended.reset();
  CHECK(ids(diagnose(seen)) == Ids{"name-not-found"});
}

TEST_CASE(
    "checkup: rules that are not read leave the firewall unknown, but not one that is against "
    "GRE") {
  Checkup seen = healthy();
  seen.firewall.unreadable = "there are others";
  CHECK(verdict(diagnose(seen), Step::firewall) == Verdict::unknown);
  seen.firewall.against_in = {"chain inet filter input drops"};
  CHECK(verdict(diagnose(seen), Step::firewall) == Verdict::fail);
}

TEST_CASE("checkup: a firewall that has let the call through is no finding") {
  Checkup seen = healthy();
  seen.firewall.against_in = {"chain inet filter input drops"};
  CHECK(diagnose(seen).findings.empty());
}

TEST_CASE("checkup: silence, and another tunnel to the same server, and NAT") {
  Checkup seen = ended_with("gre-blocked");
  seen.other_tunnels = {"192.0.2.9:4711 -> 192.0.2.1:1723"};
  seen.nat = SeenNat{true, "a guess"};
  CHECK(ids(diagnose(seen)) ==
        Ids{"gre-server-silent-same-nat-ip", "gre-blocked", "gre-nat-stateful-pinhole"});
  CHECK(diagnose(seen).findings.back().evidence == Ids{"a guess"});
  for (const char* id : {"lcp-timeout-path", "call-rejected", "call-busy", "ctrl-start-rejected",
                         "hosts-allow-denied"}) {
    seen.ended->id = id;
    CHECK(ids(diagnose(seen)) == Ids{"gre-server-silent-same-nat-ip", id});
  }
  seen.ended->id = "chap-e691-bad-password";
  CHECK(ids(diagnose(seen)) == Ids{"chap-e691-bad-password"});
  seen.ended->id = "gre-blocked";
  seen.firewall.against_in = {"chain inet filter input drops"};
  CHECK(ids(diagnose(seen)).front() == "gre-server-silent-same-nat-ip");
  seen.ended.reset();
  CHECK(diagnose(seen).findings.empty());
}

TEST_CASE("checkup: a server that is not reached through a tunnel is a route loop") {
  struct Row {
    bool is_default;
    bool to_peer;
    std::string id;
  };

  for (const auto& [is_default, to_peer, id] :
       std::vector<Row>{{false, false, "route-loop-scripts"},
                        {true, false, "route-loop-defaultroute"},
                        {false, true, "route-loop-remote-is-server"}}) {
    Checkup seen = ended_with("ctrl-unreachable-1723");
    seen.route = SeenRoute{"ppp0", "192.0.2.1 by ppp0", true, is_default, to_peer};
    const Diagnosis diagnosis = diagnose(seen);
    CHECK(ids(diagnosis) == Ids{id, "ctrl-unreachable-1723"});
    CHECK(verdict(diagnosis, Step::route) == Verdict::fail);
    CHECK_FALSE(diagnosis.findings.front().remedy.empty());
    seen.ended.reset();  // a VPN in a VPN
    CHECK(diagnose(seen).findings.empty());
  }
}

TEST_CASE("checkup: what arrives is shorter than what the route takes") {
  Checkup seen = healthy();
  seen.mtu = SeenMtu{1300, 1500};
  const Diagnosis diagnosis = diagnose(seen);
  CHECK(ids(diagnosis) == Ids{"tcp-freeze-local"});
  CHECK(verdict(diagnosis, Step::mtu) == Verdict::fail);
  seen.mtu = SeenMtu{1500, 1500};
  CHECK(diagnose(seen).findings.empty());
  CHECK(verdict(diagnose(seen), Step::mtu) == Verdict::pass);
}

TEST_CASE("checkup: every step has a name, and every id that is given is the catalogue's") {
  for (const CheckedStep& step : diagnose(healthy()).steps)
    CHECK_FALSE(name(step.step).empty());
  for (const std::string_view id :
       {"gre-local-firewall", "gre-server-silent-same-nat-ip", "gre-nat-stateful-pinhole",
        "ipcp-pool-exhausted", "route-loop-scripts", "route-loop-defaultroute",
        "route-loop-remote-is-server", "tcp-freeze-local"}) {
    CHECK(find_symptom(id) != nullptr);
  }
}
