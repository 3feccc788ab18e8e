// A call's sending half on a thread of its own: the thread of the test is the owner's, and plays
// the server on the loopback.
#include "tunnel/io/transmit_thread.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <netinet/in.h>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <vector>

#include <doctest/doctest.h>

#include "lib/ip_packet.h"
#include "ppp/frame.h"
#include "tests/io/netns.h"
#include "tunnel/gre.h"

using namespace std::chrono_literals;
using namespace pptp::io;
using pptp::ControlFrame;
using pptp::Drop;
using pptp::Gate;
using pptp::GreDatagram;
using pptp::Ipv4Address;
using pptp::Packet;
using pptp::PacketPool;
using pptp::SeqNo;
using pptp::TxConnect;
using pptp::TxMtu;
using pptp::TxReceived;
using pptp::TxReport;
using pptp::TxSetting;

namespace {

constexpr Ipv4Address kServer(127, 0, 0, 1);
constexpr Ipv4Address kClient(127, 0, 0, 2);
constexpr pptp::CallId kOwn(0x1234);
constexpr pptp::PeerCallId kPeer(0x4321);
constexpr auto kPatience = 5s;

/// One GRE packet that has arrived at the server.
struct Arrived {
  std::optional<SeqNo> sequence;          ///< none: an acknowledgement alone
  std::optional<std::uint8_t> echo;       ///< the identifier of an LCP Echo-Request
  std::optional<std::uint32_t> datagram;  ///< the number in a UDP datagram of the host's
};

struct Scene {
  explicit Scene(TransmitThread::Handlers handlers = {}) {
    run("ip address add 10.9.0.1/24 dev pptp0; ip link set pptp0 addrgenmode none;"
        "ip link set pptp0 up mtu 1400 txqueuelen 2000");
    REQUIRE(socket.connect(kClient, kServer, kOwn));
    REQUIRE(socket.set_dont_fragment(true));
    if (!handlers.trouble)
      handlers.trouble = [this](const GreTrouble& trouble) { troubles.push_back(trouble); };
    if (!handlers.device_gone) handlers.device_gone = [this] { ++gone; };
    auto started = TransmitThread::start(loop, {tun.second().value(), socket.second().value()},
                                         std::move(handlers));
    REQUIRE(started);
    thread = *std::move(started);
  }

  void open() {
    thread->put(TxSetting(TxConnect{kPeer, {}, false}));
    thread->put(TxSetting(TxMtu{1400, false}));
    thread->put(TxSetting(Gate::clear));
  }

  void put_echo(std::uint8_t id, std::uint8_t size = 8) {
    std::vector<std::uint8_t> octets = {9, id, 0, size};
    octets.resize(size);
    thread->put(ControlFrame{pptp::protocol::kLcp, std::move(octets)});
  }

  /// Datagrams of the host's into the interface.
  void send(std::uint32_t first, std::uint32_t count) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(9);
    to.sin_addr.s_addr = htonl(0x0a09'0002);
    for (std::uint32_t number = first; number < first + count; ++number) {
      REQUIRE(::sendto(host.fd(), &number, sizeof number, 0, reinterpret_cast<const sockaddr*>(&to),
                       sizeof to) == sizeof number);
    }
  }

  /// What arrives with a payload, until there is `enough` of it.
  std::vector<Arrived> arrived(std::size_t enough) {
    std::vector<Arrived> all;
    receive_until([&] { return all.size() >= enough; }, all);
    CHECK(all.size() == enough);
    return all;
  }

  /// Waits for an acknowledgement without a payload, and nothing else.
  bool acknowledged() {
    const std::size_t before = acknowledgements;
    std::vector<Arrived> others;
    receive_until([&] { return acknowledgements > before; }, others);
    return acknowledgements == before + 1 && others.empty();
  }

  template <class Done>
  void receive_until(Done done, std::vector<Arrived>& all) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (!done() && std::chrono::steady_clock::now() < until) {
      const std::size_t count = server.receive(pool, batch);
      for (const GreDatagram& one : std::span(batch).first(count)) {
        const Arrived read_one = read(one.packet.bytes());
        if (read_one.sequence) {
          all.push_back(read_one);
        } else {
          ++acknowledgements;
        }
      }
      (void)loop.run_for(1ms);
    }
  }

