#include "apps/doctor/firewall.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace pptp::app {
namespace {

using nlohmann::json;

/// Chains in chains; the kernel allows 16 as well.
constexpr int kDeepest = 16;

enum class Fits : std::uint8_t { no, unknown, yes, names_gre };

enum class Fate : std::uint8_t { open, accepted, dropped };

struct Judged {
  Fate fate = Fate::open;
  std::string by;  ///< dropped: what does it
};

bool contains(const json& value, std::string_view word, int number) {
  if (value.is_string()) return value.get<std::string>() == word;
  if (value.is_number_integer()) return value.get<int>() == number;
  if (value.is_object() && value.contains("set")) return contains(value["set"], word, number);
  if (!value.is_array()) return false;
  return std::ranges::any_of(value, [&](const json& each) { return contains(each, word, number); });
}

/// What a packet's state is when it is the first of a call, or, coming in, answers one.
bool is_state(const json& states, bool coming_in) {
  return contains(states, coming_in ? "established" : "new", -1);
}

Fits with_operator(const json& match, bool equal, Fits when_equal) {
  const bool negated = match.value("op", std::string()) == "!=";
  if (equal == negated) return Fits::no;
  return negated ? Fits::yes : when_equal;
}

Fits fits(const json& match, bool coming_in) {
  const json left = match.value("left", json::object());
  const json right = match.value("right", json());
  if (left.contains("payload") && left["payload"].is_object()) {
    const std::string protocol = left["payload"].value("protocol", std::string());
    if (protocol == "ip" && left["payload"].value("field", std::string()) == "protocol")
      return with_operator(match, contains(right, "gre", 47), Fits::names_gre);
    return protocol == "ip" ? Fits::unknown : Fits::no;  // ports, ICMP types, IPv6
  }
  if (left.contains("meta") && left["meta"].is_object()) {
    const std::string key = left["meta"].value("key", std::string());
    if (key == "l4proto") return with_operator(match, contains(right, "gre", 47), Fits::names_gre);
    if (key == "nfproto" || key == "protocol")
      return contains(right, "ipv4", 2) || contains(right, "ip", 0x800) ? Fits::yes : Fits::no;
  }
  if (left.contains("ct") && left["ct"].is_object() &&
      left["ct"].value("key", std::string()) == "state")
    return with_operator(match, is_state(right, coming_in), Fits::yes);
  return Fits::unknown;
}

class Ruleset {
 public:
  explicit Ruleset(const json& document) {
    if (!document.is_object() || !document.contains("nftables")) return;
    for (const json& item : document["nftables"]) {
      if (item.contains("chain")) chains_.push_back(item["chain"]);
      if (item.contains("rule")) rules_.push_back(item["rule"]);
    }
  }

  /// Asks every chain that packets in this direction come through.
  void judge(bool coming_in, std::vector<std::string>& against,
             std::vector<std::string>& missing) const {
    for (const json& chain : chains_) {
      if (!is_asked(chain, coming_in)) continue;
      Judged judged = walk(chain, coming_in, 0);
      if (judged.fate == Fate::open && chain.value("policy", std::string()) == "drop")
        judged = {Fate::dropped, fmt::format("chain {} drops GRE by its policy", name(chain))};
      if (judged.fate != Fate::dropped) continue;
      against.push_back(judged.by);
      missing.push_back(fmt::format("nft insert rule {} ip protocol gre accept", name(chain)));
    }
  }

 private:
  static std::string name(const json& chain) {
    return fmt::format("{} {} {}", chain.value("family", std::string()),
                       chain.value("table", std::string()), chain.value("name", std::string()));
  }

  static bool is_asked(const json& chain, bool coming_in) {
    const std::string family = chain.value("family", std::string());
    const std::string hook = chain.value("hook", std::string());
    if (family != "ip" && family != "inet") return false;
    return coming_in ? hook == "input" || hook == "prerouting"
                     : hook == "output" || hook == "postrouting";
  }

  Judged walk(const json& chain, bool coming_in, int depth) const {
    if (depth > kDeepest) return {};
    for (const json& rule : rules_) {
      if (rule.value("family", std::string()) != chain.value("family", std::string()) ||
          rule.value("table", std::string()) != chain.value("table", std::string()) ||
          rule.value("chain", std::string()) != chain.value("name", std::string()))
        continue;
      if (ends_here(rule, coming_in)) return {};
      Judged judged = apply(rule, chain, coming_in, depth);
      if (judged.fate != Fate::open) return judged;
    }
    return {};
  }

