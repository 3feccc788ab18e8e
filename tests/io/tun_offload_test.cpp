// A TUN interface whose kernel leaves the cutting and joining of TCP to us: a stream between two
// namespaces, each with such an interface, and this program between them.
#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <span>
#include <sstream>
#include <string>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

#include "tests/io/netns.h"
#include "tunnel/io/tun.h"

using namespace pptp::io;
using pptp::Packet;
using pptp::PacketPool;

namespace {

constexpr std::size_t kStream = 8 * 1024 * 1024;

/// Packets and octets that an interface has carried, as the host counts them: a long packet is one.
struct Counters {
  std::uint64_t packets = 0;
  std::uint64_t octets = 0;

  std::uint64_t mean() const { return packets == 0 ? 0 : octets / packets; }
};

struct Host {
  explicit Host(int number, Tun (*open)()) : tun(open()) {
    const std::string one = std::to_string(number);
    const std::string other = std::to_string(3 - number);
    run("ip addr add 10.9.0." + one + " peer 10.9.0." + other + " dev pptp0;" +
        "ip addr add fd00::" + one + "/64 dev pptp0 nodad; ip link set pptp0 up mtu 1456");
  }

  Counters counters(bool received) const {
    netns.enter();
    std::istringstream line(run("grep pptp0: /proc/net/dev"));
    std::string name;
    std::array<std::uint64_t, 16> numbers{};
    line >> name;
    for (std::uint64_t& number : numbers)
      line >> number;
    return received ? Counters{numbers[1], numbers[0]} : Counters{numbers[9], numbers[8]};
  }

  const Netns netns;
  Tun tun;
};

Tun as_it_comes() {
  return Tun::open("pptp%d").value();
}

/// As from a kernel without offloads.
Tun plain() {
  UniqueFd fd(open(kTunDevice, O_RDWR | O_NONBLOCK | O_CLOEXEC));
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  REQUIRE(ioctl(fd.fd(), TUNSETIFF, &request) == 0);
  run("ip link set tun0 name pptp0");
  return Tun::adopt(std::move(fd), "pptp0", if_nametoindex("pptp0"));
}

/// What lies between the two hosts.
struct Path {
  explicit Path(std::size_t slots = 96) : pool(slots) {}

  PacketPool pool;
  std::array<Packet, 64> packets;
  std::size_t carried = 0;
  std::size_t longest = 0;
  std::size_t spoil_each = 0;  ///< 0: none

  /// Whether there was anything to carry.
  bool carry(Tun& from, Tun& to) {
    const std::size_t count = from.read(pool, packets);
    for (Packet& packet : std::span(packets).first(count)) {
      longest = std::max(longest, packet.size());
      if (spoil_each != 0 && ++carried % spoil_each == 0) packet.mutable_bytes().back() ^= 0x40;
    }
    to.write(std::span(packets).first(count));
    for (Packet& packet : packets)
      packet.release();
    return count > 0;
  }
};

/// IPv4 addresses too: as IPv6 has them.
sockaddr_in6 address_of(const std::string& text) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = 4'000;
  REQUIRE(inet_pton(AF_INET6, text.c_str(), &address.sin6_addr) == 1);
  return address;
}

const sockaddr* generic(const sockaddr_in6& address) {
  const void* const plain = &address;
  return static_cast<const sockaddr*>(plain);
}

