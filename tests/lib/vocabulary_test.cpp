// The small pieces of lib/: secrets, deadlines, addresses, names.
#include <array>
#include <span>

#include <doctest/doctest.h>

#include "lib/cause.h"
#include "lib/deadlines.h"
#include "lib/drops.h"
#include "lib/ipv4.h"
#include "lib/narrow.h"
#include "lib/secret.h"

namespace pptp {
namespace {

enum class Timer : std::uint8_t { echo, restart, count_ };

TEST_CASE("deadlines/next is the least and each expires once, the most overdue first") {
  Deadlines<Timer> timers;
  CHECK_FALSE(timers.next());
  const TimePoint start{};
  timers.set(Timer::echo, start + std::chrono::seconds(5));
  timers.set(Timer::restart, start + std::chrono::seconds(3));
  CHECK(*timers.next() == start + std::chrono::seconds(3));
  CHECK_FALSE(timers.take_expired(start + std::chrono::seconds(2)));
  CHECK(timers.take_expired(start + std::chrono::seconds(9)) == Timer::restart);
  CHECK(timers.take_expired(start + std::chrono::seconds(9)) == Timer::echo);
  CHECK_FALSE(timers.take_expired(start + std::chrono::seconds(9)));
}

TEST_CASE("secret/a moved-from secret is wiped and comparing looks at every octet") {
  Secret<4> a(as_bytes("abcd"));
  const Secret<4> b = std::move(a);
  CHECK(hex(a.bytes()) == "00000000");  // NOLINT: looking at a moved-from secret is the test
  CHECK(equal_secret(b.bytes(), as_bytes("abcd")));
  CHECK_FALSE(equal_secret(b.bytes(), as_bytes("abce")));
  CHECK_FALSE(equal_secret(b.bytes(), as_bytes("abc")));
  SecretText text("password");
  const SecretText moved = std::move(text);
  CHECK(text.empty());  // NOLINT
  CHECK(moved.view() == "password");
}

TEST_CASE("ipv4/addresses are listed with a blank between") {
  const std::array some = {Ipv4Address(192, 168, 77, 10), Ipv4Address(10, 0, 0, 1)};
  CHECK(joined(some) == "192.168.77.10 10.0.0.1");
  CHECK(joined(std::span(some).first(1)) == "192.168.77.10");
  CHECK(joined({}).empty());
}

TEST_CASE("ipv4/only four decimal parts are an address") {
  CHECK(parse_ipv4("192.168.77.10")->text() == "192.168.77.10");
  CHECK(parse_ipv4("255.255.255.255")->value() == 0xffff'ffff);
  for (const char* bad :
       {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.4 ", "a.b.c.d", "1..2.3", "-1.2.3.4"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_ipv4(bad));
  }
}

TEST_CASE("drops/each reason has a name of its own and a counter") {
  Drops drops;
  for (std::size_t i = 0; i < static_cast<std::size_t>(Drop::count_); ++i) {
    const auto reason = static_cast<Drop>(i);
    CHECK(name(reason) != "unknown-drop");
    for (std::size_t j = 0; j < i; ++j)
      CHECK(name(reason) != name(static_cast<Drop>(j)));
    drops.count(reason);
  }
  CHECK(drops.total() == static_cast<std::uint64_t>(Drop::count_));
  drops += drops;
  CHECK(drops[Drop::gre_late] == 2);
}

TEST_CASE("narrow/keeps what fits") {
  CHECK(narrow<std::uint8_t>(255) == 255);
  CHECK(narrow<std::int8_t>(-128L) == -128);
}

}  // namespace
}  // namespace pptp