  /// How far the matches of a rule fit, all together.
  static Fits all_of(const json& rule, bool coming_in) {
    Fits together = Fits::yes;
    for (const json& part : rule.value("expr", json::array())) {
      if (!part.contains("match")) continue;
      const Fits one = fits(part["match"], coming_in);
      if (one == Fits::no) return Fits::no;
      if (one == Fits::names_gre) together = Fits::names_gre;
      if (one == Fits::unknown && together == Fits::yes) together = Fits::unknown;
    }
    return together;
  }

  static bool has(const json& rule, std::string_view statement) {
    const json parts = rule.value("expr", json::array());
    return std::ranges::any_of(parts, [&](const json& part) { return part.contains(statement); });
  }

  static bool ends_here(const json& rule, bool coming_in) {
    return has(rule, "return") && all_of(rule, coming_in) >= Fits::yes;
  }

  Judged apply(const json& rule, const json& chain, bool coming_in, int depth) const {
    if (all_of(rule, coming_in) < Fits::yes) return {};
    for (const json& part : rule.value("expr", json::array())) {
      if (part.contains("accept")) return {Fate::accepted, {}};
      if (part.contains("drop") || part.contains("reject"))
        return {Fate::dropped,
                fmt::format("chain {} {}s GRE (rule handle {})", name(chain),
                            part.contains("drop") ? "drop" : "reject", rule.value("handle", 0))};
      for (const char* to : {"jump", "goto"}) {
        if (!part.contains(to)) continue;
        Judged judged =
            walk(target(chain, part[to].value("target", std::string())), coming_in, depth + 1);
        if (judged.fate != Fate::open) return judged;
      }
      if (part.contains("vmap")) {
        Judged judged = mapped(part["vmap"], chain, coming_in);
        if (judged.fate != Fate::open) return judged;
      }
    }
    return {};
  }

  /// A verdict map over the state or the protocol.
  static Judged mapped(const json& vmap, const json& chain, bool coming_in) {
    if (!vmap.contains("data") || !vmap["data"].is_object()) return {};
    for (const json& pair : vmap["data"].value("set", json::array())) {
      if (!pair.is_array() || pair.size() != 2) continue;
      const json match = {
          {"op", "=="}, {"left", vmap.value("key", json::object())}, {"right", pair[0]}};
      if (fits(match, coming_in) < Fits::yes) continue;
      if (pair[1].contains("accept")) return {Fate::accepted, {}};
      if (pair[1].contains("drop"))
        return {Fate::dropped, fmt::format("chain {} drops GRE", name(chain))};
    }
    return {};
  }

  json target(const json& from, const std::string& to) const {
    const auto found = std::ranges::find_if(chains_, [&](const json& chain) {
      return chain.value("family", std::string()) == from.value("family", std::string()) &&
             chain.value("table", std::string()) == from.value("table", std::string()) &&
             chain.value("name", std::string()) == to;
    });
    return found == chains_.end() ? json::object() : *found;
  }

  std::vector<json> chains_;
  std::vector<json> rules_;
};

}  // namespace

diagnosis::SeenFirewall read_firewall(std::string_view ruleset) {
  diagnosis::SeenFirewall seen;
  const json document = json::parse(ruleset, nullptr, false);
  if (document.is_discarded()) {
    seen.unreadable = "what nft says cannot be read";
    return seen;
  }
  try {
    const Ruleset rules(document);
    rules.judge(true, seen.against_in, seen.missing);
    rules.judge(false, seen.against_out, seen.missing);
  } catch (const json::exception&) {
    seen.unreadable = "what nft says is not as expected";
  }
  return seen;
}

void note_legacy_tables(std::string_view names, diagnosis::SeenFirewall& seen) {
  if (names.empty()) return;
  const std::string legacy =
      "iptables-legacy rules are here and are not read; `iptables-legacy-save` shows them";
  seen.unreadable = seen.unreadable ? *seen.unreadable + "; " + legacy : legacy;
}

}  // namespace pptp::app
