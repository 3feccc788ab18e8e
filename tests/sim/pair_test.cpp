// Two engines over a simulated wire, in virtual time: what must hold for every seed.
#include "tests/sim/pair.h"

#include <array>
#include <initializer_list>

#include <doctest/doctest.h>

namespace pptp::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr unsigned kPacketsEachWay = 40;

/// The reasons for which a link may end, or not come up, when nothing but loss is at work.
bool is_timeout(Cause cause) {
  switch (cause) {
    case Cause::lcp_timeout:
    case Cause::auth_timeout:
    case Cause::mppe_timeout:
    case Cause::ipcp_timeout:
    case Cause::peer_not_responding:
    case Cause::gre_blocked:
      return true;
    default:
      return false;
  }
}

/// What the other side is told of one that gave up.
bool is_told(const End& end) {
  // One that says that encryption failed is believed, though it was the wire.
  return end.cause == Cause::peer_terminated || end.cause == Cause::peer_cleared_call ||
         end.cause == Cause::control_lost ||
         (end.cause == Cause::mppe_peer_refused && end.text == "mppe-timeout");
}

bool ended_rightly(Pair& pair) {
  const std::optional<End>& client = pair.client().end;
  const std::optional<End>& server = pair.server().end;
  if (!client || !server) return false;
  const bool client_gave_up = is_timeout(client->cause);
  const bool server_gave_up = is_timeout(server->cause);
  return (client_gave_up || server_gave_up) && (client_gave_up || is_told(*client)) &&
         (server_gave_up || is_told(*server));
}

void check_nothing_wrong(Host& host) {
  CHECK(host.damaged == 0);
  CHECK(host.wrong == 0);
  CHECK(host.doubled == 0);
  CHECK(host.out_of_order == 0);
}

/// Brings a pair up under `faults`, exchanges packets, and checks that everything delivered is
/// right. Returns how many of the packets sent arrived, for faults that lose none.
double run_one(Faults faults, std::uint64_t seed, unsigned* came_up) {
  PairConfig config;
  config.faults = faults;
  config.seed = seed;
  Pair pair(config);
  CAPTURE(seed);
  pair.start();
  pair.run(minutes(2), [&] { return pair.both_up() || pair.both_ended(); });
  INFO(pair.transcript());
  double arrived = 0;
  if (pair.both_up()) {
    ++*came_up;
    pair.exchange(kPacketsEachWay, milliseconds(3));
    arrived = static_cast<double>(pair.client().delivered + pair.server().delivered) /
              (2.0 * kPacketsEachWay);
  } else {
    CHECK(ended_rightly(pair));
  }
  check_nothing_wrong(pair.client());
  check_nothing_wrong(pair.server());
  CHECK(pair.wire().in_clear() == 0);
  if (pair.both_up()) {
    pair.close(pair.client());
    pair.run(seconds(5), [&] { return pair.both_ended(); });
    REQUIRE(pair.client().end);
    CHECK(pair.client().end->cause == Cause::closed_locally);
  }
  // Every slot comes home, those behind a hole after the reorder time-out.
  pair.run(seconds(5));
  for (Host* host : {&pair.client(), &pair.server()}) {
    CHECK(host->end);
    CHECK(host->pool.available() == host->pool.capacity());
  }
  return arrived;
}

TEST_CASE("sim/a clean wire: the link comes up and loses nothing") {
  for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
    unsigned up = 0;
    CHECK(run_one({}, seed, &up) == 1.0);
    CHECK(up == 1);
  }
}

TEST_CASE("sim/loss of up to 30 percent: the link comes up or ends with the right reason") {
  unsigned up = 0;
  constexpr unsigned kSeeds = 3'000;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    run_one({.loss = 0.01 * static_cast<double>(1 + seed % 30)}, 10'000 + seed, &up);
  }
  // RFC 1661's ten requests get nearly every link up even so.
  CHECK(up > kSeeds * 95 / 100);
}

