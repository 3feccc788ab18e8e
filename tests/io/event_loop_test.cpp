#include "tunnel/io/event_loop.h"

#include <array>
#include <chrono>
#include <optional>
#include <signal.h>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

#include "tunnel/io/os_entropy.h"
#include "tunnel/io/unique_fd.h"

using namespace std::chrono_literals;
using namespace pptp::io;

namespace {

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    REQUIRE(pipe(ends.data()) == 0);
    read = UniqueFd(ends[0]);
    write = UniqueFd(ends[1]);
  }

  UniqueFd read;
  UniqueFd write;
};

}  // namespace

TEST_CASE("io/event_loop tells of a descriptor for as long as it is readable") {
  EventLoop loop;
  const Pipe pipe;
  REQUIRE(write(pipe.write.fd(), "abc", 3) == 3);
  std::vector<char> seen;
  FdWatch watch(loop, pipe.read.fd());
  watch.on_readable([&] {
    char octet = 0;
    REQUIRE(read(pipe.read.fd(), &octet, 1) == 1);
    seen.push_back(octet);
    if (seen.size() == 3) loop.stop();
  });
  CHECK(loop.run_for(1s));
  CHECK(seen == std::vector<char>{'a', 'b', 'c'});
}

TEST_CASE("io/event_loop leaves the descriptor open, and may lose the watch inside its handler") {
  EventLoop loop;
  const Pipe pipe;
  std::optional<FdWatch> watch(std::in_place, loop, pipe.write.fd());
  int calls = 0;
  watch->on_writable([&] {
    ++calls;
    watch.reset();
  });
  loop.run_for(20ms);
  CHECK(calls == 1);
  CHECK(write(pipe.write.fd(), "x", 1) == 1);

  FdWatch again(loop, pipe.write.fd());
  again.on_writable([&] {
    ++calls;
    again.on_writable({});
  });
  loop.run_for(20ms);
  CHECK(calls == 2);
}

TEST_CASE("io/event_loop timer fires once at its deadline and not before") {
  EventLoop loop;
  int fired = 0;
  const auto due = loop.now() + 20ms;
  pptp::TimePoint when;
  Timer timer(loop, [&] {
    ++fired;
    when = loop.now();
  });
  timer.set(due - 19ms);
  timer.set(due);
  timer.set(due);
  loop.run_for(60ms);
  CHECK(fired == 1);
  CHECK(when >= due);

  timer.set(loop.now() + 10ms);
  timer.set(std::nullopt);
  loop.run_for(30ms);
  CHECK(fired == 1);

  timer.set(loop.now() + 10s);
  timer.set(loop.now() + 10ms);
  loop.run_for(30ms);
  CHECK(fired == 2);
}

TEST_CASE("io/event_loop timer whose deadline has passed fires at once, and can be set again") {
  EventLoop loop;
  int fired = 0;
  std::optional<Timer> timer;
  timer.emplace(loop, [&] {
    if (++fired < 3)
      timer->set(loop.now() - 1s);
    else
      timer.reset();
  });
  timer->set(loop.now() - 1s);
  loop.run_for(30ms);
  CHECK(fired == 3);
}

TEST_CASE("io/event_loop hands signals over") {
  EventLoop loop;
  std::vector<int> signals;
  loop.on_signals({SIGUSR1, SIGHUP}, [&](int signal) {
    signals.push_back(signal);
    if (signals.size() == 2) loop.stop();
  });
  raise(SIGUSR1);
  raise(SIGHUP);
  CHECK(loop.run_for(1s));
  CHECK(signals == std::vector<int>{SIGUSR1, SIGHUP});
}

TEST_CASE("io/event_loop runs what is posted after the handler that posted it") {
  EventLoop loop;
  std::vector<int> order;
  loop.post([&] {
    loop.post([&] {
      order.push_back(2);
      loop.stop();
    });
    order.push_back(1);
  });
  CHECK(loop.run_for(1s));
  CHECK(order == std::vector<int>{1, 2});
}

TEST_CASE("io/os_entropy fills all of it, differently each time") {
  OsEntropy entropy;
  std::array<std::uint8_t, 600> a{};
  std::array<std::uint8_t, 600> b{};
  entropy.fill(a);
  entropy.fill(b);
  CHECK(a != b);
  CHECK(std::vector<std::uint8_t>(a.end() - 32, a.end()) != std::vector<std::uint8_t>(32));
}
