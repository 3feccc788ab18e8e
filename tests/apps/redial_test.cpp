#include "apps/redial.h"

#include <vector>

#include <doctest/doctest.h>

#include "lib/cause.h"
#include "tests/sim/seeded_entropy.h"

namespace pptp::app {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;

RedialPolicy::Config usual() {
  return {.reconnect = true, .max_attempts = 0, .first = seconds(1), .limit = seconds(60)};
}

Ending lost() {
  return ending_of(End{Cause::peer_not_responding, 0, {}});
}

TEST_CASE("waits double from the first to the limit, a fifth less at most") {
  sim::SeededEntropy entropy(1);
  RedialPolicy policy(usual());
  for (const int whole : {1, 2, 4, 8, 16, 32, 60, 60, 60}) {
    const auto redial = policy.after(lost(), entropy);
    REQUIRE(redial);
    CAPTURE(whole);
    CHECK(redial->after <= seconds(whole));
    CHECK(redial->after >= milliseconds(whole * 800));
    CHECK_FALSE(redial->or_route_change);
  }
  policy.came_up();
  CHECK(policy.after(lost(), entropy)->after <= seconds(1));
}

TEST_CASE("waits differ") {
  sim::SeededEntropy entropy(2);
  const Duration one = RedialPolicy(usual()).after(lost(), entropy)->after;
  const Duration other = RedialPolicy(usual()).after(lost(), entropy)->after;
  CHECK(one != other);
}

TEST_CASE("the number of attempts in a row is limited") {
  sim::SeededEntropy entropy(3);
  RedialPolicy::Config config = usual();
  config.max_attempts = 2;
  RedialPolicy policy(config);
  CHECK(policy.after(lost(), entropy));
  CHECK(policy.after(lost(), entropy));
  CHECK_FALSE(policy.after(lost(), entropy));
  policy.came_up();
  CHECK(policy.after(lost(), entropy));
}

TEST_CASE("nothing is tried again where it was wanted, or would only be refused again") {
  sim::SeededEntropy entropy(4);
  const std::vector<Ending> endings = {
      ending_of(End{Cause::auth_failed, 691, {}}),
      ending_of(End{Cause::auth_no_common_method, 0xc023, {}}),
      ending_of(End{Cause::server_not_authentic, 0, {}}),
      ending_of(End{Cause::mppe_peer_refused, 0, {}}),
      ending_of(End{Cause::mppe_bits_refused, 0x20, {}}),
      ending_of(End{Cause::time_limit, 0, {}}),
      ending_of(End{Cause::idle_timeout, 0, {}}),
      ending_of(End{Cause::closed_locally, 0, {}}),
      // A Windows server that says in its Terminate-Request that it is about the password.
      ending_of(
          End{Cause::peer_terminated, 0, std::string("\1\2\3\4\0\x3c\xcd\x74\0\0\2\xb3", 12)}),
      ending_of(Trouble::interrupted),
      ending_of(Trouble::script_failed),
      ending_of(Trouble::host_config_failed),
  };
  for (const Ending& ending : endings) {
    CAPTURE(ending.summary);
    CHECK_FALSE(RedialPolicy(usual()).after(ending, entropy));
  }
  RedialPolicy::Config off = usual();
  off.reconnect = false;
  CHECK_FALSE(RedialPolicy(off).after(lost(), entropy));
}

TEST_CASE("a server that is busy or shutting down is left alone for ten seconds") {
  sim::SeededEntropy entropy(5);
  for (const Cause cause : {Cause::call_busy, Cause::peer_shutting_down}) {
    const auto redial = RedialPolicy(usual()).after(ending_of(End{cause, 0, {}}), entropy);
    REQUIRE(redial);
    CHECK(redial->after >= seconds(10));
  }
}

TEST_CASE("a service that is being restarted is asked at least every eight seconds") {
  sim::SeededEntropy entropy(6);
  RedialPolicy policy(usual());
  for (int i = 0; i < 10; ++i)
    CHECK(policy.after(ending_of(Trouble::ctrl_refused), entropy)->after <= seconds(8));
}

TEST_CASE("a missing network waits for a change of routes too") {
  sim::SeededEntropy entropy(7);
  for (const Trouble trouble :
       {Trouble::ctrl_net_unreachable, Trouble::ctrl_no_route, Trouble::name_no_answer}) {
    const auto redial = RedialPolicy(usual()).after(ending_of(trouble), entropy);
    REQUIRE(redial);
    CHECK(redial->or_route_change);
  }
}

TEST_CASE("another server is tried for what another server may do better") {
  CHECK(another_server_may_help(ending_of(Trouble::ctrl_refused)));
  CHECK(another_server_may_help(ending_of(Trouble::name_not_found)));
  CHECK(another_server_may_help(ending_of(End{Cause::gre_blocked, 0, {}})));
  CHECK(another_server_may_help(ending_of(End{Cause::call_busy, 0, {}})));
  CHECK_FALSE(another_server_may_help(ending_of(End{Cause::auth_failed, 691, {}})));
  CHECK_FALSE(another_server_may_help(ending_of(End{Cause::server_not_authentic, 0, {}})));
  CHECK_FALSE(another_server_may_help(ending_of(Trouble::interrupted)));
}

}  // namespace
}  // namespace pptp::app
