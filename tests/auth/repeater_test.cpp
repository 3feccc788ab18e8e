#include "auth/repeater.h"

#include <chrono>

#include <doctest/doctest.h>

namespace pptp {
namespace {

using std::chrono::seconds;
using Octets = std::vector<std::uint8_t>;

constexpr TimePoint kStart{};

TEST_CASE("repeater/a packet goes out, is repeated and then given up") {
  Repeater repeater(seconds(3), 2);
  CHECK_FALSE(repeater.next_deadline());
  CHECK_FALSE(repeater.poll());
  repeater.send(kStart, {1, 2});
  CHECK(repeater.poll() == Octets{1, 2});
  CHECK_FALSE(repeater.poll());
  CHECK(repeater.on_deadline(kStart + seconds(2)) == Repeater::Tick::early);
  CHECK_FALSE(repeater.poll());
  for (const int at : {3, 6}) {
    CHECK(repeater.next_deadline() == kStart + seconds(at));
    CHECK(repeater.on_deadline(kStart + seconds(at)) == Repeater::Tick::repeated);
    CHECK(repeater.poll() == Octets{1, 2});
  }
  CHECK(repeater.on_deadline(kStart + seconds(9)) == Repeater::Tick::exhausted);
  CHECK_FALSE(repeater.next_deadline());
  CHECK_FALSE(repeater.poll());
  CHECK(repeater.on_deadline(kStart + seconds(12)) == Repeater::Tick::early);
}

TEST_CASE("repeater/an answer stops the timer and what was not sent yet") {
  Repeater repeater(seconds(3), 2);
  repeater.send(kStart, {1});
  repeater.answered();
  CHECK_FALSE(repeater.poll());
  CHECK_FALSE(repeater.next_deadline());
  repeater.again();
  repeater.again();
  CHECK(repeater.poll() == Octets{1});
  CHECK_FALSE(repeater.poll());
  repeater.forget();
  repeater.again();
  CHECK_FALSE(repeater.poll());
}

TEST_CASE("repeater/a final packet is not repeated by itself") {
  Repeater repeater(seconds(3), 2);
  repeater.send(kStart, {1});
  repeater.send_final({2});
  CHECK_FALSE(repeater.next_deadline());
  CHECK(repeater.poll() == Octets{2});
}

TEST_CASE("repeater/waiting takes as long as a peer's first packet and all its repeats") {
  Repeater repeater(seconds(3), 10);
  repeater.wait(kStart);
  CHECK_FALSE(repeater.poll());
  CHECK(repeater.next_deadline() == kStart + seconds(33));
  CHECK(repeater.on_deadline(kStart + seconds(32)) == Repeater::Tick::early);
  CHECK(repeater.on_deadline(kStart + seconds(33)) == Repeater::Tick::exhausted);
}

}  // namespace
}  // namespace pptp
