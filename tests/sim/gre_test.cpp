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

PairConfig paced(std::uint16_t servers_window) {
  PairConfig config;
  config.client.pace_by_window = true;
  config.server.control.receive_window = servers_window;
  return config;
}

/// Sends a burst, and waits until all of it is there: how long that takes at most.
Duration time_of_burst(Pair& pair, unsigned count, Duration limit) {
  const TimePoint start = pair.now();
  const std::uint64_t until = pair.server().delivered + count;
  for (unsigned i = 0; i < count; ++i)
    pair.send_ip(pair.client());
  REQUIRE(pair.run(limit, [&] { return pair.server().delivered >= until; }));
  return pair.now() - start;
}

TEST_CASE("sim/gre: paced, no more is under way than the peer's window has room for") {
  for (const std::uint16_t window : {std::uint16_t{0}, std::uint16_t{1}, std::uint16_t{8}}) {
    CAPTURE(window);
    Pair pair(paced(window));
    bring_up(pair);
    pair.run(seconds(1));  // what the link was made with is acknowledged
    pair.client().most_outstanding = 0;
    time_of_burst(pair, 60, seconds(30));
    check_nothing_wrong(pair.server());
    CHECK(pair.client().most_outstanding <= std::max<std::uint32_t>(window, 1));
    CHECK(pair.client().engine.drops()[Drop::send_window_full] == 0);
  }
}

TEST_CASE("sim/gre: not paced, a burst is sent at once whatever the window") {
  PairConfig config = paced(1);
  config.client.pace_by_window = false;
  Pair pair(config);
  bring_up(pair);
  CHECK(time_of_burst(pair, 60, seconds(30)) == Faults().latency);
}

TEST_CASE("sim/gre: paced, what waits is bounded, the rest is counted, the order kept") {
  Pair pair(paced(4));
  bring_up(pair);
  pair.run(seconds(1));
  const std::uint64_t before = pair.server().delivered;
  for (unsigned i = 0; i < 90; ++i)
    pair.send_ip(pair.client());
  pair.run(seconds(60));
  const std::uint64_t dropped = pair.client().engine.drops()[Drop::send_window_full];
  CHECK(dropped > 0);
  CHECK(dropped <= 90 - TxPath::kMaxWaiting);
  CHECK(pair.server().delivered - before == 90 - dropped);
  CHECK(pair.client().engine.tx().counters().packets == 90 - dropped);
  check_nothing_wrong(pair.server());
  CHECK(pair.client().pool.available() == pair.client().pool.capacity());
}

TEST_CASE(
    "sim/gre: paced, a peer whose acknowledgements are all lost slows it and does not stop it") {
  PairConfig config = paced(8);
  config.client.link.echo_interval = {};
  config.server.link.echo_interval = {};
  Pair pair(config);
  bring_up(pair);
  pair.run(seconds(1));
  pair.wire().cut(Role::client, Arrival::Kind::gre);
  time_of_burst(pair, 40, 40 * SendWindow::kMostTimeout);
  check_nothing_wrong(pair.server());
}

TEST_CASE(
    "sim/gre: paced over a path that loses and repeats, everything is sent in the end, or "
    "counted") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    PairConfig config = paced(static_cast<std::uint16_t>(1 + seed % 16));
    config.seed = 130'000 + seed;
    config.server.pace_by_window = true;
    Pair pair(config);
    CAPTURE(config.seed);
    bring_up(pair);
    pair.wire().set_faults(
        {.jitter = milliseconds(5), .loss = 0.1, .duplicate = 0.1, .reorder = 0.1});
    pair.exchange(200, milliseconds(50));
    pair.run(seconds(200));
    REQUIRE(pair.both_up());
    for (Host* host : {&pair.client(), &pair.server()}) {
      check_nothing_wrong(*host);
      CHECK(host->delivered > 60);
      CHECK(host->engine.tx().counters().packets + host->engine.drops()[Drop::send_window_full] ==
            host->sent);
      CHECK(host->pool.available() == host->pool.capacity());
    }
  }
}

TEST_CASE(
    "sim/gre: the quirk always-ack leaves a peer that paces itself waiting for the path alone") {
  Duration taken[2];
  for (const bool always : {false, true}) {
    PairConfig config = paced(2);
    if (always) config.server.quirks.add(Quirk::always_ack);
    Pair pair(config);
    bring_up(pair);
    pair.run(seconds(1));
    taken[always ? 1 : 0] = time_of_burst(pair, 20, seconds(30));
  }
  // Of each round trip of 20 ms one packet or two.
  CHECK(taken[1] <= 20 * 2 * Faults().latency);
  CHECK(taken[0] >= 2 * taken[1]);
}

TEST_CASE("sim/gre: what waits for the window is dropped when the call ends, and counted") {
  Pair pair(paced(2));
  bring_up(pair);
  pair.run(seconds(1));
  for (unsigned i = 0; i < 20; ++i)
    pair.send_ip(pair.client());
  pair.close(pair.client());
  REQUIRE(pair.run(seconds(5), [&] { return pair.both_ended(); }));
  CHECK(pair.client().engine.drops()[Drop::send_not_up] > 0);
  CHECK(pair.client().pool.available() == pair.client().pool.capacity());
}

}  // namespace
}  // namespace pptp::sim
