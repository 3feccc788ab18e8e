#include "tunnel/io/tcp_stream.h"

#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "tunnel/io/resolve.h"

using namespace std::chrono_literals;
using namespace pptp::io;
using pptp::Ipv4Address;

namespace {

constexpr Ipv4Address kLoopback(127, 0, 0, 1);

/// Both ends of a connection over the loopback interface.
struct Connected {
  explicit Connected(EventLoop& loop) {
    auto listening = TcpListener::open(loop, {kLoopback, 0}, [&](TcpStream stream) {
      server = std::move(stream);
      if (client) loop.stop();
    });
    REQUIRE(listening.has_value());
    listener = std::move(*listening);
    const TcpConnector connector(loop, {.to = listener->local()}, [&](IoResult<TcpStream> result) {
      REQUIRE(result.has_value());
      client = std::move(*result);
      if (server) loop.stop();
    });
    REQUIRE(loop.run_for(1s));
  }

  std::optional<TcpListener> listener;
  std::optional<TcpStream> client;
  std::optional<TcpStream> server;
};

}  // namespace

TEST_CASE("io/tcp_stream carries octets both ways and knows both addresses") {
  EventLoop loop;
  Connected pair(loop);
  CHECK(pair.client->local().port == pair.server->peer().port);
  CHECK(pair.client->local().address == kLoopback);
  CHECK(pair.client->peer().port == pair.server->local().port);

  std::string at_server;
  std::string at_client;
  std::optional<IoError> end;
  pair.server->start(
      [&](pptp::Bytes octets) {
        at_server += pptp::as_text(octets);
        if (at_server == "ping, again") {
          pair.server->send(pptp::as_bytes("pong"));
          pair.server->finish_sending();
        }
      },
      [](const IoError&) {});
  pair.client->start([&](pptp::Bytes octets) { at_client += pptp::as_text(octets); },
                     [&](const IoError& error) {
                       end = error;
                       loop.stop();
                     });
  pair.client->send(pptp::as_bytes("ping, "));
  pair.client->send(pptp::as_bytes("again"));
  CHECK(loop.run_for(1s));
  CHECK(at_client == "pong");
  REQUIRE(end.has_value());
  CHECK(end->fault == IoFault::peer_closed);
  CHECK(end->error == 0);
}

TEST_CASE("io/tcp_stream gives up on a peer that does not read") {
  EventLoop loop;
  Connected pair(loop);
  std::optional<IoError> end;
  pair.client->start([](pptp::Bytes) {},
                     [&](const IoError& error) {
                       end = error;
                       loop.stop();
                     });
  const std::vector<std::uint8_t> much(60'000);
  int rounds = 0;
  while (!end && ++rounds < 400) {
    pair.client->send(much);
    CHECK(pair.client->unsent() <= TcpStream::kSendLimit);
    loop.run_for(1ms);
  }
  REQUIRE(end.has_value());
  CHECK(end->error == ENOBUFS);
}

TEST_CASE("io/tcp_stream may be destroyed in its own handlers") {
  EventLoop loop;
  Connected pair(loop);
  pair.server->start([&](pptp::Bytes) { pair.server.reset(); }, [](const IoError&) {});
  pair.client->start([](pptp::Bytes) {},
                     [&](const IoError&) {
                       pair.client.reset();
                       loop.stop();
                     });
  pair.client->send(pptp::as_bytes("x"));
  CHECK(loop.run_for(1s));
  CHECK_FALSE(pair.client.has_value());
}

TEST_CASE("io/tcp_stream says that a connection was refused") {
  EventLoop loop;
  std::uint16_t port = 0;
  {
    const auto listener = TcpListener::open(loop, {kLoopback, 0}, [](TcpStream) {});
    port = listener.value().local().port;
  }
  std::optional<IoFault> fault;
  const TcpConnector connector(loop, {.to = {kLoopback, port}}, [&](IoResult<TcpStream> result) {
    REQUIRE_FALSE(result.has_value());
    fault = result.error().fault;
    loop.stop();
  });
  CHECK(loop.run_for(1s));
  CHECK(fault == IoFault::refused);
}

TEST_CASE("io/tcp_stream listener says that its address is taken") {
  EventLoop loop;
  const auto first = TcpListener::open(loop, {kLoopback, 0}, [](TcpStream) {});
  const auto second = TcpListener::open(loop, first.value().local(), [](TcpStream) {});
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().fault == IoFault::address_in_use);
}

TEST_CASE("io/tcp_stream connector that goes away calls nobody") {
  EventLoop loop;
  const auto listener = TcpListener::open(loop, {kLoopback, 0}, [](TcpStream) {});
  bool called = false;
  {
    const TcpConnector connector(loop, {.to = listener.value().local()},
                                 [&](IoResult<TcpStream>) { called = true; });
  }
  loop.run_for(20ms);
  CHECK_FALSE(called);
}

TEST_CASE("io/resolve answers a dotted address itself, from the loop") {
  EventLoop loop;
  std::vector<Ipv4Address> found;
  const Lookup lookup(loop, "192.0.2.7", [&](IoResult<std::vector<Ipv4Address>> result) {
    found = result.value();
    loop.stop();
  });
  CHECK(found.empty());
  CHECK(loop.run_for(1s));
  CHECK(found == std::vector<Ipv4Address>{Ipv4Address(192, 0, 2, 7)});
}

TEST_CASE("io/resolve finds localhost, once") {
  EventLoop loop;
  std::vector<Ipv4Address> found;
  const Lookup lookup(loop, "localhost", [&](IoResult<std::vector<Ipv4Address>> result) {
    found = result.value();
    loop.stop();
  });
  CHECK(loop.run_for(1s));
  CHECK(found == std::vector<Ipv4Address>{kLoopback});
}

TEST_CASE("io/resolve says that a name does not exist") {
  EventLoop loop;
  std::optional<IoError> error;
  // Not a possible name, so that no name server is asked.
  const Lookup lookup(loop, "a..b", [&](IoResult<std::vector<Ipv4Address>> result) {
    REQUIRE_FALSE(result.has_value());
    error = result.error();
    loop.stop();
  });
  CHECK(loop.run_for(1s));
  REQUIRE(error.has_value());
  CHECK(error->fault == IoFault::name_not_found);
  CHECK(error->what.find("a..b") != std::string::npos);
}