TEST_CASE("sim/reordering: packets are put back in order, none is lost") {
  for (std::uint64_t seed = 0; seed < 2'000; ++seed) {
    unsigned up = 0;
    CHECK(run_one({.reorder = 0.01 * static_cast<double>(1 + seed % 20)}, 20'000 + seed, &up) ==
          1.0);
    CHECK(up == 1);
  }
}

TEST_CASE("sim/duplication: each packet is delivered once") {
  for (std::uint64_t seed = 0; seed < 1'500; ++seed) {
    unsigned up = 0;
    CHECK(run_one({.duplicate = 0.01 * static_cast<double>(1 + seed % 50)}, 30'000 + seed, &up) ==
          1.0);
    CHECK(up == 1);
  }
}

TEST_CASE("sim/jitter: nothing is lost") {
  for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
    unsigned up = 0;
    CHECK(run_one({.jitter = milliseconds(1 + seed % 200)}, 40'000 + seed, &up) == 1.0);
    CHECK(up == 1);
  }
}

TEST_CASE("sim/everything but corruption at once") {
  unsigned up = 0;
  constexpr unsigned kSeeds = 1'500;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    run_one({.jitter = milliseconds(30), .loss = 0.1, .duplicate = 0.1, .reorder = 0.1},
            50'000 + seed, &up);
  }
  CHECK(up > kSeeds * 95 / 100);
}

TEST_CASE(
    "sim/corruption: nothing in clear, only what inner checksums catch is wrong, and it recovers") {
  unsigned up = 0;
  unsigned recovered = 0;
  constexpr unsigned kSeeds = 1'500;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    PairConfig config;
    config.seed = 60'000 + seed;
    Pair pair(config);
    CAPTURE(config.seed);
    pair.start();
    pair.run(minutes(2), [&] { return pair.both_up() || pair.both_ended(); });
    REQUIRE(pair.both_up());
    ++up;
    pair.wire().set_faults(
        {.loss = 0.01, .reorder = 0.02, .corrupt = 0.02 + 0.001 * static_cast<double>(seed % 100)});
    pair.exchange(2 * kPacketsEachWay, milliseconds(3));
    for (Host* host : {&pair.client(), &pair.server()}) {
      CHECK(host->wrong == 0);
      CHECK(host->doubled == 0);
    }
    pair.wire().set_faults({});
    // Damaged control frames may have brought the link down to be negotiated anew, or to its end.
    pair.run(minutes(2), [&] { return pair.both_up() || pair.both_ended(); });
    pair.exchange(kPacketsEachWay, milliseconds(3));
    INFO(pair.transcript());
    CHECK((pair.both_up() || pair.both_ended()));
    if (pair.both_up()) {
      const std::uint64_t client_before = pair.client().delivered;
      const std::uint64_t server_before = pair.server().delivered;
      pair.exchange(kPacketsEachWay, milliseconds(3));
      CHECK(pair.client().delivered - client_before == kPacketsEachWay);
      CHECK(pair.server().delivered - server_before == kPacketsEachWay);
      ++recovered;
    }
    CHECK(pair.wire().in_clear() == 0);
  }
  CHECK(up == kSeeds);
  CHECK(recovered > kSeeds * 99 / 100);
}

TEST_CASE(
    "sim/corruption while the link is being made: no crash, nothing in clear, an end or a link") {
  for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
    PairConfig config;
    config.seed = 70'000 + seed;
    config.faults.corrupt = 0.1;
    Pair pair(config);
    CAPTURE(config.seed);
    pair.start();
    pair.run(minutes(5), [&] { return pair.both_up() || pair.both_ended(); });
    INFO(pair.transcript());
    CHECK((pair.both_up() || pair.both_ended()));
    CHECK(pair.wire().in_clear() == 0);
  }
}

