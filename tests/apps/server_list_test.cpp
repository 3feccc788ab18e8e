#include "apps/server_list.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tunnel/io/event_loop.h"

namespace pptp::app {
namespace {

using namespace std::chrono_literals;

constexpr Ipv4Address kFirst(192, 0, 2, 1);
constexpr Ipv4Address kSecond(192, 0, 2, 2);
constexpr Ipv4Address kMoved(192, 0, 2, 3);

const std::vector<HostPort> kServers = {{"192.0.2.1", 1723}, {"192.0.2.2", 1723}};

TEST_CASE("servers: others are looked up beside, and each remembers where it was found") {
  io::EventLoop loop;
  ServerList servers(loop, kServers);
  servers.look_up_others();
  loop.run_for(50ms);
  CHECK(servers.known().empty());
  const ServerList::Attempt first = servers.attempt();
  CHECK(first.by_name);
  CHECK(first.server.host == "192.0.2.1");
  REQUIRE(servers.next());
  CHECK(servers.known() == std::vector{kSecond});
  CHECK_FALSE(servers.attempt().by_name);
  CHECK_FALSE(servers.next());

  servers.came_up(kSecond, {});
  servers.begin_again();
  CHECK(servers.attempt().known == std::vector{kSecond});
  REQUIRE(servers.next());
  servers.came_up(kFirst, {kMoved, kFirst});
  CHECK(servers.known() == std::vector{kFirst, kMoved});
  servers.begin_again();
  servers.attempt();
  REQUIRE(servers.next());
  CHECK(servers.known() == std::vector{kSecond});
}

TEST_CASE("servers: each is asked for by name every other time, however many there are") {
  io::EventLoop loop;
  ServerList servers(loop, kServers);
  servers.look_up_others();
  loop.run_for(50ms);
  servers.came_up(kFirst, {kFirst});
  std::vector<bool> by_name;
  for (int round = 0; round < 3; ++round) {
    servers.begin_again();
    by_name.push_back(servers.attempt().by_name);
    REQUIRE(servers.next());
    by_name.push_back(servers.attempt().by_name);
    servers.next();
  }
  CHECK(by_name == std::vector{false, false, true, true, false, false});
}

TEST_CASE("servers: a name that leads elsewhere than where the server answers is not believed") {
  io::EventLoop loop;
  ServerList servers(loop, kServers);
  servers.came_up(kFirst, {kFirst, kMoved});
  servers.came_up(kMoved, {kSecond});
  CHECK(servers.known() == std::vector{kMoved, kFirst});
}

TEST_CASE("servers: where all are looked up, the first that is found is called") {
  io::EventLoop loop;
  const std::vector<HostPort> some = {{std::string(300, 'x'), 1723}, {"192.0.2.2", 1723}};
  for (const std::size_t count : {2U, 1U}) {
    const std::vector<HostPort> listed(some.begin(), some.begin() + static_cast<long>(count));
    ServerList servers(loop, listed);
    std::optional<io::IoResult<void>> result;
    servers.look_up_all([&](const io::IoResult<void>& found) {
      result = found;
      loop.stop();
    });
    REQUIRE(loop.run_for(30s));
    CHECK(result->has_value() == (count == 2));
    if (count == 2) CHECK(servers.known() == std::vector{kSecond});
  }
}

}  // namespace
}  // namespace pptp::app
