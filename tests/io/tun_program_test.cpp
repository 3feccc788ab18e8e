#include "tunnel/io/tun_program.h"

#include <array>
#include <csignal>
#include <poll.h>
#include <string>
#include <unistd.h>

#include <doctest/doctest.h>

#include "tests/io/temporary_dir.h"
#include "tunnel/io/file.h"
#include "tunnel/io/host_state.h"

using namespace pptp::io;
using pptp::Drop;
using pptp::Ipv4Address;
using pptp::Packet;
using pptp::PacketPool;

namespace {

bool readable(int fd) {
  pollfd wanted{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&wanted, 1, 10'000) == 1;
}

TunnelSettings settings() {
  TunnelSettings settings;
  settings.local = Ipv4Address(192, 168, 77, 10);
  settings.mtu = 1456;
  settings.server = Ipv4Address(192, 0, 2, 1);
  settings.name_servers = {Ipv4Address(192, 0, 2, 7), Ipv4Address(192, 0, 2, 8)};
  return settings;
}

std::unique_ptr<TunProgram> running(const std::string& line) {
  auto program = TunProgram::open(line);
  REQUIRE(program);
  REQUIRE((*program)->configure(settings()));
  return *std::move(program);
}

void write(TunProgram& program, pptp::Bytes octets) {
  PacketPool pool(1);
  std::array<Packet, 1> packets = {pool.acquire()};
  REQUIRE(packets[0].assign(octets));
  program.write(packets);
}

/// What the next packet holds.
std::string next_packet(TunProgram& program) {
  PacketPool pool(4);
  std::array<Packet, 2> packets;
  REQUIRE(readable(program.fd()));
  REQUIRE(program.read(pool, packets) == 1);
  return {packets[0].bytes().begin(), packets[0].bytes().end()};
}

}  // namespace

TEST_CASE("io/tun-program is told what vpnc-script would be, and where its packets are") {
  // One write is one packet.
  const auto program = running(
      "printf %s \"$VPNFD $INTERNAL_IP4_ADDRESS $INTERNAL_IP4_MTU $INTERNAL_IP4_DNS "
      "$VPNGATEWAY\" >&3; sleep 60");
  CHECK(next_packet(*program) == "3 192.168.77.10 1456 192.0.2.7 192.0.2.8 192.0.2.1");
  CHECK_FALSE(program->is_in_our_namespace());
}

TEST_CASE("io/tun-program: packets go both ways, each whole") {
  const auto program = running(
      "exec python3 -c 'import os\n"
      "for _ in range(2):\n"
      "    packet = os.read(3, 65536)\n"
      "    os.write(3, packet[::-1])\n"
      "import time; time.sleep(60)'");
  for (const std::string packet : {"first", "the second one"}) {
    const std::vector<std::uint8_t> octets(packet.begin(), packet.end());
    write(*program, octets);
    CHECK(next_packet(*program) == std::string(packet.rbegin(), packet.rend()));
  }
}

TEST_CASE("io/tun-program: packets that nobody takes are dropped and counted") {
  const auto program = running("sleep 60");
  const std::vector<std::uint8_t> octets(1400);
  int taken = 0;
  for (; taken < 100'000 && program->drops().total() == 0; ++taken)
    write(*program, octets);
  CHECK(taken > 16);
  CHECK(taken < 100'000);
  CHECK(program->drops()[Drop::tun_refused] == 1);
}

TEST_CASE("io/tun-program: its end is noticed, and how it ended is told") {
  const auto program = running("exit 3");
  REQUIRE(readable(program->loss_fd()));
  const IoError loss = program->loss();
  CHECK(loss.fault == IoFault::program_ended);
  CHECK(loss.text().find("ended with status 3") != std::string::npos);
}

TEST_CASE("io/tun-program is told to end, and may be started again with the same socket") {
  const TemporaryDir folder;
  const std::string log = folder.path() + "/log";
  {
    const auto program = running("trap 'echo asked >>" + log +
                                 "; exit 0' TERM; printf go >&3; while :; do sleep 0.05; done");
    CHECK(next_packet(*program) == "go");
    const int fd = program->fd();
    REQUIRE(program->configure(settings()));
    CHECK(program->fd() == fd);
    CHECK(next_packet(*program) == "go");
    CHECK(read_file(log).value_or("") == "asked\n");
  }
  CHECK(read_file(log).value_or("") == "asked\nasked\n");
}
