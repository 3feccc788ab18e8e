#include "apps/demo/result.h"

#include <chrono>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace pptp::app;
using namespace pptp::app::demo;
using nlohmann::json;

namespace {

using namespace std::chrono_literals;

DemoResult good() {
  DemoResult result;
  result.tunnel.emplace();
  result.tunnel->interface = "pptp0";
  result.tunnel->local = "10.0.0.2";
  result.tunnel->peer = "10.0.0.1";
  result.tunnel->mtu = 1456;
  result.tunnel->auth = "mschapv2";
  result.tunnel->mppe = StatusReport::Encryption{};
  result.set_up_took = 150ms;
  result.ping = PingResult{10, 10, 100us, 200us, 300us};
  result.client_to_server = TransferResult{1'000'000, 1s};
  result.server_to_client = TransferResult{2'000'000, 1s};
  result.wire.emplace();
  (*result.wire)[Sight::enciphered] = 3000;
  return result;
}

std::vector<std::string> ids(const DemoResult& result) {
  std::vector<std::string> out;
  for (const Ending& problem : judge(result))
    out.emplace_back(problem.id);
  return out;
}

using Ids = std::vector<std::string>;

}  // namespace

TEST_CASE("apps/demo/result nothing is wrong with a good one") {
  CHECK(ids(good()).empty());
}

TEST_CASE("apps/demo/result what was not measured is not judged") {
  CHECK(ids(DemoResult{}).empty());
}

TEST_CASE("apps/demo/result each thing that must not be is a problem") {
  DemoResult result = good();
  (*result.wire)[Sight::clear] = 1;
  CHECK(ids(result) == Ids{"demo-seen-in-clear"});

  result = good();
  (*result.wire)[Sight::enciphered] = 0;
  CHECK(ids(result) == Ids{"demo-nothing-enciphered"});

  result = good();
  result.ping->answered = 9;
  CHECK(ids(result) == Ids{"demo-ping-unanswered"});

  result = good();
  result.server_to_client->octets = 0;
  CHECK(ids(result) == Ids{"demo-no-data"});

  result = good();
  result.tunnel->mppe.reset();
  CHECK(ids(result) == Ids{"demo-no-encryption"});
}

TEST_CASE("apps/demo/result one JSON document holds everything") {
  const json document = json::parse(json_text(good()));
  CHECK(document["ok"] == true);
  CHECK(document["problems"] == json::array());
  CHECK(document["tunnel"] == json::parse(R"({
    "interface": "pptp0", "local": "10.0.0.2", "peer": "10.0.0.1", "mtu": 1456,
    "auth": "mschapv2", "mppe": {"bits": 128, "mode": "stateless"}})"));
  CHECK(document["ping"]["avg_ms"] == 0.2);
  CHECK(document["client_to_server"]["mbit_per_s"] == 8.0);
  CHECK(document["wire"]["enciphered"] == 3000);
  CHECK(document["wire"]["clear"] == 0);
  CHECK(document["wire"]["packets"] == 3000);
  CHECK(document["set_up_ms"] == 150.0);
}

TEST_CASE("apps/demo/result a document without measurements has nulls, and the problem") {
  DemoResult result;
  result.problems.push_back(failure("demo-client", "it \xff ended", {"a line"}));
  result.problems.back().remedy.push_back("do this");
  const json document = json::parse(json_text(result));
  CHECK(document["ok"] == false);
  CHECK(document["tunnel"].is_null());
  CHECK(document["ping"].is_null());
  CHECK(document["wire"].is_null());
  REQUIRE(document["problems"].size() == 1);
  CHECK(document["problems"][0]["id"] == "demo-client");
  CHECK(document["problems"][0]["evidence"] == json::array({"a line"}));
  CHECK(document["problems"][0]["remedy"] == json::array({"do this"}));
}

TEST_CASE("apps/demo/result the table says what was missed only when something was") {
  DemoResult result = good();
  CHECK(table_text(result).find("0 in clear, 3000 enciphered") != std::string::npos);
  CHECK(table_text(result).find("too fast") == std::string::npos);
  result.wire->missed = 5;
  CHECK(table_text(result).find("5 came too fast") != std::string::npos);
}
