#include "apps/doctor/firewall.h"

#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace pptp;
using namespace pptp::app;

namespace {

/// A table inet filter with an input chain of this policy, one that it can jump to, and an output
/// chain that accepts; and rules as nft prints them.
std::string ruleset(std::string_view policy, std::string_view rules) {
  return fmt::format(
      R"({{"nftables": [{{"metainfo": {{"version": "1.0.6"}}}},
{{"chain": {{"family": "inet", "table": "filter", "name": "input", "hook": "input", "policy": "{}"}}}},
{{"chain": {{"family": "inet", "table": "filter", "name": "more"}}}},
{{"chain": {{"family": "inet", "table": "filter", "name": "output", "hook": "output", "policy": "accept"}}}}{}]}})",
      policy, rules);
}

std::string rule(std::string_view chain, std::string_view expressions) {
  return fmt::format(
      R"(, {{"rule": {{"family": "inet", "table": "filter", "chain": "{}", "handle": 9, "expr": [{}]}}}})",
      chain, expressions);
}

constexpr std::string_view kGre =
    R"({"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "protocol"}}, "right": "gre"}}, )";
constexpr std::string_view kTcp =
    R"({"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}}, )";
constexpr std::string_view kEstablished =
    R"({"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}}, )";
constexpr std::string_view kNotTcp =
    R"({"match": {"op": "!=", "left": {"meta": {"key": "l4proto"}}, "right": "tcp"}}, )";
constexpr std::string_view kAddress =
    R"({"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": "1.2.3.4"}}, )";
constexpr std::string_view kAccept = R"({"accept": null})";
constexpr std::string_view kDrop = R"({"drop": null})";

std::string with(std::string_view match, std::string_view verdict) {
  return std::string(match) + std::string(verdict);
}

bool lets_in(std::string_view policy, std::string_view rules) {
  const diagnosis::SeenFirewall seen = read_firewall(ruleset(policy, rules));
  CHECK_FALSE(seen.unreadable);
  return seen.against_in.empty();
}

}  // namespace

TEST_CASE("firewall: tables of iptables-legacy are told to be unread") {
  diagnosis::SeenFirewall seen;
  note_legacy_tables("", seen);
  CHECK_FALSE(seen.unreadable);
  note_legacy_tables("filter\nnat\n", seen);
  CHECK(seen.unreadable ==
        "iptables-legacy rules are here and are not read; `iptables-legacy-save` shows them");
  seen.unreadable = "nft is not there";
  note_legacy_tables("filter\n", seen);
  CHECK(seen.unreadable->starts_with("nft is not there; iptables-legacy rules "));
}

TEST_CASE("firewall: a policy that drops, and what lets GRE in all the same") {
  CHECK(lets_in("accept", ""));
  CHECK_FALSE(lets_in("drop", ""));
  CHECK_FALSE(lets_in("drop", rule("input", with(kTcp, kAccept))));
  CHECK(lets_in("drop", rule("input", with(kGre, kAccept))));
  CHECK(lets_in("drop", rule("input", with(kEstablished, kAccept))));
  CHECK(lets_in("drop", rule("input", with(kNotTcp, kAccept))));
  CHECK(lets_in("drop", rule("input", with(std::string(kAddress) + std::string(kGre), kAccept))));
  CHECK_FALSE(lets_in("drop", rule("input", with(kAddress, kAccept))));
  CHECK(lets_in("drop", rule("input", R"({"vmap": {"key": {"ct": {"key": "state"}}, "data": {"set":
      [["invalid", {"drop": null}], ["established", {"accept": null}]]}}})")));
}

TEST_CASE("firewall: the first rule that fits decides, in other chains too") {
  const std::string jump = rule("input", R"({"jump": {"target": "more"}})");
  CHECK_FALSE(lets_in("accept", rule("input", with(kGre, kDrop))));
  CHECK_FALSE(lets_in("accept", jump + rule("more", with(kGre, kDrop))));
  CHECK(lets_in("accept", rule("input", with(kGre, kAccept)) + rule("input", with(kGre, kDrop))));
  CHECK(lets_in("accept",
                jump + rule("more", R"({"return": null})") + rule("more", with(kGre, kDrop))));
  CHECK(lets_in("accept", rule("input", with(kTcp, kDrop))));
  CHECK_FALSE(lets_in("accept", rule("input", R"({"jump": {"target": "input"}})") +
                                    rule("input", with(kGre, kDrop))));  // a loop ends
}

TEST_CASE("firewall: what is against GRE going out is named, with the rule that is missing") {
  const auto seen = read_firewall(ruleset("accept", rule("output", with(kGre, kDrop))));
  CHECK(seen.against_in.empty());
  REQUIRE(seen.against_out.size() == 1);
  CHECK(seen.against_out.front() == "chain inet filter output drops GRE (rule handle 9)");
  CHECK(seen.missing.front() == "nft insert rule inet filter output ip protocol gre accept");
}

TEST_CASE("firewall: what is no ruleset") {
  CHECK(read_firewall("nonsense").unreadable);
  CHECK(read_firewall("[]").against_in.empty());
  CHECK(read_firewall(R"({"nftables": [{}, {"rule": {}}, {"chain": {"hook": "input"}}]})")
            .against_in.empty());
  CHECK(read_firewall(R"({"nftables": [{"chain": 7}]})").unreadable);
}
