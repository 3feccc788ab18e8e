#include "tunnel/gre_receiver.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

namespace pptp {
namespace {

using Numbers = std::vector<std::uint32_t>;
using namespace std::chrono_literals;

/// A receiver, the time, and the numbers of what came out: each packet's payload is its number.
struct Call {
  PacketPool pool{100};
  GreReceiver receiver;
  TimePoint now{};
  Numbers out;

  std::optional<Drop> put(std::uint32_t number) {
    Packet packet = pool.acquire();
    REQUIRE(packet.has_slot());
    Writer(packet.push_back(4)).u32(number);
    const auto drop = receiver.put(now, SeqNo(number), std::move(packet));
    CHECK(packet.has_slot() == drop.has_value());  // NOLINT: a drop leaves the packet alone
    drain();
    return drop;
  }

  void put_all(const Numbers& numbers) {
    for (const std::uint32_t number : numbers)
      CHECK_FALSE(put(number));
  }

  void put_range(std::uint32_t first, std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i)
      CHECK_FALSE(put(first + i));
  }

  void wait(Duration duration) {
    now += duration;
    drain();
  }

  void drain() {
    while (const auto packet = receiver.take(now)) {
      CHECK(packet->size() == 4);
      out.push_back(Reader(packet->bytes()).u32());
    }
  }

