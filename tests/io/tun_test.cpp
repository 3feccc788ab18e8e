#include "tunnel/io/tun.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <cstdint>
#include <fcntl.h>
#include <functional>
#include <optional>
#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

#include "tests/io/netns.h"
#include "tunnel/io/gre_socket.h"
#include "tunnel/io/journal.h"
#include "tunnel/io/privileges.h"
#include "tunnel/io/socket_address.h"
#include "tunnel/io/tcp_stream.h"

using namespace std::chrono_literals;
using namespace pptp::io;
using pptp::Ipv4Address;
using pptp::Packet;
using pptp::PacketPool;

namespace {

/// Runs in a child process, so that what it gives up stays given up there.
int exit_of_child(const std::function<int()>& body) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) _exit(body());
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

int fault_number(const IoError& error) {
  return 10 + static_cast<int>(error.fault);
}

IoFault connect_fault(EventLoop& loop, Ipv4Address to, pptp::Duration timeout) {
  std::optional<IoFault> fault;
  const TcpConnector connector(loop, {.to = {to, 1723}, .timeout = timeout},
                               [&](IoResult<TcpStream> result) {
                                 REQUIRE_FALSE(result.has_value());
                                 fault = result.error().fault;
                                 loop.stop();
                               });
  REQUIRE(loop.run_for(1s));
  return fault.value();
}

}  // namespace

TEST_CASE("io/tun takes the first free number, and names that are free") {
  const Netns netns;
  const auto first = Tun::open("pptp%d");
  const auto second = Tun::open("pptp%d");
  REQUIRE(first.has_value());
  REQUIRE(second.has_value());
  CHECK(first->name() == "pptp0");
  CHECK(second->name() == "pptp1");
  CHECK(first->index() != second->index());

  const auto taken = Tun::open("pptp1");
  REQUIRE_FALSE(taken.has_value());
  CHECK(taken.error().fault == IoFault::address_in_use);
  for (const char* name : {"", "a-name-of-16-chr", "a/b"}) {
    CAPTURE(name);
    CHECK_FALSE(Tun::open(name).has_value());
  }
}

TEST_CASE("io/tun goes with its object") {
  const Netns netns;
  {
    const auto tun = Tun::open("office").value();
    run("ip link show office");
  }
  CHECK(Tun::open("office").has_value());
}

