#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "tests/io/temporary_dir.h"
#include "tunnel/io/control_client.h"
#include "tunnel/io/control_server.h"
#include "tunnel/io/unique_fd.h"

using namespace std::chrono_literals;
using namespace pptp::io;
using nlohmann::json;

namespace {

/// A control server in its own thread, until it goes.
class Running {
 public:
  Running(const RuntimeDir& directory, const ControlServer::Handler& handler)
      : lock_(directory.lock("office").value()),
        server_(ControlServer::open(loop_, directory, lock_, handler).value()),
        thread_([this] { loop_.run(); }) {}

  ~Running() {
    loop_.post([this] { loop_.stop(); });
    thread_.join();
  }

 private:
  EventLoop loop_;
  ProfileLock lock_;
  ControlServer server_;
  std::thread thread_;
};

/// Sends raw octets over the socket and returns what comes back until `lines` newlines or the end.
std::string exchange(const std::string& path, const std::string& octets, int lines) {
  const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const void* const plain = &address;
  REQUIRE(connect(fd.fd(), static_cast<const sockaddr*>(plain), sizeof address) == 0);
  (void)send(fd.fd(), octets.data(), octets.size(), MSG_NOSIGNAL);
  std::string reply;
  char octet = 0;
  while (lines > 0 && read(fd.fd(), &octet, 1) == 1) {
    reply += octet;
    if (octet == '\n') --lines;
  }
  return reply;
}

}  // namespace

TEST_CASE("io/control carries a request and its reply") {
  const TemporaryDir parent;
  const auto directory = RuntimeDir::open(parent.path()).value();
  const Running running(directory, [](const json& request) {
    return json{{"command", request.at("command")}, {"state", "up"}};
  });
  CHECK(directory.profiles_with_socket() == std::vector<std::string>{"office"});
  const auto reply = control_request(directory.socket_path("office"), {{"command", "status"}}, 1s);
  REQUIRE(reply.has_value());
  CHECK(*reply == json{{"command", "status"}, {"state", "up"}});
}

TEST_CASE("io/control answers several requests of one client, bad ones too") {
  const TemporaryDir parent;
  const auto directory = RuntimeDir::open(parent.path()).value();
  const Running running(directory, [](const json& request) -> json {
    if (request == "fail") throw std::runtime_error("no such thing");
    return request;
  });
  CHECK(exchange(directory.socket_path("office"), "1\n{\n\"fail\"\n\"a\xff\"\n[2]\n", 5) ==
        "1\n{\"error\":\"not a JSON document\"}\n{\"error\":\"no such thing\"}\n"
        "{\"error\":\"not a JSON document\"}\n[2]\n");
}

TEST_CASE("io/control drops a client whose request never ends") {
  const TemporaryDir parent;
  const auto directory = RuntimeDir::open(parent.path()).value();
  const Running running(directory, [](const json& request) { return request; });
  CHECK(exchange(directory.socket_path("office"), std::string(kControlMessageLimit + 4096, ' '), 1)
            .empty());
  CHECK(control_request(directory.socket_path("office"), 1, 1s).has_value());
}

TEST_CASE("io/control replaces the socket of a process that died, and removes its own") {
  const TemporaryDir parent;
  const auto directory = RuntimeDir::open(parent.path()).value();
  const std::string path = directory.socket_path("office");
  {
    std::ofstream stale(path);
  }
  {
    const Running running(directory, [](const json& request) { return request; });
    CHECK(control_request(path, 3, 1s).value() == 3);
  }
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("io/control client knows nobody there from nobody answering") {
  const TemporaryDir parent;
  const auto directory = RuntimeDir::open(parent.path()).value();
  const std::string path = directory.socket_path("office");
  CHECK(control_request(path, 1, 1s).error().fault == IoFault::not_running);

  EventLoop loop;
  const auto lock = directory.lock("office");
  const auto server = ControlServer::open(loop, directory, lock.value(),
                                          [](const json& request) { return request; });
  REQUIRE(server.has_value());
  // Nobody runs the loop.
  CHECK(control_request(path, 1, 20ms).error().fault == IoFault::timed_out);
}