  static Arrived read(pptp::Bytes datagram) {
    const auto gre = pptp::parse_gre(datagram);
    REQUIRE(gre);
    Arrived one{gre->sequence, {}, {}};
    if (!gre->sequence) {
      CHECK(gre->acknowledgement);
      return one;
    }
    const auto frame = pptp::parse_frame(gre->payload);
    REQUIRE(frame);
    if (frame->protocol == pptp::protocol::kLcp) {
      one.echo = frame->information[1];
    } else {
      REQUIRE(frame->information.size() == 32);
      std::uint32_t number = 0;
      std::ranges::copy(frame->information.subspan(28), reinterpret_cast<std::uint8_t*>(&number));
      one.datagram = number;
    }
    return one;
  }

  Netns netns;
  EventLoop loop;
  PacketPool pool{256};
  Tun tun = Tun::open("pptp0").value();
  GreServerSocket server = GreServerSocket::open(kServer, {}).value();
  GreClientSocket socket = GreClientSocket::open({}).value();
  UniqueFd host{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  std::array<GreDatagram, GreSocket::kBatch> batch;
  std::vector<GreTrouble> troubles;
  int gone = 0;
  std::size_t acknowledgements = 0;
  std::unique_ptr<TransmitThread> thread;
};

}  // namespace

TEST_CASE("io/transmit_thread: what the host sends and control frames leave in one sequence") {
  Scene scene;
  scene.open();
  scene.thread->begin_reading();
  std::uint32_t next = 0;
  std::uint32_t sequence = 0;
  for (std::uint8_t round = 0; round < 50; ++round) {
    scene.send(next, 40);
    scene.put_echo(round);
    scene.thread->put(
        TxSetting(TxReceived{engine_now(), SeqNo(static_cast<std::uint32_t>(round) * 3)}));
    bool echoed = false;
    for (const Arrived& one : scene.arrived(41)) {
      CHECK(one.sequence->value() == sequence++);
      if (one.echo) {
        CHECK(*one.echo == round);
        echoed = true;
      } else {
        CHECK(one.datagram == next++);
      }
    }
    CHECK(echoed);
  }
  scene.thread->stop();
  const TxReport report = scene.thread->report();
  CHECK(report.traffic.packets == next);
  CHECK(report.traffic.octets == 32 * next);
  CHECK(report.drops.total() == 0);
  CHECK(scene.troubles.empty());
}

TEST_CASE("io/transmit_thread: nothing is read before it is told to, and copies go first") {
  Scene scene;
  scene.open();
  scene.send(100, 3);
  std::vector<Packet> own;
  for (std::uint32_t number = 0; number < 3; ++number) {
    std::array<std::uint8_t, 32> octets{};
    octets[0] = 0x45;
    octets[3] = 32;
    std::memcpy(octets.data() + 28, &number, sizeof number);
    own.push_back(scene.pool.acquire());
    REQUIRE(own.back().assign(octets));
  }
  scene.thread->send(own);
  const auto first = scene.arrived(3);
  for (std::uint32_t i = 0; i < 3; ++i)
    CHECK(first.at(i).datagram == i);
  scene.thread->begin_reading();
  scene.thread->begin_reading();
  const auto rest = scene.arrived(3);
  for (std::uint32_t i = 0; i < 3; ++i)
    CHECK(rest.at(i).datagram == 100 + i);
}

TEST_CASE("io/transmit_thread: when end_reading() returns, the interface is another's to read") {
  std::size_t admitted = 0;
  Scene scene({.admit =
                   [&](std::span<Packet> packets) {
                     admitted += packets.size();
                     return packets.size();
                   },
               .trouble = {},
               .device_gone = {}});
  scene.open();
  std::uint32_t next = 0;
  for (int round = 0; round < 20; ++round) {
    scene.thread->begin_reading();
    scene.send(next, 10);
    next += 10;
    scene.thread->end_reading();
    const std::size_t before = admitted;  // the other thread has let go of it
    scene.send(next, 10);
    next += 10;
    (void)scene.loop.run_for(2ms);
    CHECK(admitted == before);
    std::array<Packet, 64> packets;
    CHECK(scene.tun.read(scene.pool, packets) == next - admitted);
    next = static_cast<std::uint32_t>(admitted);
  }
  scene.thread->end_reading();
}

