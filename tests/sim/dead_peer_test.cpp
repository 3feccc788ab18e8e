// A peer that is gone is found in the time that the echo settings promise, whichever way it went.
#include <algorithm>
#include <initializer_list>

#include <doctest/doctest.h>

#include "tests/sim/pair.h"

namespace pptp::sim {
namespace {

using std::chrono::seconds;

struct Promise {
  int interval;  ///< seconds
  unsigned failures;

  Duration limit() const { return seconds(interval) * (failures + 1); }
};

constexpr std::initializer_list<Promise> kPromises = {{30, 4}, {5, 2}, {1, 1}, {60, 1}, {300, 4}};

PairConfig with(const Promise& promise) {
  PairConfig config;
  for (CallConfig* call : {&config.client, &config.server}) {
    call->link.echo_interval = seconds(promise.interval);
    call->link.echo_failures = promise.failures;
  }
  return config;
}

/// Cuts what is in `ways` off from the client: why it ends, and that this is in time.
Cause ends_by(const Promise& promise, std::initializer_list<Arrival::Kind> ways) {
  CAPTURE(promise.interval);
  CAPTURE(promise.failures);
  Pair pair(with(promise));
  pair.start();
  REQUIRE(pair.run(seconds(30), [&] { return pair.both_up(); }));
  pair.run(seconds(2 * promise.interval));
  REQUIRE(pair.both_up());
  const TimePoint start = pair.now();
  for (const Arrival::Kind way : ways)
    pair.wire().cut(Role::client, way);
  REQUIRE(pair.run(promise.limit() + seconds(1), [&] { return pair.client().end.has_value(); }));
  INFO(pair.transcript());
  // No sooner either: one lost echo is not the end.
  CHECK(pair.now() - start >= std::min(seconds(promise.interval), seconds(60)) / 2);
  return pair.client().end->cause;
}

TEST_CASE("sim/a peer without GRE is found by LCP echo within interval * (failures + 1)") {
  for (const Promise& promise : kPromises)
    CHECK(ends_by(promise, {Arrival::Kind::gre}) == Cause::peer_not_responding);
}

TEST_CASE("sim/a peer whose control connection is dead is found by PPTP echo as soon") {
  for (const Promise& promise : kPromises)
    CHECK(ends_by(promise, {Arrival::Kind::control}) == Cause::control_lost);
}

TEST_CASE("sim/a peer that is altogether silent is found as soon") {
  for (const Promise& promise : kPromises) {
    const Cause cause = ends_by(promise, {Arrival::Kind::control, Arrival::Kind::gre});
    CHECK((cause == Cause::control_lost || cause == Cause::peer_not_responding));
  }
}

TEST_CASE("sim/a server finds out as well") {
  for (const Arrival::Kind way : {Arrival::Kind::gre, Arrival::Kind::control}) {
    const Promise promise{10, 3};
    Pair pair(with(promise));
    pair.start();
    REQUIRE(pair.run(seconds(30), [&] { return pair.both_up(); }));
    pair.wire().cut(Role::server, way);
    CHECK(pair.run(promise.limit() + seconds(1), [&] { return pair.server().end.has_value(); }));
  }
}

TEST_CASE("sim/LCP echoes are sent into silence only") {
  Pair pair(with({2, 3}));
  pair.start();
  REQUIRE(pair.run(seconds(30), [&] { return pair.both_up(); }));
  const std::uint64_t negotiated = pair.wire().lcp();
  for (int i = 0; i < 60; ++i) {
    pair.send_ip(pair.client());
    pair.send_ip(pair.server());
    pair.run(seconds(1));
  }
  CHECK(pair.wire().lcp() == negotiated);
  pair.run(seconds(20));
  CHECK(pair.both_up());
  CHECK(pair.wire().lcp() > negotiated);
}

}  // namespace
}  // namespace pptp::sim
