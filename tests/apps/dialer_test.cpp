#include "apps/dialer.h"

#include <cerrno>
#include <optional>
#include <string>
#include <sys/mount.h>
#include <vector>

#include <doctest/doctest.h>

#include "tests/apps/temporary_folder.h"
#include "tests/io/netns.h"

using namespace pptp;
using namespace pptp::app;
using namespace std::chrono_literals;

namespace {

/// A host on which names stand for several addresses.
struct Host {
  explicit Host(const std::string& names) {
    const std::string file = folder.write("hosts", names, 0644);
    REQUIRE(::unshare(CLONE_NEWNS) == 0);
    REQUIRE(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
    REQUIRE(::mount(file.c_str(), "/etc/hosts", nullptr, MS_BIND, nullptr) == 0);
  }

  ~Host() { ::umount("/etc/hosts"); }

  Netns netns;
  TemporaryFolder folder;
};

/// What dialling comes to.
struct Dialled {
  Dialled(io::EventLoop& loop, std::string name, std::uint16_t port)
      : Dialled(loop, {.server = {std::move(name), port}, .timeout = 2s}) {}

  Dialled(io::EventLoop& loop, Dialer::Request request,
          std::optional<Ipv4Address> forbidden = std::nullopt) {
    Dialer dialer(
        loop, std::move(request),
        [this, forbidden](io::TcpEndpoint to) -> io::IoResult<void> {
          tried.push_back(to.address);
          if (to.address == forbidden) return io::failure(ENETUNREACH, "not that one");
          return {};
        },
        [&](io::IoResult<io::TcpStream> stream) {
          if (stream) {
            peer = stream->peer().address;
          } else {
            fault = stream.error().fault;
          }
          found = dialer.found();
          loop.stop();
        });
    REQUIRE(loop.run_for(10s));
  }

  std::vector<Ipv4Address> tried;
  std::vector<Ipv4Address> found;
  std::optional<Ipv4Address> peer;
  std::optional<io::IoFault> fault;
};

constexpr Ipv4Address kFirst(127, 0, 0, 2);
constexpr Ipv4Address kSecond(127, 0, 0, 3);

}  // namespace

TEST_CASE("dialer: the addresses of a name are tried in turn until one takes the connection") {
  Host host("127.0.0.2 twofold\n127.0.0.3 twofold\n");
  io::EventLoop loop;
  auto second = io::TcpListener::open(loop, {kSecond, 0}, [](const io::TcpStream&) {}).value();
  const std::uint16_t port = second.local().port;
  {
    const Dialled dialled(loop, "twofold", port);
    CHECK(dialled.tried == std::vector{kFirst, kSecond});
    CHECK(dialled.peer == kSecond);
  }
  auto first = io::TcpListener::open(loop, {kFirst, port}, [](const io::TcpStream&) {}).value();
  const Dialled dialled(loop, "twofold", port);
  CHECK(dialled.tried == std::vector{kFirst});
  CHECK(dialled.peer == kFirst);
}

TEST_CASE("dialer: without a connection it tells what came of the last address, or of the name") {
  Host host("127.0.0.2 twofold\n127.0.0.3 twofold\n");
  io::EventLoop loop;
  const Dialled refused(loop, "twofold", 1723);
  CHECK(refused.tried == std::vector{kFirst, kSecond});
  CHECK(refused.fault == io::IoFault::refused);
  const Dialled unknown(loop, "no-such-name.invalid", 1723);
  CHECK(unknown.tried.empty());
  CHECK((unknown.fault == io::IoFault::name_not_found ||
         unknown.fault == io::IoFault::name_no_answer));
}

TEST_CASE(
    "dialer: an address that is known is taken where the name leads nowhere, or is not asked") {
  Host host("127.0.0.2 moved\n");
  io::EventLoop loop;
  auto second = io::TcpListener::open(loop, {kSecond, 0}, [](const io::TcpStream&) {}).value();
  const std::uint16_t port = second.local().port;
  const auto dial = [&](const char* name, bool by_name) {
    return Dialled(
        loop, Dialer::Request{
                  .server = {name, port}, .known = {kSecond}, .by_name = by_name, .timeout = 2s});
  };
  const Dialled by_name = dial("moved", true);
  CHECK(by_name.tried == std::vector{kFirst, kSecond});
  CHECK(by_name.found == std::vector{kFirst});
  CHECK(by_name.peer == kSecond);
  const Dialled nowhere = dial("no-such-name.invalid", true);
  CHECK(nowhere.tried == std::vector{kSecond});
  CHECK(nowhere.found.empty());
  CHECK(nowhere.peer == kSecond);
  CHECK(dial("moved", false).tried == std::vector{kSecond});
}

TEST_CASE(
    "dialer: an address that cannot be tried is passed over, and the last one's trouble told") {
  Host host("127.0.0.2 twofold\n127.0.0.3 twofold\n127.0.0.2 single\n");
  io::EventLoop loop;
  auto second = io::TcpListener::open(loop, {kSecond, 0}, [](const io::TcpStream&) {}).value();
  const std::uint16_t port = second.local().port;
  const Dialled passed(loop, Dialer::Request{.server = {"twofold", port}}, kFirst);
  CHECK(passed.tried == std::vector{kFirst, kSecond});
  CHECK(passed.peer == kSecond);
  const Dialled refused(loop, Dialer::Request{.server = {"single", port}}, kFirst);
  CHECK(refused.fault == io::IoFault::net_unreachable);
}
