#include "tunnel/mss_clamp.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "lib/ip_packet.h"

namespace pptp {
namespace {

using Octets = std::vector<std::uint8_t>;

constexpr std::uint8_t kSyn = 0x02;
constexpr std::uint8_t kSynAck = 0x12;
constexpr std::uint8_t kAck = 0x10;

Octets from_digits(std::string_view digits) {
  const std::string octets = from_hex(digits).value();
  return {as_bytes(octets).begin(), as_bytes(octets).end()};
}

/// A TCP segment with these options, its checksum made over `pseudo_header` too.
Octets segment(std::uint8_t flags, std::string_view options, Octets pseudo_header,
               std::size_t payload = 0) {
  const Octets option_octets = from_digits(options);
  REQUIRE(option_octets.size() % 4 == 0);
  Octets tcp = from_digits("c00001bb 01020304 00000000 5000ffff 00000000");
  tcp[12] = static_cast<std::uint8_t>((5 + option_octets.size() / 4) << 4);
  tcp[13] = flags;
  tcp.insert(tcp.end(), option_octets.begin(), option_octets.end());
  tcp.insert(tcp.end(), payload, 0x5a);
  pseudo_header.push_back(static_cast<std::uint8_t>(tcp.size() >> 8));
  pseudo_header.push_back(static_cast<std::uint8_t>(tcp.size() & 0xff));
  pseudo_header.insert(pseudo_header.end(), tcp.begin(), tcp.end());
  const std::uint16_t checksum = internet_checksum(pseudo_header);
  tcp[16] = static_cast<std::uint8_t>(checksum >> 8);
  tcp[17] = static_cast<std::uint8_t>(checksum & 0xff);
  return tcp;
}

// RFC 9293 3.1, RFC 8200 8.1: what the checksum covers beside the segment, but for the length.
Octets pseudo4() {
  return from_digits("0a000001 0a000002 0006");
}

Octets pseudo6() {
  return from_digits("20010db8000000000000000000000001 20010db8000000000000000000000002 0006");
}

Octets in_ipv4(const Octets& tcp, std::string_view ip_options = "") {
  const Octets options = from_digits(ip_options);
  Octets packet = from_digits("45000000 12344000 40060000 0a000001 0a000002");
  packet.insert(packet.end(), options.begin(), options.end());
  packet[0] = static_cast<std::uint8_t>(0x40 | packet.size() / 4);
  packet.insert(packet.end(), tcp.begin(), tcp.end());
  packet[2] = static_cast<std::uint8_t>(packet.size() >> 8);
  packet[3] = static_cast<std::uint8_t>(packet.size() & 0xff);
  return packet;
}

/// `next`: of the fixed header; `extensions`: what stands before the segment.
Octets in_ipv6(const Octets& tcp, std::uint8_t next = 6, std::string_view extensions = "") {
  const Octets before = from_digits(extensions);
  Octets packet = from_digits(
      "60000000 00000640 20010db8000000000000000000000001 20010db8000000000000000000000002");
  const std::size_t length = before.size() + tcp.size();
  packet[4] = static_cast<std::uint8_t>(length >> 8);
  packet[5] = static_cast<std::uint8_t>(length & 0xff);
  packet[6] = next;
  packet.insert(packet.end(), before.begin(), before.end());
  packet.insert(packet.end(), tcp.begin(), tcp.end());
  return packet;
}

/// The segment's checksum is right: the last `tcp_size` octets with their pseudo header.
bool checksum_holds(const Octets& packet, Octets pseudo_header, std::size_t tcp_size) {
  pseudo_header.push_back(static_cast<std::uint8_t>(tcp_size >> 8));
  pseudo_header.push_back(static_cast<std::uint8_t>(tcp_size & 0xff));
  pseudo_header.insert(pseudo_header.end(), packet.end() - static_cast<std::ptrdiff_t>(tcp_size),
                       packet.end());
  return internet_checksum(pseudo_header) == 0;
}

void check_untouched(Octets packet, std::size_t mtu = 1400) {
  const Octets before = packet;
  CHECK_FALSE(clamp_mss(packet, mtu));
  CHECK(packet == before);
}

TEST_CASE("mss/IPv4: a SYN's segment size is what the MTU leaves, and the checksum is right") {
  for (const std::uint8_t flags : {kSyn, kSynAck}) {
    const Octets tcp = segment(flags, "020405b4 0101080a 00000001 00000000", pseudo4());
    Octets packet = in_ipv4(tcp);
    REQUIRE(checksum_holds(packet, pseudo4(), tcp.size()));
    CHECK(clamp_mss(packet, 1396));
    CHECK(u16_at(packet, 20 + 20 + 2) == 1396 - 40);
    CHECK(checksum_holds(packet, pseudo4(), tcp.size()));
    CHECK_FALSE(clamp_mss(packet, 1396));
  }
}

TEST_CASE("mss/IPv6: twenty octets less") {
  const Octets tcp = segment(kSyn, "020405a0 04020101", pseudo6());
  Octets packet = in_ipv6(tcp);
  REQUIRE(checksum_holds(packet, pseudo6(), tcp.size()));
  CHECK(clamp_mss(packet, 1396));
  CHECK(u16_at(packet, 40 + 20 + 2) == 1396 - 60);
  CHECK(checksum_holds(packet, pseudo6(), tcp.size()));
}

TEST_CASE("mss/the option may begin anywhere: odd offsets, behind others, with IP options") {
  for (const std::string_view options :
       {"01020405 b4010101", "01010204 05b40101", "01010102 0405b400", "03030701 020405b4",
        "03030702 0405b400", "fd020204 05b40000"}) {
    CAPTURE(std::string(options));
    for (const unsigned mtu : {68U, 576U, 1280U, 1396U, 1499U}) {
      const Octets tcp = segment(kSyn, options, pseudo4(), 3);
      Octets packet = in_ipv4(tcp, "94040000 01010101");
      CHECK(clamp_mss(packet, mtu));
      CHECK(checksum_holds(packet, pseudo4(), tcp.size()));
      const std::string after = hex(packet);
      const std::string wanted = "0204" + hex(Octets{static_cast<std::uint8_t>((mtu - 40) >> 8),
                                                     static_cast<std::uint8_t>((mtu - 40) & 0xff)});
      CHECK(after.find(wanted) != std::string::npos);
    }
  }
}

TEST_CASE("mss/IPv6 extension headers are stepped over, as long as they are whole") {
  const Octets tcp = segment(kSyn, "020405b4", pseudo6());
  const auto clamped = [](Octets packet) { return clamp_mss(packet, 1300); };
  CHECK(clamped(in_ipv6(tcp, 0, "0600010400000000")));
  CHECK(clamped(in_ipv6(tcp, 0,
                        "2b00010400000000 3c01010400000000 0000000000000000"
                        "0600010400000000")));
  check_untouched(in_ipv6(tcp, 0, "06ff010400000000"));   // longer than the packet
  check_untouched(in_ipv6(tcp, 44, "0600000100000001"));  // a fragment
  check_untouched(in_ipv6(tcp, 50, "0000000100000001"));  // ESP
  check_untouched(in_ipv6(tcp, 59));                      // no next header
  check_untouched(in_ipv6({}, 0, "000001040000"));        // cut
}

TEST_CASE("mss/it is never raised") {
  check_untouched(in_ipv4(segment(kSyn, "02040218", pseudo4())));
  check_untouched(in_ipv4(segment(kSyn, "02040550", pseudo4())), 1400);  // 1360: just right
  check_untouched(in_ipv4(segment(kSyn, "02040000", pseudo4())));
}

TEST_CASE("mss/no option, none is added") {
  check_untouched(in_ipv4(segment(kSyn, "", pseudo4())));
  check_untouched(in_ipv4(segment(kSyn, "01010402", pseudo4())));
  check_untouched(in_ipv4(segment(kSyn, "00000000 020405b4", pseudo4())));  // behind the end
}

TEST_CASE("mss/only in a SYN, only in TCP, never in a fragment") {
  check_untouched(in_ipv4(segment(kAck, "020405b4", pseudo4())));
  Octets packet = in_ipv4(segment(kSyn, "020405b4", pseudo4()));
  SUBCASE("UDP") {
    packet[9] = 17;
  }
  SUBCASE("first fragment") {
    packet[6] = 0x20;
  }
  SUBCASE("later fragment") {
    packet[7] = 0x01;
  }
  SUBCASE("neither IPv4 nor IPv6") {
    packet[0] = 0x55;
  }
  SUBCASE("header length beyond the packet") {
    packet[0] = 0x4f, packet.resize(44);
  }
  SUBCASE("total length beyond the packet") {
    packet[3] = 0xff;
  }
  check_untouched(packet);
}

TEST_CASE("mss/malformed options end the search") {
  for (const std::string_view options :
       {"02030500", "020505b4", "0200ffff", "08000000 020405b4", "0801ffff 020405b4",
        "08ff0000 020405b4", "01010102", "01010204"}) {
    CAPTURE(std::string(options));
    check_untouched(in_ipv4(segment(kSyn, options, pseudo4())));
  }
  Octets packet = in_ipv4(segment(kSyn, "020405b4", pseudo4()));
  SUBCASE("data offset short") {
    packet[32] = 0x40;
  }
  SUBCASE("data offset beyond the segment") {
    packet[32] = 0x70;
  }
  check_untouched(packet);
}

TEST_CASE("mss/an MTU that leaves no room for data changes nothing") {
  check_untouched(in_ipv4(segment(kSyn, "020405b4", pseudo4())), 40);
  check_untouched(in_ipv6(segment(kSyn, "020405b4", pseudo6())), 60);
}

TEST_CASE("mss/every truncation is safe") {
  for (const Octets& whole :
       {in_ipv4(segment(kSyn, "01020405 b4010101", pseudo4())),
        in_ipv6(segment(kSyn, "01020405 b4010101", pseudo6()), 0, "0600010400000000")}) {
    for (std::size_t size = 0; size < whole.size(); ++size)
      check_untouched(Octets(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
  }
}

}  // namespace
}  // namespace pptp
