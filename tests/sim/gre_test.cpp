// The GRE layer of two engines on paths of different character, in virtual time.
#include <algorithm>

#include <doctest/doctest.h>

#include "tests/sim/pair.h"

namespace pptp::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kInterval = milliseconds(4);

void bring_up(Pair& pair) {
  pair.start();
  REQUIRE(pair.run(seconds(60), [&] { return pair.both_up(); }));
}

const GreReceiverStats& received_by(Host& host) {
  return host.engine.rx().receiver().stats();
}

void check_nothing_wrong(Host& host) {
  CHECK(host.damaged == 0);
  CHECK(host.wrong == 0);
  CHECK(host.doubled == 0);
  CHECK(host.out_of_order == 0);
}

TEST_CASE("sim/gre: on a path that never reorders, a loss holds the rest up for 10 ms, no more") {
  for (const Duration jitter :
       {Duration(), Duration(milliseconds(3)), Duration(milliseconds(40))}) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      PairConfig config;
      config.seed = 100'000 + seed;
      config.faults.jitter = jitter;
      Pair pair(config);
      CAPTURE(config.seed);
      bring_up(pair);
      pair.exchange(GreReceiver::kEpoch, kInterval);
      pair.wire().set_faults({.jitter = jitter, .loss = 0.02});
      for (Host* host : {&pair.client(), &pair.server()})
        host->longest_way = {};
      pair.exchange(1'000, kInterval);
      for (Host* host : {&pair.client(), &pair.server()}) {
        check_nothing_wrong(*host);
        CHECK(received_by(*host).lost > 0);
        CHECK(received_by(*host).late == 0);
        CHECK(host->longest_way <= Faults().latency + jitter + GreReceiver::kLeastTimeout);
      }
    }
  }
}

TEST_CASE("sim/gre: a path that reorders by 80 ms loses nothing, from the first packet on") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    PairConfig config;
    config.seed = 110'000 + seed;
    config.faults.reorder = 0.02 + 0.01 * static_cast<double>(seed % 20);
    config.faults.reorder_by = milliseconds(80);
    Pair pair(config);
    CAPTURE(config.seed);
    bring_up(pair);
    constexpr unsigned kCount = 4'000;
    pair.exchange(kCount, kInterval);
    for (Host* host : {&pair.client(), &pair.server()}) {
      check_nothing_wrong(*host);
      CHECK(host->delivered == kCount);
      CHECK(received_by(*host).lost == 0);
      CHECK(received_by(*host).reordered > 0);
    }
  }
}

TEST_CASE(
    "sim/gre: a path that begins to reorder by 80 ms costs a few packets until that is known") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    PairConfig config;
    config.seed = 120'000 + seed;
    Pair pair(config);
    CAPTURE(config.seed);
    bring_up(pair);
    pair.exchange(2 * GreReceiver::kEpoch, kInterval);
    pair.wire().set_faults({.reorder = 0.05, .reorder_by = milliseconds(80)});
    pair.exchange(2'000, kInterval);
    for (Host* host : {&pair.client(), &pair.server()}) {
      check_nothing_wrong(*host);
      CHECK(received_by(*host).lost <= 6);
      CHECK(received_by(*host).lost == received_by(*host).late);
    }
  }
}

TEST_CASE("sim/gre: what is lost, reordered, duplicate and late is counted, each as what it is") {
  using enum Fate::Kind;
  Pair pair{PairConfig()};
  bring_up(pair);
  pair.exchange(GreReceiver::kEpoch, kInterval);  // from here on holes are given up after 10 ms
  const GreReceiverStats before = received_by(pair.server());
  const std::uint64_t delivered = pair.server().delivered;
  // Sent 4 ms apart, without an answer.
  pair.wire().ordain(Role::server, {
                                       {pass},
                                       {lose},
                                       {delay, milliseconds(6)},  // behind one packet
                                       {duplicate, milliseconds(2)},
                                       {lose},
                                       {lose},
                                       {delay, milliseconds(100)},  // given up by then
                                       {duplicate, milliseconds(50)},
                                       {pass},
                                       {pass},
                                   });
  for (int i = 0; i < 10; ++i) {
    pair.send_ip(pair.client());
    pair.run(kInterval);
  }
  pair.run(milliseconds(500));
  const GreReceiverStats& after = received_by(pair.server());
  CHECK(after.lost - before.lost == 4);
  CHECK(after.reordered - before.reordered == 1);
  CHECK(after.duplicate - before.duplicate == 2);
  CHECK(after.late - before.late == 1);
  CHECK(after.delivered - before.delivered == 6);
  CHECK(pair.server().delivered - delivered == 6);
  const Drops drops = pair.server().engine.drops();
  CHECK(drops[Drop::gre_duplicate] == 2);
  CHECK(drops[Drop::gre_late] == 1);
  check_nothing_wrong(pair.server());
}

TEST_CASE("sim/gre: the round trip is that of the path, where answers carry the acknowledgements") {
  for (const int one_way : {1, 40, 250}) {
    CAPTURE(one_way);
    PairConfig config;
    config.faults.latency = milliseconds(one_way);
    Pair pair(config);
    bring_up(pair);
    for (int i = 0; i < 100; ++i) {
      const std::uint64_t arrived = pair.server().delivered;
      const std::uint64_t answered = pair.client().delivered;
      pair.send_ip(pair.client());
      REQUIRE(pair.run(seconds(1), [&] { return pair.server().delivered > arrived; }));
      pair.send_ip(pair.server());
      REQUIRE(pair.run(seconds(1), [&] { return pair.client().delivered > answered; }));
    }
    REQUIRE(pair.client().engine.tx().sender().round_trip());
    const Duration off =
        *pair.client().engine.tx().sender().round_trip() - milliseconds(2 * one_way);
    CHECK(off >= Duration());
    CHECK(off < milliseconds(1));
  }
}

}  // namespace
}  // namespace pptp::sim
