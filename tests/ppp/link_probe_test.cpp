#include <chrono>
#include <cstdint>

#include <doctest/doctest.h>

#include "tests/ppp/link_pair.h"

namespace pptp::test {
namespace {

using std::chrono::seconds;

constexpr std::uint8_t kEchoRequest = 9;

LinkConfig probing(std::uint16_t length) {
  LinkConfig config = without_echo(client_config());
  config.probe_length = length;
  return config;
}

int echoes(const LinkPair& pair) {
  return pair.sent(pair.client, protocol::kLcp, kEchoRequest);
}

TEST_CASE("link/probe nothing is tried unless it is asked for") {
  LinkPair pair(probing(0), without_echo(server_config()));
  REQUIRE(pair.up());
  pair.run(seconds(60));
  CHECK(echoes(pair) == 0);
  CHECK_FALSE(pair.client.probed);
}

TEST_CASE("link/probe one request where the longest arrives") {
  LinkPair pair(probing(1400), without_echo(server_config()));
  REQUIRE(pair.up());
  CHECK(echoes(pair) == 1);
  CHECK(pair.client.probed == 1400);
}

TEST_CASE("link/probe nothing longer than the peer's MRU is tried") {
  LinkConfig server = without_echo(server_config());
  server.mru = 1300;
  LinkPair pair(probing(1400), server);
  REQUIRE(pair.up());
  CHECK(pair.client.probed == 1300);
}

TEST_CASE("link/probe a wire that swallows what is long is found out, and the link stays up") {
  for (const unsigned limit : {580U, 1000U, 1234U, 1399U}) {
    CAPTURE(limit);
    LinkPair pair(probing(1400), without_echo(server_config()));
    pair.filter = [limit](const LinkEnd&, const ControlFrame& frame) {
      return frame.information.size() <= limit;
    };
    REQUIRE(pair.up());
    pair.run(seconds(60));
    REQUIRE(pair.client.probed);
    CHECK(*pair.client.probed <= limit);
    CHECK(limit - *pair.client.probed < 8);
    CHECK(pair.client.network);
    CHECK_FALSE(pair.client.ended);
    CHECK_FALSE(pair.client.link.next_deadline());
  }
}

TEST_CASE("link/probe a peer without replies loses nothing but the answer") {
  LinkPair pair(probing(1400), without_echo(server_config()));
  pair.filter = [](const LinkEnd&, const ControlFrame& frame) {
    return frame.protocol != protocol::kLcp || frame.information.empty() ||
           frame.information[0] != kEchoRequest;
  };
  REQUIRE(pair.up());
  pair.run(seconds(60));
  CHECK_FALSE(pair.client.probed);
  CHECK(pair.client.network);
  CHECK_FALSE(pair.client.link.next_deadline());
}

TEST_CASE("link/probe a link that ends meanwhile ends as ever") {
  LinkPair pair(probing(1400), without_echo(server_config()));
  pair.filter = [](const LinkEnd&, const ControlFrame& frame) {
    return frame.information.size() <= 1000;
  };
  REQUIRE(pair.up());
  pair.client.link.close(pair.now(), {});
  pair.run(seconds(60));
  CHECK(pair.client.ended);
  CHECK(pair.violations().empty());
  CHECK_FALSE(pair.client.link.next_deadline());
}

LinkConfig waiting() {
  LinkConfig config = without_echo(client_config());
  config.tell_ready = true;
  return config;
}

TEST_CASE("link/ready is told only where it is wanted") {
  LinkPair pair(without_echo(client_config()), without_echo(server_config()));
  REQUIRE(pair.up());
  CHECK(pair.client.readies == 0);
  CHECK(echoes(pair) == 0);
}

TEST_CASE("link/ready is told when the peer has answered what came after IPCP") {
  LinkPair pair(waiting(), without_echo(server_config()), {.delay = std::chrono::milliseconds(20)});
  pair.start();
  while (!pair.client.network)
    pair.run(std::chrono::milliseconds(1));
  CHECK(pair.client.readies == 0);
  pair.run(std::chrono::milliseconds(38));
  CHECK(echoes(pair) == 1);
  pair.run(std::chrono::milliseconds(40));
  CHECK(echoes(pair) == 2);
  CHECK(pair.client.readies == 0);
  pair.run(std::chrono::milliseconds(4));
  CHECK(pair.client.readies == 1);
  pair.run(seconds(60));
  CHECK(pair.client.readies == 1);
  CHECK(echoes(pair) == 2);
  CHECK(pair.violations().empty());
}

TEST_CASE("link/ready is told in the end where nobody answers") {
  LinkPair pair(waiting(), without_echo(server_config()));
  pair.filter = [](const LinkEnd&, const ControlFrame& frame) {
    return frame.protocol != protocol::kLcp || frame.information.empty() ||
           frame.information[0] != kEchoRequest;
  };
  pair.start();
  while (!pair.client.network)
    pair.run(std::chrono::milliseconds(1));
  pair.run(Link::kReadyLimit - std::chrono::milliseconds(10));
  CHECK(pair.client.readies == 0);
  pair.run(std::chrono::milliseconds(10));
  CHECK(pair.client.readies == 1);
  CHECK_FALSE(pair.client.link.next_deadline());
}

TEST_CASE("link/ready and the probe do not take each other's replies") {
  LinkConfig config = waiting();
  config.probe_length = 1400;
  LinkPair pair(config, without_echo(server_config()));
  pair.filter = [](const LinkEnd&, const ControlFrame& frame) {
    return frame.information.size() <= 1000;
  };
  REQUIRE(pair.up());
  CHECK(pair.client.readies == 1);
  pair.run(seconds(60));
  REQUIRE(pair.client.probed);
  CHECK(*pair.client.probed <= 1000);
  CHECK(1000 - *pair.client.probed < 8);
  CHECK(pair.client.readies == 1);
}

TEST_CASE("link/ready is not told of a network that went down again, and again of the next") {
  LinkPair pair(waiting(), without_echo(server_config()));
  REQUIRE(pair.up());
  CHECK(pair.client.readies == 1);
  // RFC 1661 3.4: everything above LCP is negotiated anew.
  pair.server.link.lower_down(pair.now(), {});
  pair.server.ended.reset();
  pair.server.link.lower_up(pair.now());
  pair.run(seconds(10));
  REQUIRE(pair.client.network);
  CHECK(pair.client.readies == 2);
  CHECK(pair.client.violation.empty());
}

}  // namespace
}  // namespace pptp::test
