#include "trace/capture.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "lib/ip_packet.h"
#include "tests/auth/octets.h"

namespace pptp {
namespace {

using test::octets;
using Octets = std::vector<std::uint8_t>;

constexpr CallEnds kEnds{.ours = Ipv4Address(192, 0, 2, 2),
                         .peer = Ipv4Address(192, 0, 2, 1),
                         .our_port = 40'000,
                         .peer_port = 1723};
constexpr CaptureTime kWhen{std::chrono::seconds(1'700'000'000)};

struct Packet {
  std::uint32_t interface;
  std::uint64_t time;
  std::uint8_t direction;
  Octets octets;
};

/// The packets of a pcapng file that is as this project writes them.
std::vector<Packet> packets_of(Bytes file) {
  std::vector<Packet> found;
  Reader in(file);
  while (in.remaining() > 0) {
    const std::uint32_t type = in.u32();
    const std::uint32_t length = in.u32();
    REQUIRE(length % 4 == 0);
    REQUIRE(length >= 12);
    Reader block(in.take(length - 12));
    REQUIRE(in.u32() == length);
    REQUIRE(in.ok());
    if (type != 6) continue;
    Packet packet{};
    packet.interface = block.u32();
    packet.time = std::uint64_t{block.u32()} << 32;
    packet.time |= block.u32();
    const std::uint32_t captured = block.u32();
    REQUIRE(block.u32() == captured);
    const Bytes data = block.take(captured);
    packet.octets.assign(data.begin(), data.end());
    block.skip((4 - captured % 4) % 4);
    REQUIRE(block.u16() == 2);  // epb_flags
    REQUIRE(block.u16() == 4);
    packet.direction = static_cast<std::uint8_t>(block.u32());
    REQUIRE(block.ok());
    found.push_back(packet);
  }
  return found;
}

TEST_CASE("trace/capture: the control connection is TCP that can be put together again") {
  Capture capture("test", Secrets::hidden);
  Capture::Call call(capture, kEnds, true, kWhen);
  call.control(kWhen + std::chrono::nanoseconds(5), Way::sent, octets("aabbcc"));
  call.control(kWhen, Way::received, octets("0102"));
  call.close(kWhen);
  const std::vector<Packet> packets = packets_of(capture.take());
  REQUIRE(packets.size() == 8);
  std::uint32_t ours = 0;
  std::uint32_t theirs = 0;
  for (const Packet& packet : packets) {
    CHECK(packet.interface == 0);
    const bool sent = packet.direction == 2;
    Reader in(packet.octets);
    const Bytes ip = in.take(20);
    CHECK(internet_checksum(ip) == 0);
    CHECK(ip[9] == 6);
    CHECK(Reader(ip.subspan(12)).u32() == (sent ? kEnds.ours : kEnds.peer).value());
    const Bytes tcp = Bytes(packet.octets).subspan(20);
    // RFC 9293 3.1: the addresses, a zero, the protocol, the length.
    std::vector<std::uint8_t> summed(ip.begin() + 12, ip.end());
    summed.insert(summed.end(), {0, 6, 0, static_cast<std::uint8_t>(tcp.size())});
    summed.insert(summed.end(), tcp.begin(), tcp.end());
    CHECK(internet_checksum(summed) == 0);
    CHECK(in.u16() == (sent ? 40'000 : 1723));
    CHECK(in.u16() == (sent ? 1723 : 40'000));
    CHECK(in.u32() == (sent ? ours : theirs));
    const std::uint32_t acknowledged = in.u32();
    in.skip(1);
    const std::uint8_t flags = in.u8();
    if ((flags & 16) != 0) CHECK(acknowledged == (sent ? theirs : ours));
    (sent ? ours : theirs) +=
        static_cast<std::uint32_t>(tcp.size() - 20) + ((flags & 3) != 0 ? 1 : 0);
  }
  CHECK(packets[3].time == 1'700'000'000'000'000'005);
  CHECK(ours == 5);  // SYN, three octets, FIN
}

TEST_CASE("trace/capture: the wire, PPP, and what is inside") {
  Capture capture("test", Secrets::hidden);
  Capture::Call call(capture, kEnds, false, kWhen);
  (void)capture.take();
  const Octets gre = octets("3001 880b 0004 0007 00000001 c021");
  call.gre(kWhen, Way::received, gre);
  call.ip(kWhen, Way::sent, octets("4500 0014"));
  call.ip(kWhen, Way::sent, octets("6000"));
  call.frame(kWhen, Way::received, protocol::kLcp, octets("09000004"));
  const std::vector<Packet> packets = packets_of(capture.take());
  REQUIRE(packets.size() == 6);
  CHECK(packets[0].interface == 0);
  CHECK(packets[0].octets.size() == 20 + gre.size());
  CHECK(packets[0].octets[9] == 47);
  CHECK(std::equal(gre.begin(), gre.end(), packets[0].octets.begin() + 20));
  CHECK(packets[1].interface == 1);
  CHECK(packets[1].octets == octets("ff03 0021 4500 0014"));
  CHECK(packets[2].interface == 2);
  CHECK(packets[2].octets == octets("4500 0014"));
  CHECK(packets[3].octets == octets("ff03 0057 6000"));
  CHECK(packets[5].interface == 1);
  CHECK(packets[5].octets == octets("ff03 c021 09000004"));
  CHECK(packets[5].direction == 1);
}

TEST_CASE(
    "trace/capture: secrets are blanked wherever they would be seen, unless they are wanted") {
  // GRE, PPP, PAP: the password "pass".
  const Octets gre = octets("3001 880b 0011 0007 00000001 ff03c023 0101000d 03626f62 0470617373");
  const Octets pap(gre.begin() + 16, gre.end());
  for (const Secrets secrets : {Secrets::hidden, Secrets::shown}) {
    Capture capture("test", secrets);
    Capture::Call call(capture, kEnds, true, kWhen);
    call.gre(kWhen, Way::sent, gre);
    call.frame(kWhen, Way::sent, protocol::kPap, pap);
    const Octets file = capture.take();
    const std::string_view text = as_text(file);
    CHECK((text.find("pass") != std::string_view::npos) == (secrets == Secrets::shown));
    CHECK(text.find("bob") != std::string_view::npos);
  }
}

}  // namespace
}  // namespace pptp