UniqueFd socket_in(const Host& host) {
  host.netns.enter();
  UniqueFd fd(socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  REQUIRE(fd);
  return fd;
}

std::uint8_t octet_at(std::size_t place) {
  return static_cast<std::uint8_t>(place * 2'654'435'761U >> 13);
}

/// Sends a stream over the path; what of it has arrived, in order and as it was.
std::size_t stream_over(Path& path, Host& client, Host& server, const std::string& to) {
  const sockaddr_in6 address = address_of(to);
  const UniqueFd listener = socket_in(server);
  REQUIRE(bind(listener.fd(), generic(address), sizeof address) == 0);
  REQUIRE(listen(listener.fd(), 1) == 0);
  const UniqueFd out = socket_in(client);
  REQUIRE(connect(out.fd(), generic(address), sizeof address) == -1);
  REQUIRE(errno == EINPROGRESS);
  UniqueFd in;
  std::size_t sent = 0;
  std::size_t received = 0;
  std::vector<std::uint8_t> octets(64 * 1024);
  for (int idle = 0; received < kStream && idle < 2'000;) {
    for (std::size_t i = 0; i < octets.size(); ++i)
      octets[i] = octet_at(sent + i);
    const std::size_t left = std::min(octets.size(), kStream - sent);
    if (const ssize_t size = send(out.fd(), octets.data(), left, MSG_NOSIGNAL); size > 0)
      sent += static_cast<std::size_t>(size);
    bool busy = path.carry(client.tun, server.tun);
    busy = path.carry(server.tun, client.tun) || busy;
    if (!in) in = UniqueFd(accept4(listener.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    const ssize_t size = in ? recv(in.fd(), octets.data(), octets.size(), 0) : 0;
    for (ssize_t i = 0; i < size; ++i) {
      if (octets[static_cast<std::size_t>(i)] != octet_at(received)) return received;
      ++received;
    }
    if (busy || size > 0) {
      idle = 0;
    } else {
      // A retransmission may have to come.
      ++idle;
      (void)poll(nullptr, 0, 1);
    }
  }
  return received;
}

}  // namespace

TEST_CASE("io/tun: TCP crosses in long packets, and nothing of it is lost or changed") {
  for (const char* to : {"::ffff:10.9.0.2", "fd00::2"}) {
    CAPTURE(to);
    Host client(1, as_it_comes);
    Host server(2, as_it_comes);
    REQUIRE(client.tun.has_offloads());
    Path path;
    CHECK(stream_over(path, client, server, to) == kStream);
    CHECK(path.longest == 1456);
    CHECK(client.counters(false).mean() > 3 * 1456);
    CHECK(server.counters(true).mean() > 3 * 1456);
    CHECK(client.tun.drops().total() == 0);
    CHECK(server.tun.drops().total() == 0);
  }
}

TEST_CASE("io/tun: what was spoiled on the way is not believed for being in a long packet") {
  Host client(1, as_it_comes);
  Host server(2, as_it_comes);
  Path path;
  path.spoil_each = 50;
  CHECK(stream_over(path, client, server, "::ffff:10.9.0.2") == kStream);
}

TEST_CASE("io/tun: with fewer slots than a long packet has segments it comes in parts") {
  Host client(1, as_it_comes);
  Host server(2, as_it_comes);
  Path path(3);
  CHECK(stream_over(path, client, server, "::ffff:10.9.0.2") == kStream);
  CHECK(client.counters(false).mean() > 3 * 1456);
}

TEST_CASE("io/tun: one end without offloads carries the same packet by packet") {
  Host client(1, plain);
  Host server(2, as_it_comes);
  REQUIRE_FALSE(client.tun.has_offloads());
  Path path;
  CHECK(stream_over(path, client, server, "::ffff:10.9.0.2") == kStream);
  CHECK(path.longest == 1456);
  CHECK(client.counters(false).mean() <= 1456);
  CHECK(server.counters(true).mean() > 3 * 1456);
}

TEST_CASE("io/tun: one that another process has opened is as that one got it") {
  for (const auto open : {as_it_comes, plain}) {
    const Netns netns;
    const Tun opened = open();
    const Tun adopted = Tun::adopt(UniqueFd(dup(opened.fd())), opened.name(), opened.index());
    CHECK(adopted.has_offloads() == (open == as_it_comes));
  }
}

TEST_CASE("io/tun: a kernel that has no offloads gives an interface without") {
  for (const unsigned long refused : {TUNSETVNETLE, TUNSETOFFLOAD}) {
    const Netns netns;
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      const auto request = static_cast<std::uint32_t>(refused);
      std::array filter = {
          sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
          sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 3),
          sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[1])),
          sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, request, 0, 1),
          sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
          sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
      const sock_fprog program{filter.size(), filter.data()};
      if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(2);
      if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) _exit(3);
      const IoResult<Tun> tun = Tun::open("pptp%d");
      if (!tun || tun->name() != "pptp0") _exit(4);
      _exit(tun->has_offloads() ? 5 : 0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
  }
}
