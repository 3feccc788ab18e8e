#include "tunnel/send_window.h"

#include <doctest/doctest.h>

namespace pptp {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart{};

/// Sends until the window is full: how many went.
std::uint32_t fill(SendWindow& window, TimePoint now, SeqNo& next) {
  std::uint32_t sent = 0;
  while (sent < 1'000 && window.is_open(now)) {
    window.sent(now, next);
    next = next.next();
    ++sent;
  }
  return sent;
}

TEST_CASE("rfc2637/4.2.1 half of the announced window may go at first, and one packet at least") {
  struct Case {
    std::uint16_t announced;
    std::uint32_t first;
  };

  for (const Case& one : {Case{64, 32}, Case{3, 2}, Case{1, 1}, Case{0, 1}}) {
    CAPTURE(one.announced);
    SeqNo next(0xffff'fffe);
    SendWindow window(one.announced, next);
    CHECK_FALSE(window.next_deadline());
    CHECK(fill(window, kStart, next) == one.first);
    CHECK(window.next_deadline() == kStart + SendWindow::kFirstTimeout);
  }
}

TEST_CASE(
    "rfc2637/4.2.3 each window acknowledged whole opens it by one, up to what was announced") {
  SeqNo next(0);
  SendWindow window(6, next);
  for (const std::uint32_t size : {3U, 4U, 5U, 6U, 6U, 6U}) {
    CHECK(fill(window, kStart, next) == size);
    window.acknowledged(kStart, next.minus(1));
  }
}

TEST_CASE("rfc2637/4.2.5 one acknowledgement of many makes room for as many") {
  SeqNo next(0);
  SendWindow window(20, next);
  CHECK(fill(window, kStart, next) == 10);
  window.acknowledged(kStart + 5ms, SeqNo(3));
  CHECK(fill(window, kStart + 5ms, next) == 4);
  CHECK(window.next_deadline() == kStart + 5ms + SendWindow::kFirstTimeout);
  window.acknowledged(kStart, SeqNo(3));  // again
  CHECK_FALSE(window.is_open(kStart + 6ms));
}

TEST_CASE("rfc2637/4.2.2 a time-out opens the window, halves it and doubles the time") {
  SeqNo next(0);
  SendWindow window(64, next);
  TimePoint now = kStart;
  Duration wait = SendWindow::kFirstTimeout;
  for (const std::uint32_t size : {32U, 16U, 8U, 4U, 2U, 1U, 1U}) {
    CHECK(fill(window, now, next) == size);
    CHECK_FALSE(window.is_open(now + wait - 1ms));
    now += wait;
    CHECK(window.is_open(now));
    wait = std::min(2 * wait, SendWindow::kMostTimeout);
  }
  // An acknowledgement of what was given up makes no room for more.
  CHECK(fill(window, now, next) == 1);
  window.acknowledged(now, next.minus(3));
  CHECK_FALSE(window.is_open(now));
  window.acknowledged(now, next.minus(1));
  CHECK(window.is_open(now));
  CHECK(window.size() == 2);
}

TEST_CASE("rfc2637/4.4.1 the time-out follows the round trip and its deviation, within limits") {
  struct Case {
    Duration round_trip, deviation, timeout;
  };

  for (const Case& one : {Case{300ms, 20ms, 380ms}, Case{10ms, 1ms, SendWindow::kLeastTimeout},
                          Case{3s, 0ms, SendWindow::kMostTimeout}}) {
    SeqNo next(0);
    SendWindow window(2, next);
    window.measured(one.round_trip, one.deviation);
    CHECK(fill(window, kStart, next) == 1);
    CHECK(window.next_deadline() == kStart + one.timeout);
  }
}

TEST_CASE("send_window/a time-out while nothing is held up does not count") {
  SeqNo next(0);
  SendWindow window(8, next);
  window.sent(kStart, next);
  CHECK_FALSE(window.next_deadline());
  CHECK(window.is_open(kStart + 1h));
  CHECK(window.size() == 4);
}

}  // namespace
}  // namespace pptp
