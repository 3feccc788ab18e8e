#include "apps/ending.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "apps/postmortem.h"
#include "diagnosis/words.h"

using namespace pptp;
using namespace pptp::app;
using namespace pptp::diagnosis;

namespace {

struct Row {
  int exit;
  std::string_view id;
};

// The table of docs/manual.md: what scripts rely on.
const std::map<Cause, Row> kCauses = {
    {Cause::closed_locally, {0, ""}},
    {Cause::internal_error, {1, "internal-error"}},
    {Cause::control_lost, {15, "peer-not-responding"}},
    {Cause::control_closed_at_once, {34, "hosts-allow-denied"}},
    {Cause::control_timeout, {34, "ctrl-no-answer"}},
    {Cause::not_pptp, {34, "not-pptp"}},
    {Cause::start_rejected, {34, "ctrl-start-rejected"}},
    {Cause::call_rejected, {34, "call-rejected"}},
    {Cause::call_busy, {34, "call-busy"}},
    {Cause::gre_blocked, {35, "gre-blocked"}},
    {Cause::lcp_timeout, {10, "lcp-timeout-path"}},
    {Cause::lcp_no_agreement, {10, "lcp-no-agreement"}},
    {Cause::looped_back, {17, "lcp-looped-back"}},
    {Cause::no_network_protocols, {10, "lcp-no-network-protocols"}},
    {Cause::auth_no_common_method, {41, "auth-no-common-method"}},
    {Cause::auth_failed, {19, "chap-auth-failed"}},
    {Cause::auth_timeout, {19, "auth-timeout"}},
    {Cause::auth_peer_failed, {19, "auth-peer-failed"}},
    {Cause::server_not_authentic, {37, "server-not-authentic"}},
    {Cause::mppe_peer_refused, {36, "mppe-peer-refused"}},
    {Cause::mppe_peer_requires, {36, "mppe-required-not-available"}},
    {Cause::mppe_bits_refused, {36, "mppe-no-common-key-length"}},
    {Cause::mppe_stateful_only, {36, "mppe-stateful-only"}},
    {Cause::mppe_no_keys, {36, "mppe-auth-not-mschap"}},
    {Cause::mppe_timeout, {36, "ccp-timeout"}},
    {Cause::mppe_lost, {36, "mppe-lost"}},
    {Cause::ipcp_no_agreement, {10, "ipcp-naked-rejected"}},
    {Cause::ipcp_timeout, {10, "ipcp-timeout"}},
    {Cause::ipcp_no_local_address, {38, "ipcp-no-local-ip"}},
    {Cause::ipcp_address_refused, {38, "ipcp-address-refused"}},
    {Cause::peer_not_responding, {15, "peer-not-responding"}},
    {Cause::peer_terminated, {16, "peer-terminated"}},
    {Cause::peer_cleared_call, {16, "peer-terminated"}},
    {Cause::peer_shutting_down, {16, "server-shutdown"}},
    {Cause::replaced, {16, "call-replaced"}},
    {Cause::time_limit, {13, "time-limit"}},
    {Cause::idle_timeout, {12, "idle-timeout"}},
};

const std::map<Trouble, Row> kTroubles = {
    {Trouble::internal_error, {1, "internal-error"}},
    {Trouble::config_invalid, {2, "config-invalid"}},
    {Trouble::need_root, {3, "need-root"}},
    {Trouble::tun_missing, {3, "tun-missing"}},
    {Trouble::interrupted, {5, ""}},
    {Trouble::script_failed, {8, "ip-up-script-status"}},
    {Trouble::tun_program_ended, {8, "tun-program-ended"}},
    {Trouble::name_not_found, {32, "name-not-found"}},
    {Trouble::name_no_answer, {32, "name-no-answer"}},
    {Trouble::ctrl_refused, {33, "ctrl-refused"}},
    {Trouble::ctrl_unreachable_1723, {33, "ctrl-unreachable-1723"}},
    {Trouble::ctrl_net_unreachable, {33, "ctrl-net-unreachable"}},
    {Trouble::ctrl_no_route, {33, "ctrl-no-route"}},
    {Trouble::gre_eperm, {35, "gre-eperm"}},
    {Trouble::gre_local_firewall, {35, "gre-local-firewall"}},
    {Trouble::gre_not_available, {35, "gre-protocol-not-available"}},
    {Trouble::host_config_failed, {39, "host-config-failed"}},
    {Trouble::already_connected, {40, "already-connected"}},
    {Trouble::port_in_use, {39, "pptpd-port-in-use"}},
};

void check_form(const Ending& ending) {
  CHECK_FALSE(ending.summary.empty());
  CHECK_FALSE(ending.summary.ends_with('.'));
  CHECK(ending.summary.find('\n') == std::string::npos);
  CHECK(ending.remedy.empty() == ending.id.empty());
  for (const std::string& line : ending.remedy)
    CHECK_FALSE(line.empty());
}

std::string windows_text(std::uint32_t number) {
  std::string text = std::string("\x12\x34\x56\x78\x00\x3c\xcd\x74", 8);
  for (const int shift : {24, 16, 8, 0})
    text += static_cast<char>(number >> shift & 0xff);
  return text;
}

bool mentions(const Ending& ending, std::string_view part) {
  return (describe(ending) + to_json(ending).dump()).find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("ending: every cause has its documented status and id, a summary and a remedy") {
  unsigned causes = 0;
  for (std::uint8_t i = 0; name(static_cast<Cause>(i)) != "unknown-cause"; ++i) {
    const auto cause = static_cast<Cause>(i);
    INFO(std::string(name(cause)));
    REQUIRE(kCauses.contains(cause));
    const Ending ending = ending_of(End{cause, 0, ""});
    CHECK(ending.status() == kCauses.at(cause).exit);
    CHECK(ending.id == kCauses.at(cause).id);
    check_form(ending);
    ++causes;
  }
  CHECK(causes == kCauses.size());
}

TEST_CASE("ending: every trouble of the program's own likewise") {
  for (const auto& [trouble, row] : kTroubles) {
    const Ending ending = ending_of(trouble);
    INFO(ending.summary);
    CHECK(ending.status() == row.exit);
    CHECK(ending.id == row.id);
    check_form(ending);
  }
}

TEST_CASE("ending: different things have different ids") {
  // Two ways to be silent, and two ways to hang up, are one thing to whoever has to act.
  std::map<std::string_view, std::set<int>> exits;
  std::multiset<std::string_view> ids;
  for (const auto& [cause, row] : kCauses) {
    exits[row.id].insert(row.exit);
    ids.insert(row.id);
  }
  for (const auto& [trouble, row] : kTroubles) {
    exits[row.id].insert(row.exit);
    if (trouble != Trouble::internal_error) ids.insert(row.id);
  }
  for (const std::string_view id : ids) {
    const bool shared = id.empty() || id == "peer-not-responding" || id == "peer-terminated";
    INFO(std::string(id));
    CHECK(ids.count(id) == (shared ? 2U : 1U));
    if (!id.empty()) CHECK(exits[id].size() == 1);
  }
}

TEST_CASE("ending: the server's reasons for refusing us have ids of their own") {
  const std::map<std::uint32_t, std::string_view> ids = {
      {646, "chap-e646-logon-hours"},  {647, "chap-e647-disabled"},
      {648, "chap-e648-expired"},      {649, "chap-e649-no-dialin"},
      {691, "chap-e691-bad-password"}, {709, "chap-e709-password-change"},
      {700, "chap-auth-failed"},
  };
  for (const auto& [number, id] : ids) {
    const Ending ending = ending_of(End{Cause::auth_failed, number, ""});
    CHECK(ending.status() == 19);
    CHECK(ending.id == id);
    check_form(ending);
    CHECK(mentions(ending, "E=" + std::to_string(number)));
    // Windows says the same in a Terminate-Request.
    const Ending windows = ending_of(End{Cause::peer_terminated, 0, windows_text(number)});
    if (number != 700) {
      CHECK(windows.status() == 19);
      CHECK(windows.id == id);
    } else {
      CHECK(windows.id == "peer-terminated");
    }
  }
}

TEST_CASE("ending: a wrong password says what was sent and what else could be tried") {
  EndingContext context;
  context.user = "alice";
  const End end{Cause::auth_failed, 691, "E=691 R=1 C=00 V=3 M=Access denied"};
  CHECK(mentions(ending_of(end, context), "'DOMAIN\\alice'"));
  CHECK(mentions(ending_of(end, context), "the name sent was 'alice'"));
  CHECK(mentions(ending_of(end, context), "Access denied"));
  CHECK_FALSE(mentions(ending_of(end, context), "blank"));
  context.user = "OFFICE\\alice";
  context.password_edge_blanks = true;
  context.password_beyond_ascii = true;
  CHECK(mentions(ending_of(end, context), "without a domain"));
  CHECK(mentions(ending_of(end, context), "begins or ends with a blank"));
  CHECK(mentions(ending_of(end, context), "beyond ASCII"));
}

TEST_CASE("ending: what the peer says is escaped") {
  for (const Cause cause : {Cause::peer_terminated, Cause::auth_failed, Cause::call_rejected}) {
    const Ending ending = ending_of(End{cause, 691, "\x1b[2Jgone\n\"\xff"});
    const std::string text = describe(ending);
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.find('\xff') == std::string::npos);
    CHECK_NOTHROW((void)to_json(ending).dump());
    CHECK(to_json(ending).dump().find("\\\\x1b[2Jgone\\\\x0a") != std::string::npos);
  }
}

TEST_CASE("ending: Windows' numbers in a Terminate-Request are decoded") {
  CHECK(windows_error(windows_text(742)) == 742);
  CHECK_FALSE(windows_error(windows_text(742) + "x"));
  CHECK_FALSE(windows_error("User request"));
  CHECK_FALSE(windows_error(""));
  for (std::size_t size = 0; size < 12; ++size)
    CHECK_FALSE(windows_error(windows_text(742).substr(0, size)));
  const Ending encryption = ending_of(End{Cause::peer_terminated, 0, windows_text(742)});
  CHECK(encryption.status() == 36);
  CHECK(encryption.id == "win-742-no-encryption");
  const Ending other = ending_of(End{Cause::peer_terminated, 0, windows_text(720)});
  CHECK(other.status() == 16);
  CHECK(other.id == "peer-terminated");
  CHECK(mentions(other, "no network protocol"));
  CHECK(mentions(ending_of(End{Cause::peer_terminated, 0, windows_text(999)}), "999"));
  CHECK(mentions(ending_of(End{Cause::peer_terminated, 0, "User request"}), "\"User request\""));
}

TEST_CASE("ending: PPTP's numbers are put into words") {
  CHECK(mentions(ending_of(End{Cause::start_rejected, 4 << 8, ""}), "result 4 (not authorized)"));
  CHECK(mentions(ending_of(End{Cause::call_rejected, 2 << 8 | 4, ""}),
                 "result 2 (general error), error 4 (no resource)"));
  CHECK(mentions(ending_of(End{Cause::call_busy, 4 << 8, ""}), "result 4 (busy)"));
  CHECK(mentions(ending_of(End{Cause::call_rejected, 99 << 8, ""}), "result 99"));
}

TEST_CASE("ending: which key lengths the server would take") {
  const Ending only_40 = ending_of(End{Cause::mppe_bits_refused, 0x0100'0020, ""});
  CHECK(only_40.id == "mppe-40-only-peer");
  CHECK(mentions(only_40, "40 bits"));
  CHECK(mentions(only_40, "key-bits = [128, 40]"));
  const Ending both = ending_of(End{Cause::mppe_bits_refused, 0x0100'00a0, ""});
  CHECK(both.id == "mppe-no-common-key-length");
  CHECK(mentions(both, "56 and 40 bits"));
  CHECK(mentions(ending_of(End{Cause::mppe_bits_refused, 0x0100'0000, ""}), "no key length"));
}

TEST_CASE("ending: the refused address is named") {
  CHECK(mentions(ending_of(End{Cause::ipcp_address_refused, 0x0a000001, ""}), "10.0.0.1"));
}

TEST_CASE("ending: requests that the operating system refused") {
  const io::IoError error{io::IoFault::permission, 1, "no raw socket", "do this first"};
  const Ending ending = ending_of(error);
  CHECK(ending.id == "need-root");
  CHECK(ending.remedy == std::vector<std::string>{"do this first"});
  CHECK(mentions(ending, "no raw socket"));
  const std::map<io::IoFault, std::string_view> ids = {
      {io::IoFault::tun_missing, "tun-missing"},
      {io::IoFault::already_locked, "already-connected"},
      {io::IoFault::name_not_found, "name-not-found"},
      {io::IoFault::name_no_answer, "name-no-answer"},
      {io::IoFault::refused, "ctrl-refused"},
      {io::IoFault::timed_out, "ctrl-unreachable-1723"},
      {io::IoFault::net_unreachable, "ctrl-net-unreachable"},
      {io::IoFault::no_route, "ctrl-no-route"},
      {io::IoFault::address_in_use, "pptpd-port-in-use"},
      {io::IoFault::bad_name, "config-invalid"},
      {io::IoFault::system, "host-config-failed"},
  };
  for (const auto& [fault, id] : ids)
    CHECK(ending_of(io::IoError{fault, 0, "x", ""}).id == id);
}

TEST_CASE("ending: a diagnosis puts the likeliest cause in front, and leaves the exit status") {
  const Ending blocked = ending_of(End{Cause::gre_blocked, 0, ""});
  CHECK(diagnosed(blocked, {}).id == "gre-blocked");
  diagnosis::Checkup seen;
  seen.ended = problem_of(blocked);
  seen.firewall.against_in = {"chain ip filter input drops GRE"};
  const Ending told = diagnosed(blocked, diagnose(seen));
  CHECK(told.status() == 35);
  CHECK(told.id == "gre-local-firewall");
  REQUIRE(told.others.size() == 1);
  CHECK(told.others.front().id == "gre-blocked");
  CHECK(mentions(told,
                 "    chain ip filter input drops GRE\nand, less likely or as a "
                 "consequence:\nno GRE packet came from the server"));
  CHECK(to_json(told).at("others").at(0).at("id") == "gre-blocked");
}

TEST_CASE("ending: what the operating system said is told once") {
  const std::string text = describe(ending_of(Trouble::ctrl_refused, "connect: timed out"));
  CHECK(text.find("timed out") != std::string::npos);
  CHECK(text.find("timed out") == text.rfind("timed out"));
  const std::string interface = describe(ending_of(Trouble::host_config_failed, "no such device"));
  CHECK(interface.find("no such device") != std::string::npos);
  CHECK(interface.find("no such device") == interface.rfind("no such device"));
}

TEST_CASE("ending: one line says what happened with its id, the next what to do") {
  EndingContext context;
  context.server = "vpn.example.com";
  const Ending ending = ending_of(Trouble::ctrl_refused, "", context);
  CHECK(describe(ending).starts_with(
      "pptpd-user: vpn.example.com refuses connections to the PPTP port [ctrl-refused]\n    - "));
  CHECK(describe(ending_of(Trouble::interrupted)) == "pptpd-user: interrupted\n");
  const Ending seen = ending_of(Trouble::ctrl_refused, "connect: Connection refused", context);
  CHECK(seen.summary == ending.summary);
  CHECK(seen.evidence == std::vector<std::string>{"connect: Connection refused"});
  const nlohmann::json document = to_json(ending);
  CHECK(document.size() == 4);
  CHECK(document.at("id") == "ctrl-refused");
  CHECK(document.at("summary").is_string());
  CHECK(document.at("evidence").is_array());
  CHECK(document.at("remedy").size() == ending.remedy.size());
}