  Numbers take_out() { return std::exchange(out, {}); }
};

Numbers range(std::uint32_t first, std::size_t count) {
  Numbers numbers(count);
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

TEST_CASE("gre_receiver/packets in order pass straight through and wait for nothing") {
  Call call;
  call.put_range(0, 200);
  CHECK(call.out == range(0, 200));
  CHECK_FALSE(call.receiver.next_deadline());
  CHECK(call.receiver.highest_received() == SeqNo(199));
  CHECK(call.receiver.stats().delivered == 200);
  CHECK(call.pool.available() == call.pool.capacity());
}

TEST_CASE("gre_receiver/any first number is accepted") {
  for (const std::uint32_t first : {0U, 1U, 77U, 0x7fff'ffffU, 0x8000'0000U, 0xffff'ffffU}) {
    CAPTURE(first);
    Call call;
    CHECK_FALSE(call.receiver.highest_received());
    call.put_range(first, 3);
    CHECK(call.out == range(first, 3));
    CHECK(call.receiver.stats().lost == 0);
  }
}

TEST_CASE("gre_receiver/first packets that come reordered are all delivered, once") {
  Call call;
  call.put_all({2, 0, 3, 1});
  CHECK(call.out == Numbers{2, 0, 3, 1});
  CHECK(call.put(0) == Drop::gre_duplicate);
  CHECK(call.put(2) == Drop::gre_duplicate);
  CHECK(call.receiver.highest_received() == SeqNo(3));
  CHECK(call.receiver.stats().reordered == 2);

  Call later;
  later.put_all({2});
  later.wait(GreReceiver::kFirstTimeout);
  CHECK(later.put(1) == Drop::gre_late);
}

TEST_CASE("rfc2637/4.3 a reordered packet is put back in its place") {
  Call call;
  call.put_all({0, 2, 3});
  CHECK(call.take_out() == Numbers{0});
  CHECK(call.receiver.highest_received() == SeqNo(3));
  call.put_all({1, 4});
  CHECK(call.out == Numbers{1, 2, 3, 4});
  CHECK(call.receiver.stats().reordered == 1);
  CHECK(call.receiver.stats().lost == 0);
  CHECK_FALSE(call.receiver.next_deadline());
}

TEST_CASE("gre_receiver/a hole is given up when the first packet behind it has waited") {
  Call call;
  call.put_all({0, 2});
  const TimePoint first_behind = call.now;
  CHECK(call.receiver.reorder_timeout() == 100ms);
  call.wait(30ms);
  call.put_all({3, 5});
  CHECK(call.receiver.next_deadline() == first_behind + 100ms);
  call.wait(69ms);
  CHECK(call.take_out() == Numbers{0});
  call.wait(1ms);
  CHECK(call.take_out() == Numbers{2, 3});
  // the next hole counts from the first packet behind it
  CHECK(call.receiver.next_deadline() == first_behind + 30ms + 100ms);
  call.wait(30ms);
  CHECK(call.take_out() == Numbers{5});
  CHECK(call.put(1) == Drop::gre_late);
  CHECK(call.receiver.stats().lost == 2);
  CHECK(call.receiver.stats().late == 1);
}

TEST_CASE("gre_receiver/on a path that never reorders, the wait behind a loss becomes short") {
  Call call;
  call.put_range(0, GreReceiver::kEpoch - 1);
  CHECK(call.receiver.reorder_timeout() == GreReceiver::kFirstTimeout);
  call.put_range(GreReceiver::kEpoch - 1, 1);
  CHECK(call.receiver.reorder_timeout() == GreReceiver::kLeastTimeout);
  call.put_all({GreReceiver::kEpoch + 1});
  CHECK(call.receiver.next_deadline() == call.now + 10ms);
}

TEST_CASE("gre_receiver/the wait is twice the longest delay by disorder, for one epoch to two") {
  Call call;
  call.put_range(0, GreReceiver::kEpoch);
  std::uint32_t next = GreReceiver::kEpoch;
  const auto overtaken_for = [&](Duration delay) {
    call.put_all({next + 1});
    call.wait(delay / 2);
    call.put_all({next + 2});  // the first that overtook it counts, not the last
    call.wait(delay / 2);
    call.put_all({next});
    next += 3;
  };
  overtaken_for(8ms);
  CHECK(call.receiver.reorder_timeout() == 16ms);
  overtaken_for(12ms);
  overtaken_for(2ms);
  CHECK(call.receiver.reorder_timeout() == 24ms);
  call.put_range(next, GreReceiver::kEpoch);
  next += GreReceiver::kEpoch;
  CHECK(call.receiver.reorder_timeout() == 24ms);
  call.put_range(next, GreReceiver::kEpoch);
  CHECK(call.receiver.reorder_timeout() == GreReceiver::kLeastTimeout);
  CHECK(call.receiver.stats().lost == 0);
}

TEST_CASE(
    "gre_receiver/a packet in front of another hole is overtaken by what is behind it alone") {
  Call call;
  call.put_range(0, GreReceiver::kEpoch);
  const std::uint32_t next = GreReceiver::kEpoch;
  call.put_all({next + 1});
  call.wait(9ms);
  call.put_all({next + 4});
  call.put_all({next + 3});
  CHECK(call.receiver.reorder_timeout() == GreReceiver::kLeastTimeout);
  call.put_all({next});
  CHECK(call.receiver.reorder_timeout() == 18ms);
}

TEST_CASE("gre_receiver/a packet that came too late makes the wait longer, if it is within reach") {
  for (const Duration delay : {Duration(60ms), Duration(200ms), Duration(301ms)}) {
    CAPTURE(delay.count());
    Call call;
    call.put_range(0, GreReceiver::kEpoch);
    call.wait(1s);
    const std::uint32_t next = GreReceiver::kEpoch;
    call.put_all({next + 1});
    call.wait(5ms);
    call.put_all({next + 3});
    call.wait(delay - 5ms);
    CHECK(call.put(next) == Drop::gre_late);
    CHECK(call.receiver.reorder_timeout() ==
          (delay > GreReceiver::kMostTimeout ? GreReceiver::kLeastTimeout
                                             : std::min(2 * delay, GreReceiver::kMostTimeout)));
  }
  Call jumped;  // what a jump passes over has been overtaken as well
  jumped.put_range(0, GreReceiver::kEpoch);
  jumped.wait(1s);
  const std::uint32_t far = GreReceiver::kEpoch + 500;
  jumped.put_all({far});
  jumped.wait(30ms);
  CHECK(jumped.put(far - 1) == Drop::gre_late);
  CHECK(jumped.receiver.reorder_timeout() == 60ms);
}

TEST_CASE("gre_receiver/a full window gives up as many holes as it must, and no more") {
  Call call;
  call.put_all({0});
  call.put_range(2, GreReceiver::kWindow - 2);
  call.put_all({GreReceiver::kWindow});
  CHECK(call.take_out() == Numbers{0});  // 1 is missing, 2..64 wait
  call.put_all({GreReceiver::kWindow + 3});
  CHECK(call.take_out() == range(2, GreReceiver::kWindow - 1));
  CHECK(call.receiver.stats().lost == 1);
  call.put_all({GreReceiver::kWindow + 2, GreReceiver::kWindow + 1});
  CHECK(call.take_out() == range(GreReceiver::kWindow + 1, 3));
  CHECK(call.receiver.stats().lost == 1);
}

TEST_CASE("gre_receiver/what was lost in one burst is jumped over without waiting") {
  for (const std::uint32_t gap : {GreReceiver::kWindow, GreReceiver::kMaxJump}) {
    CAPTURE(gap);
    Call call;
    call.put_all({0, 1 + gap, 2 + gap});
    CHECK(call.out == Numbers{0, 1 + gap, 2 + gap});
    CHECK(call.receiver.stats().lost == gap);
  }
  Call call;
  call.put_all({0, 2, 3, 500});  // what waits before the jump comes first
  CHECK(call.out == Numbers{0, 2, 3, 500});
}

TEST_CASE("gre_receiver/duplicates are not queued, waiting or delivered") {
  Call call;
  call.put_all({0, 1, 3});
  CHECK(call.put(3) == Drop::gre_duplicate);
  CHECK(call.put(1) == Drop::gre_duplicate);
  CHECK(call.put(0) == Drop::gre_duplicate);
  CHECK(call.pool.available() == call.pool.capacity() - 1);
  call.put_all({2});
  CHECK(call.out == Numbers{0, 1, 2, 3});
  CHECK(call.receiver.stats().duplicate == 3);
}

TEST_CASE("gre_receiver/a duplicate is told from a late packet as far back as the window") {
  Call call;
  call.put_range(0, 100);
  CHECK(call.put(100 - GreReceiver::kWindow) == Drop::gre_duplicate);
  CHECK(call.put(99 - GreReceiver::kWindow) == Drop::gre_late);
}

TEST_CASE("gre_receiver/numbers wrap at 2^32, in order and out of it") {
  Call call;
  call.put_all({0xffff'fffd, 0xffff'ffff, 1, 0, 0xffff'fffe, 2});
  CHECK(call.out == Numbers{0xffff'fffd, 0xffff'fffe, 0xffff'ffff, 0, 1, 2});
  CHECK(call.receiver.highest_received() == SeqNo(2));
  CHECK(call.receiver.stats().lost == 0);
}

TEST_CASE("gre_receiver/an empty payload takes no number") {
  Call call;
  call.put_all({0});
  Packet empty = call.pool.acquire();
  CHECK(call.receiver.put(call.now, SeqNo(1), std::move(empty)) == Drop::gre_no_payload);
  call.put_all({1});
  CHECK(call.out == Numbers{0, 1});
}

TEST_CASE("gre_receiver/one packet with a wrong number costs nothing but itself") {
  for (const std::uint32_t jump :
       {0x8000'0000U, 0x7fff'ffffU, 4096U, GreReceiver::kMaxJump + 1, 0xffff'fff0U - 4096U}) {
    CAPTURE(jump);
    Call call;
    call.put_range(1000, 10);
    call.wait(1s);
    for (int round = 0; round < 20; ++round) {
      const std::uint32_t next = 1010 + static_cast<std::uint32_t>(round);
      CHECK(call.put(next + jump) == Drop::gre_late);
      CHECK_FALSE(call.put(next));
    }
    CHECK(call.out == range(1000, 30));
    CHECK(call.receiver.highest_received() == SeqNo(1029));
    CHECK(call.receiver.stats().resynchronised == 0);
  }
}

TEST_CASE("gre_receiver/a wrong number within reach costs a few packets") {
  for (const std::uint32_t jump : {GreReceiver::kWindow + 5, GreReceiver::kMaxJump}) {
    CAPTURE(jump);
    Call call;
    call.put_range(1000, 10);
    call.wait(1s);
    call.put_all({1009 + jump});
    for (unsigned i = 0; i < GreReceiver::kConsistentBehind - 1; ++i)
      CHECK(call.put(1010 + i) == Drop::gre_late);
    call.take_out();
    call.put_range(1010 + GreReceiver::kConsistentBehind - 1, 10);
    CHECK(call.out == range(1010 + GreReceiver::kConsistentBehind - 1, 10));
  }
}

TEST_CASE("gre_receiver/a jump far ahead is adopted after some packets in a row") {
  Call call;
  call.put_range(0, 3);
  call.put_all({4});  // waits behind a hole, and comes before the new numbers
  const std::uint32_t far = 0x4000'0000;
  CHECK(call.put(far) == Drop::gre_late);
  CHECK(call.put(far + 1) == Drop::gre_late);
  CHECK(call.put(far + 3) == Drop::gre_late);
  call.take_out();
  call.put_all({far + 4, far + 6, far + 5, far + 7});
  CHECK(call.out == Numbers{4, far + 4, far + 5, far + 6, far + 7});
  CHECK(call.receiver.stats().resynchronised == 1);
  CHECK(call.receiver.stats().implausible == 3);
  CHECK(call.receiver.highest_received() == SeqNo(far + 7));
}

TEST_CASE("gre_receiver/packets that do not fit each other are never adopted") {
  Call call;
  call.put_range(0, 3);
  for (std::uint32_t i = 0; i < 100; ++i)
    CHECK(call.put(0x1000'0000 + i * GreReceiver::kWindow) == Drop::gre_late);
  for (std::uint32_t i = 0; i < 100; ++i)
    CHECK(call.put(0x1000'0000) == Drop::gre_late);
  call.put_all({3});
  CHECK(call.out == range(0, 4));
}

TEST_CASE("gre_receiver/a peer that restarts its numbering is followed") {
  Call call;
  call.put_range(1'000'000, 5);
  call.wait(1s);
  for (unsigned i = 0; i < GreReceiver::kConsistentBehind - 1; ++i)
    CHECK(call.put(i) == Drop::gre_late);
  call.take_out();
  call.put_range(GreReceiver::kConsistentBehind - 1, 5);
  CHECK(call.out == range(GreReceiver::kConsistentBehind - 1, 5));
  CHECK(call.receiver.stats().resynchronised == 1);
  CHECK(call.receiver.stats().late == GreReceiver::kConsistentBehind - 1);
  CHECK(call.receiver.highest_received() == SeqNo(GreReceiver::kConsistentBehind + 3));
  // What the old numbering delivered says nothing about the new one.
  CHECK(call.put(GreReceiver::kConsistentBehind - 2) == Drop::gre_late);
}

TEST_CASE("gre_receiver/late packets between others are not a restart") {
  Call call;
  call.put_range(5000, 5);
  call.wait(1s);
  for (std::uint32_t i = 0; i < 100; ++i) {
    CHECK(call.put(100 + i) == Drop::gre_late);
    CHECK_FALSE(call.put(5005 + i));
  }
  CHECK(call.receiver.stats().resynchronised == 0);
}

TEST_CASE("gre_receiver/a caller that does not take loses packets, not the order") {
  PacketPool pool(4);
  GreReceiver receiver;
  const TimePoint now{};
  const auto packet = [&] {
    Packet fresh = pool.acquire();
    fresh.push_back(1);
    return fresh;
  };
  CHECK_FALSE(receiver.put(now, SeqNo(0), packet()));
  CHECK_FALSE(receiver.put(now, SeqNo(100), packet()));
  CHECK(receiver.put(now, SeqNo(101), packet()) == Drop::no_slot);
  CHECK(receiver.take(now));
  CHECK(receiver.take(now));
  CHECK_FALSE(receiver.take(now));
  CHECK(pool.available() == pool.capacity());
}

TEST_CASE("gre_receiver/packets that wait go back to the pool with the receiver") {
  PacketPool pool(4);
  {
    GreReceiver receiver;
    for (const std::uint32_t number : {0U, 2U, 4U}) {
      Packet packet = pool.acquire();
      packet.push_back(1);
      CHECK_FALSE(receiver.put(TimePoint{}, SeqNo(number), std::move(packet)));
    }
    CHECK(receiver.take(TimePoint{}));
    CHECK(pool.available() == 2);
  }
  CHECK(pool.available() == 4);
}

TEST_CASE("gre_receiver/any disorder within the window comes out in order, each packet once") {
  for (unsigned seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    std::mt19937 generator(seed);
    const auto random = [&] { return static_cast<std::uint32_t>(generator()); };
    constexpr std::uint32_t kCount = 2000;
    const std::uint32_t first = seed % 2 == 0 ? 0U : 0xffff'fc00U;
    // Each packet is displaced by less than half the window, some are lost, some come twice.
    std::vector<std::pair<std::uint32_t, std::uint32_t>> order;
    for (std::uint32_t i = 1; i < kCount; ++i) {
      if (random() % 50 == 0) continue;
      order.emplace_back(i + random() % 30, i);
      if (random() % 20 == 0) order.emplace_back(i + random() % 30, i);
    }
    std::sort(order.begin(), order.end());
    Call call;
    call.put_all({first});
    Numbers sent = {0};
    for (const auto& [place, number] : order) {
      const auto drop = call.put(first + number);
      if (drop) CHECK(drop == Drop::gre_duplicate);
      if (!drop) sent.push_back(number);
    }
    call.wait(1s);
    std::sort(sent.begin(), sent.end());
    Numbers received;
    for (const std::uint32_t number : call.out)
      received.push_back(number - first);
    CHECK(received == sent);
    CHECK(call.receiver.stats().delivered == sent.size());
    CHECK(call.pool.available() == call.pool.capacity());
  }
}

TEST_CASE("gre_receiver/arbitrary numbers and times break nothing and lose no slot") {
  std::mt19937 generator(7);
  const auto random = [&] { return static_cast<std::uint32_t>(generator()); };
  Call call;
  std::uint32_t base = 0;
  for (int i = 0; i < 50'000; ++i) {
    const std::uint32_t step = random() % 8 == 0 ? random() >> random() % 32 : random() % 80;
    base += random() % 64 == 0 ? random() : 1;
    (void)call.put(random() % 2 == 0 ? base + step : base - step);
    if (random() % 16 == 0) call.wait(std::chrono::milliseconds(random() % 60));
    call.take_out();
  }
  call.wait(1s);
  CHECK_FALSE(call.receiver.next_deadline());
  CHECK(call.pool.available() == call.pool.capacity());
}

}  // namespace
}  // namespace pptp