TEST_CASE("io/transmit_thread: what comes in is acknowledged in time when nothing is sent") {
  Scene scene;
  scene.open();
  const auto begin = std::chrono::steady_clock::now();
  scene.thread->put(TxSetting(TxReceived{engine_now(), SeqNo(5)}));
  CHECK(scene.acknowledged());
  CHECK(std::chrono::steady_clock::now() - begin >= pptp::GreSender::kAckDelay);
  // Later ones put nothing off, on a host that lets us.
  bool in_time = false;
  for (std::uint32_t highest = 6; highest < 30 && !in_time; highest += 4) {
    const auto first = std::chrono::steady_clock::now();
    for (std::uint32_t i = 0; i < 4; ++i) {
      scene.thread->put(TxSetting(TxReceived{engine_now(), SeqNo(highest + i)}));
      (void)scene.loop.run_for(20ms);
    }
    CHECK(scene.acknowledged());
    const auto took = std::chrono::steady_clock::now() - first;
    CHECK(took >= pptp::GreSender::kAckDelay);
    in_time = took < pptp::GreSender::kAckDelay * 5 / 4;
  }
  CHECK(in_time);
  // Half a window at once, on a host that lets us.
  bool at_once = false;
  for (std::uint32_t highest = 60; highest < 600 && !at_once; highest += 60) {
    const auto now = std::chrono::steady_clock::now();
    scene.thread->put(TxSetting(TxReceived{engine_now(), SeqNo(highest)}));
    CHECK(scene.acknowledged());
    at_once = std::chrono::steady_clock::now() - now < pptp::GreSender::kAckDelay;
  }
  CHECK(at_once);
}

TEST_CASE("io/transmit_thread: what was put before stop() is done, and what comes after is not") {
  Scene scene;
  scene.open();
  for (std::uint8_t id = 0; id < 100; ++id)
    scene.put_echo(id);
  scene.thread->stop();
  scene.put_echo(200);
  scene.thread->stop();
  const auto all = scene.arrived(100);
  for (std::uint8_t id = 0; id < 100; ++id)
    CHECK(all.at(id).echo == id);
}

TEST_CASE("io/transmit_thread: frames are dropped, and counted, when too many wait") {
  std::binary_semaphore goes_on{0};
  Scene scene({.admit =
                   [&](std::span<Packet> packets) {
                     goes_on.acquire();
                     return packets.size();
                   },
               .trouble = {},
               .device_gone = {}});
  scene.open();
  scene.thread->begin_reading();
  scene.send(0, 1);
  (void)scene.loop.run_for(200ms);  // until the thread stands still
  for (unsigned id = 0; id < TransmitThread::kMostFrames + 7; ++id)
    scene.put_echo(static_cast<std::uint8_t>(id));
  CHECK(scene.thread->report().drops[Drop::no_slot] == 7);
  goes_on.release();
  const auto all = scene.arrived(1 + TransmitThread::kMostFrames);
  CHECK(all.front().datagram == 0U);
  CHECK(all.back().echo == TransmitThread::kMostFrames - 1);
}

TEST_CASE("io/transmit_thread: its owner is told of trouble, and that the interface has gone") {
  Scene scene;
  scene.open();
  scene.thread->begin_reading();
  run("ip link set lo mtu 128");
  for (std::uint8_t id = 0; id < 40; ++id)
    scene.put_echo(id, 200);
  (void)scene.loop.run_for(200ms);
  REQUIRE_FALSE(scene.troubles.empty());
  CHECK(scene.troubles.size() <= 40);
  CHECK(scene.troubles[0].kind == GreTrouble::Kind::too_big);
  CHECK(scene.troubles[0].mtu == 128);
  CHECK(scene.thread->report().drops[Drop::outer_unsent] > 0);
  CHECK(scene.gone == 0);
  run("ip link delete pptp0");
  (void)scene.loop.run_for(200ms);
  CHECK(scene.gone == 1);
}

TEST_CASE("io/transmit_thread: what is thrown on it leaves the owner's loop") {
  Scene scene({.admit = [](std::span<Packet>) -> std::size_t { throw std::runtime_error("no"); },
               .trouble = {},
               .device_gone = {}});
  scene.open();
  scene.thread->begin_reading();
  scene.send(0, 1);
  CHECK_THROWS_AS((void)scene.loop.run_for(kPatience), std::runtime_error);
}

TEST_CASE("io/transmit_thread: an owner that is busy with it while it goes") {
  for (int round = 0; round < 50; ++round) {
    Scene scene;
    scene.open();
    scene.thread->begin_reading();
    scene.send(0, 20);
    run("ip link set lo mtu 128");
    scene.put_echo(1, 200);
    scene.thread.reset();
    (void)scene.loop.run_for(1ms);
    CHECK(scene.troubles.empty());
  }
}