TEST_CASE("sim/10,000 packets are deciphered across every wrap of the coherency count") {
  PairConfig config;
  config.seed = 80'000;
  config.faults.loss = 0.01;
  Pair pair(config);
  pair.start();
  REQUIRE(pair.run(minutes(2), [&] { return pair.both_up(); }));
  pair.exchange(10'000, microseconds(500));
  check_nothing_wrong(pair.client());
  check_nothing_wrong(pair.server());
  CHECK(pair.client().delivered > 9'500);
  CHECK(pair.server().delivered > 9'500);
}

// --- the ways a call can go, on a clean wire ---

struct Outcome {
  std::optional<Cause> client;
  std::optional<Cause> server;
  std::uint32_t client_code = 0;
};

Outcome run_to_end(Pair& pair, Duration span = minutes(3)) {
  pair.start();
  pair.run(span, [&] { return pair.both_ended(); });
  Outcome outcome;
  if (pair.client().end) {
    outcome.client = pair.client().end->cause;
    outcome.client_code = pair.client().end->code;
  }
  if (pair.server().end) outcome.server = pair.server().end->cause;
  return outcome;
}

TEST_CASE("call/a wrong password ends it with E=691 at the client") {
  PairConfig config;
  config.client_password = "wrong";
  Pair pair(config);
  const Outcome outcome = run_to_end(pair);
  INFO(pair.transcript());
  CHECK(outcome.client == Cause::auth_failed);
  CHECK(outcome.client_code == 691);
  CHECK(outcome.server == Cause::auth_peer_failed);
}

TEST_CASE(
    "call/a server without encryption is refused by a client that requires it, and no IP passes") {
  PairConfig config;
  config.server.link.encryption.policy = EncryptionPolicy::off;
  Pair pair(config);
  const Outcome outcome = run_to_end(pair);
  INFO(pair.transcript());
  CHECK(outcome.client == Cause::mppe_peer_refused);
  CHECK(pair.wire().in_clear() == 0);
}

TEST_CASE("call/no encryption on either side: packets pass in clear and arrive") {
  PairConfig config;
  config.client.link.encryption.policy = EncryptionPolicy::off;
  config.server.link.encryption.policy = EncryptionPolicy::off;
  Pair pair(config);
  pair.start();
  REQUIRE(pair.run(seconds(30), [&] { return pair.both_up(); }));
  pair.exchange(20, milliseconds(1));
  check_nothing_wrong(pair.server());
  CHECK(pair.server().delivered == 20);
  CHECK(pair.wire().enciphered() == 0);
  CHECK(pair.wire().in_clear() >= 40);
}

TEST_CASE("call/prefer takes encryption from one who has it and does without where there is none") {
  for (const bool server_encrypts : {true, false}) {
    CAPTURE(server_encrypts);
    PairConfig config;
    config.client.link.encryption.policy = EncryptionPolicy::prefer;
    config.server.link.encryption.policy =
        server_encrypts ? EncryptionPolicy::require : EncryptionPolicy::off;
    Pair pair(config);
    pair.start();
    REQUIRE(pair.run(seconds(60), [&] { return pair.both_up(); }));
    CHECK(pair.client().encryption.has_value() == server_encrypts);
    pair.exchange(5, milliseconds(1));
    CHECK(pair.server().delivered == 5);
    CHECK((pair.wire().in_clear() == 0) == server_encrypts);
  }
}

TEST_CASE("call/each key length that both allow is agreed on, the strongest first") {
  struct Case {
    bool client40, client56, client128, server40, server56, server128;
    KeyBits agreed;
  };

  constexpr std::array kCases = {
      Case{true, true, true, true, true, true, KeyBits::k128},
      Case{true, true, true, true, true, false, KeyBits::k56},
      Case{true, false, false, true, true, true, KeyBits::k40},
      Case{true, false, true, true, false, false, KeyBits::k40},
  };
  for (const Case& one : kCases) {
    PairConfig config;
    EncryptionConfig& client = config.client.link.encryption;
    EncryptionConfig& server = config.server.link.encryption;
    client.allow_40 = one.client40;
    client.allow_56 = one.client56;
    client.allow_128 = one.client128;
    server.allow_40 = one.server40;
    server.allow_56 = one.server56;
    server.allow_128 = one.server128;
    Pair pair(config);
    pair.start();
    REQUIRE(pair.run(seconds(60), [&] { return pair.both_up(); }));
    CHECK(pair.client().encryption->send.bits == one.agreed);
    CHECK(pair.client().encryption->receive.bits == one.agreed);
    pair.exchange(5, milliseconds(1));
    CHECK(pair.server().delivered == 5);
    CHECK(pair.client().delivered == 5);
  }
}

TEST_CASE("call/stateful encryption loses what follows a loss until the reset, and nothing else") {
  PairConfig config;
  config.client.link.encryption.allow_stateful = true;
  config.client.link.encryption.ask_stateful = true;
  config.server.link.encryption.allow_stateful = true;
  config.server.link.encryption.ask_stateful = true;
  config.seed = 5;
  Pair pair(config);
  pair.start();
  REQUIRE(pair.run(seconds(60), [&] { return pair.both_up(); }));
  REQUIRE(pair.client().encryption->send.mode == MppeMode::stateful);
  pair.wire().set_faults({.loss = 0.02});
  pair.exchange(1'500, milliseconds(5));
  pair.wire().set_faults({});
  pair.exchange(100, milliseconds(5));
  check_nothing_wrong(pair.client());
  check_nothing_wrong(pair.server());
  const std::uint64_t before = pair.server().delivered;
  CHECK(before > 1'000);
  pair.exchange(100, milliseconds(5));
  CHECK(pair.server().delivered - before == 100);
}

TEST_CASE("call/no GRE from the server is named as such, within ten seconds") {
  PairConfig config;
  config.faults.loss = 1.0;
  Pair pair(config);
  pair.start();
  REQUIRE(pair.run(seconds(10), [&] { return pair.client().end.has_value(); }));
  CHECK(pair.client().end->cause == Cause::gre_blocked);
}

TEST_CASE("call/GRE that arrives before Outgoing-Call-Reply is kept: no retry is needed") {
  PairConfig config;
  config.faults.control_delay = milliseconds(200);
  Pair pair(config);
  pair.start();
  INFO(pair.transcript());
  CHECK(pair.run(milliseconds(1'000), [&] { return pair.both_up(); }));
}

TEST_CASE("call/either side can end it, in less than two seconds, also when the other is gone") {
  for (const bool reachable : {true, false}) {
    for (const Role who : {Role::client, Role::server}) {
      Pair pair{PairConfig()};
      pair.start();
      REQUIRE(pair.run(seconds(30), [&] { return pair.both_up(); }));
      if (!reachable) pair.wire().set_faults({.loss = 1.0});
      Host& closing = who == Role::client ? pair.client() : pair.server();
      Host& told = who == Role::client ? pair.server() : pair.client();
      const TimePoint start = pair.now();
      pair.close(closing);
      REQUIRE(pair.run(seconds(2), [&] { return closing.end.has_value(); }));
      CHECK(pair.now() - start < seconds(2));
      CHECK(closing.end->cause == Cause::closed_locally);
      REQUIRE(pair.run(seconds(5), [&] { return told.end.has_value(); }));
      INFO(pair.transcript());
      CHECK(is_told(*told.end));
    }
  }
}

TEST_CASE("call/a peer that falls silent is noticed by LCP echo") {
  Pair pair{PairConfig()};
  pair.start();
  REQUIRE(pair.run(seconds(30), [&] { return pair.both_up(); }));
  pair.wire().set_faults({.loss = 1.0});
  REQUIRE(pair.run(minutes(5), [&] { return pair.client().end.has_value(); }));
  CHECK(pair.client().end->cause == Cause::peer_not_responding);
}

TEST_CASE("call/a quiet link lives for a day on echoes") {
  Pair pair{PairConfig()};
  pair.start();
  REQUIRE(pair.run(seconds(30), [&] { return pair.both_up(); }));
  pair.run(std::chrono::hours(24));
  CHECK(pair.both_up());
  pair.exchange(5, milliseconds(1));
  CHECK(pair.server().delivered == 5);
}

TEST_CASE("call/DNS servers and addresses arrive where they were asked for") {
  Pair pair{PairConfig()};
  pair.start();
  REQUIRE(pair.run(seconds(30), [&] { return pair.both_up(); }));
  CHECK(pair.client().up->local == Ipv4Address(192, 168, 77, 10));
  CHECK(pair.client().up->peer == Ipv4Address(192, 168, 77, 1));
  CHECK(pair.client().up->dns[0] == Ipv4Address(9, 9, 9, 9));
  CHECK(pair.server().up->peer == Ipv4Address(192, 168, 77, 10));
}

TEST_CASE("call/IP packets are refused before the link is up and after it went") {
  Pair pair{PairConfig()};
  pair.send_ip(pair.client());
  CHECK(pair.client().engine.drops()[Drop::send_not_up] == 1);
  pair.start();
  REQUIRE(pair.run(seconds(30), [&] { return pair.both_up(); }));
  pair.close(pair.client());
  pair.run(seconds(5), [&] { return pair.both_ended(); });
  pair.send_ip(pair.client());
  CHECK(pair.client().engine.drops()[Drop::send_not_up] == 2);
  CHECK(pair.wire().in_clear() == 0);
}

}  // namespace
}  // namespace pptp::sim
