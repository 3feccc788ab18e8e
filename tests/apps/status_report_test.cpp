#include "apps/status_report.h"

#include <set>
#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace pptp;
using namespace pptp::app;
using nlohmann::json;

namespace {

const std::chrono::system_clock::time_point kSince{std::chrono::seconds(1'700'000'000)};

StatusReport full() {
  StatusReport report;
  report.profile = "office";
  report.state = CallState::up;
  report.since = kSince;
  report.server_name = "vpn.example.com";
  report.server_address = "192.0.2.1";
  report.interface = "pptp0";
  report.local = "10.0.0.2";
  report.peer = "10.0.0.1";
  report.ipv6 = "fe80::1";
  report.mtu = 1400;
  report.auth = "mschapv2";
  report.mppe = StatusReport::Encryption{128, false};
  report.dns = {"10.0.0.1", "9.9.9.9"};
  report.routes = {"10.0.0.0/8"};
  report.counters = {10,
                     1000,
                     20,
                     3'000'000,
                     1,
                     2,
                     3,
                     4,
                     5,
                     {{"gre-late", 4}},
                     {{"packet-socket", 9}, {"raw-to-confirm", 1}}};
  report.rtt_ms = 12.5;
  report.last = StatusReport::Last{19, "chap-e691-bad-password", "refused"};
  return report;
}

std::set<std::string> keys(const json& object) {
  std::set<std::string> names;
  for (const auto& [key, value] : object.items())
    names.insert(key);
  return names;
}

}  // namespace

TEST_CASE("status: the JSON document has exactly the keys of the manual") {
  const std::set<std::string> top = {
      "profile", "state", "since", "server", "interface", "local",    "peer",   "ipv6",
      "mtu",     "auth",  "mppe",  "dns",    "routes",    "counters", "rtt_ms", "last"};
  const std::set<std::string> counters = {
      "tx_packets", "tx_bytes", "rx_packets",         "rx_bytes", "lost",   "reordered",
      "duplicate",  "late",     "key_streams_reused", "dropped",  "sent_by"};
  for (const StatusReport& report : {full(), StatusReport()}) {
    const json document = to_json(report);
    CHECK(keys(document) == top);
    CHECK(keys(document.at("counters")) == counters);
    CHECK(keys(document.at("server")) == std::set<std::string>{"name", "address"});
    CHECK(document.at("dns").is_array());
    CHECK(document.at("routes").is_array());
    CHECK(document.at("counters").at("dropped").is_object());
    CHECK(document.at("counters").at("sent_by").is_object());
  }
}

TEST_CASE("status: values, and null where there is none") {
  const json document = to_json(full());
  CHECK(document.at("state") == "up");
  CHECK(document.at("since") == "2023-11-14T22:13:20Z");
  CHECK(document.at("mtu") == 1400);
  CHECK(document.at("mppe") == json{{"bits", 128}, {"mode", "stateless"}});
  CHECK(document.at("counters").at("rx_bytes") == 3'000'000);
  CHECK(document.at("counters").at("dropped").at("gre-late") == 4);
  CHECK(document.at("counters").at("sent_by") == json{{"packet-socket", 9}, {"raw-to-confirm", 1}});
  CHECK(document.at("last") ==
        json{{"exit", 19}, {"id", "chap-e691-bad-password"}, {"summary", "refused"}});

  const json empty = to_json(StatusReport());
  CHECK(empty.at("state") == "idle");
  for (const char* key :
       {"since", "interface", "local", "peer", "ipv6", "mtu", "auth", "mppe", "rtt_ms", "last"})
    CHECK_MESSAGE(empty.at(key).is_null(), key);
  CHECK(empty.at("server").at("name").is_null());

  StatusReport stateful = full();
  stateful.mppe = StatusReport::Encryption{40, true};
  CHECK(to_json(stateful).at("mppe") == json{{"bits", 40}, {"mode", "stateful"}});
}

TEST_CASE("status: every state has its word") {
  const std::set<std::string_view> words = {
      name(CallState::idle),        name(CallState::connecting), name(CallState::authenticating),
      name(CallState::negotiating), name(CallState::up),         name(CallState::reconnecting),
      name(CallState::failed)};
  CHECK(words == std::set<std::string_view>{"idle", "connecting", "authenticating", "negotiating",
                                            "up", "reconnecting", "failed"});
}

TEST_CASE("status: the way through JSON and back loses nothing") {
  for (const StatusReport& report : {full(), StatusReport()}) {
    const auto back = status_from_json(json::parse(to_json(report).dump()));
    REQUIRE(back);
    CHECK(to_json(*back) == to_json(report));
  }
}

TEST_CASE("status: a document that is not one is refused, whatever is missing or wrong") {
  const json document = to_json(full());
  for (const auto& [key, value] : document.items()) {
    json without = document;
    without.erase(key);
    CHECK_MESSAGE(!status_from_json(without), key);
    json wrong = document;
    wrong[key] = key == "dns" ? json(7) : json::array({7});
    if (key != "routes") CHECK_MESSAGE(!status_from_json(wrong), key);
  }
  json state = document;
  state["state"] = "asleep";
  CHECK_FALSE(status_from_json(state));
  json since = document;
  since["since"] = "yesterday";
  CHECK_FALSE(status_from_json(since));
  CHECK_FALSE(status_from_json(json()));
  CHECK_FALSE(status_from_json(json::array()));
}

TEST_CASE("status: for people") {
  CHECK(to_text(full(), kSince + std::chrono::seconds(3725)) ==
        "office: up for 1 h 2 min\n"
        "  server     vpn.example.com (192.0.2.1)\n"
        "  interface  pptp0, MTU 1400\n"
        "  address    10.0.0.2, peer 10.0.0.1\n"
        "  ipv6       fe80::1\n"
        "  auth       mschapv2\n"
        "  encryption MPPE, 128 bits, stateless\n"
        "  dns        10.0.0.1, 9.9.9.9\n"
        "  routes     10.0.0.0/8\n"
        "  sent       10 packets, 1000 B\n"
        "  received   20 packets, 2.9 MiB; 1 lost, 2 reordered, 3 duplicate, 4 late\n"
        "  sent by    9 packet-socket, 1 raw-to-confirm\n"
        "  dropped    4 gre-late\n"
        "  round trip 12.5 ms\n"
        "  last       refused [chap-e691-bad-password] (status 19)\n");
  StatusReport idle;
  idle.profile = "office";
  CHECK(to_text(idle, kSince) == "office: idle\n");
  StatusReport clear = full();
  clear.mppe.reset();
  CHECK(to_text(clear, kSince).find("encryption none") != std::string::npos);
}

TEST_CASE("status: drops are named, and only those that happened") {
  Drops drops;
  drops.count(Drop::gre_late);
  drops.count(Drop::gre_late);
  const auto counts = dropped(drops);
  REQUIRE(counts.size() == 1);
  CHECK(counts.at(std::string(name(Drop::gre_late))) == 2);
}