TEST_CASE("io/tun carries packets both ways") {
  const Netns netns;
  auto tun = Tun::open("pptp%d").value();
  run("ip addr add 10.9.0.2 peer 10.9.0.1 dev pptp0; ip link set pptp0 up");
  PacketPool pool(4);
  std::array<Packet, 4> packets;
  // What the kernel says of its own accord when an interface comes up.
  while (tun.read(pool, packets) > 0) {
  }

  const UniqueFd udp(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in to = to_sockaddr(Ipv4Address(10, 9, 0, 1));
  to.sin_port = htons(9);
  for (const char* text : {"first", "second"})
    REQUIRE(sendto(udp.fd(), text, 5, 0, generic(to), sizeof to) == 5);
  REQUIRE(tun.read(pool, packets) == 2);
  CHECK(packets[0].size() == 20 + 8 + 5);
  CHECK(packets[0].bytes()[0] == 0x45);
  CHECK(pptp::as_text(packets[1].bytes().subspan(28)) == "secon");
  CHECK(packets[0].headroom() == Packet::kHeadroom);

  // The same packet with its addresses and ports exchanged is the answer (the sum stays right).
  const std::span<Packet> answers = std::span(packets).first(1);
  const pptp::MutableBytes answer = packets[0].mutable_bytes();
  std::swap_ranges(answer.begin() + 12, answer.begin() + 16, answer.begin() + 16);
  std::swap_ranges(answer.begin() + 20, answer.begin() + 22, answer.begin() + 22);
  tun.write(answers);
  std::array<char, 16> text{};
  CHECK(recv(udp.fd(), text.data(), text.size(), MSG_DONTWAIT) == 5);
  CHECK(std::string(text.data()) == "first");
  CHECK(tun.drops().total() == 0);

  REQUIRE(packets[0].assign(std::vector<std::uint8_t>{0x00}));
  tun.write(answers);
  CHECK(tun.drops()[pptp::Drop::tun_refused] == 1);
  CHECK_FALSE(tun.gone());
}

TEST_CASE("io/tun notices that its interface was removed") {
  const Netns netns;
  auto tun = Tun::open("pptp%d").value();
  run("ip link del pptp0");
  PacketPool pool(1);
  std::array<Packet, 1> packets;
  CHECK(tun.read(pool, packets) == 0);
  CHECK(tun.gone());
}

TEST_CASE("io/tun notices at a write that its interface was removed, or set down") {
  const Netns netns;
  for (const char* command : {"ip link del pptp0", "ip link set pptp0 down"}) {
    CAPTURE(command);
    auto tun = Tun::open("pptp0").value();
    run("ip link set pptp0 up");
    run(command);
    PacketPool pool(1);
    std::array<Packet, 1> packets = {pool.acquire()};
    std::vector<std::uint8_t> octets(20);
    octets[0] = 0x45;
    REQUIRE(packets[0].assign(octets));
    tun.write(packets);
    CHECK(tun.gone());
    CHECK(tun.drops()[pptp::Drop::tun_refused] == 1);
  }
}

TEST_CASE("io/tun and privileges tell a missing device from a missing capability") {
  CHECK(check_privileges({.raw_socket = true, .network_admin = true, .tun = true}).has_value());

  CHECK(exit_of_child([] {
          if (unshare(CLONE_NEWNS) != 0) return 1;
          if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 2;
          if (mount("none", "/dev/net", "tmpfs", 0, nullptr) != 0) return 3;
          const auto checked = check_privileges({.tun = true});
          const auto opened = Tun::open("pptp%d");
          if (checked || opened || opened.error().fault != checked.error().fault) return 4;
          return fault_number(checked.error());
        }) == 10 + static_cast<int>(IoFault::tun_missing));

  CHECK(exit_of_child([] {
          if (setresuid(65534, 65534, 65534) != 0) return 1;
          const auto both = check_privileges({.raw_socket = true, .network_admin = true});
          if (both || both.error().what.find("CAP_NET_RAW") == std::string::npos ||
              both.error().what.find("CAP_NET_ADMIN") == std::string::npos)
            return 2;
          const auto one = check_privileges({.raw_socket = true});
          if (one || one.error().what.find("CAP_NET_ADMIN") != std::string::npos) return 3;
          if (!check_privileges({})) return 4;
          if (GreClientSocket::open({}).has_value()) return 5;
          return fault_number(both.error());
        }) == 10 + static_cast<int>(IoFault::permission));
}

TEST_CASE("io/privileges guarded memory is nobody else's, and this process knows itself still") {
  CHECK(exit_of_child([] {
          if (setresuid(65534, 65534, 65534) != 0) return 1;
          // What changing the user id did, undone: as for a program that nobody started.
          if (prctl(PR_SET_DUMPABLE, 1) != 0) return 2;
          const std::string memory = "/proc/" + std::to_string(getpid()) + "/mem";
          const auto neighbour_reads = [&memory] {
            return exit_of_child([&memory] {
              prctl(PR_SET_DUMPABLE, 1);
              return UniqueFd(open(memory.c_str(), O_RDONLY | O_CLOEXEC)) ? 1 : 0;
            });
          };
          if (neighbour_reads() != 1) return 3;
          if (!guard_memory()) return 4;
          if (neighbour_reads() != 0) return 5;
          rlimit core{};
          if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_max != 0) return 6;
          const JournalOwner self = JournalOwner::this_process();
          if (self.start_time == 0 || self.network_namespace == 0 || self.boot_id.empty()) return 7;
          // A neighbour sees that this one runs.
          return exit_of_child([&self] { return self.runs_elsewhere() ? 100 : 8; });
        }) == 100);
}

TEST_CASE("io/tcp_stream knows why there is no connection") {
  const Netns netns;
  EventLoop loop;
  run("ip link add v0 type veth peer name v1; ip link set v1 up; ip link set v0 up;"
      "ip addr add 192.0.2.1/24 dev v0;"
      "ip route add unreachable 198.51.100.1; ip route add prohibit 198.51.100.2");
  CHECK(connect_fault(loop, Ipv4Address(203, 0, 113, 1), 1s) == IoFault::net_unreachable);
  CHECK(connect_fault(loop, Ipv4Address(198, 51, 100, 1), 1s) == IoFault::no_route);
  CHECK(connect_fault(loop, Ipv4Address(198, 51, 100, 2), 1s) == IoFault::permission);
  // Nobody answers its ARP.
  CHECK(connect_fault(loop, Ipv4Address(192, 0, 2, 9), 30ms) == IoFault::timed_out);
}
