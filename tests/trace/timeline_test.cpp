#include "trace/timeline.h"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "tests/auth/octets.h"
#include "trace/packet_names.h"

namespace pptp {
namespace {

using std::chrono::milliseconds;
using test::octets;

constexpr TimePoint kBegin{std::chrono::seconds(1000)};

TimePoint at(int ms) {
  return kBegin + milliseconds(ms);
}

std::string named(PppProtocol protocol, std::string_view digits) {
  return packet_name(protocol, octets(digits));
}

TEST_CASE("trace/packets have the names that the RFCs give them") {
  CHECK(named(protocol::kLcp, "01 01 0004") == "LCP Configure-Request");
  CHECK(named(protocol::kLcp, "08 05 0008 80fd 0101") == "LCP Protocol-Reject of CCP");
  CHECK(named(protocol::kLcp, "08 05 0008 8281 0101") == "LCP Protocol-Reject of 0x8281");
  CHECK(named(protocol::kLcp, "63 05 0004") == "LCP code 99");
  CHECK(named(protocol::kCcp, "0e 07 0004") == "CCP Reset-Request");
  CHECK(named(protocol::kChap, "04 07 0004") == "CHAP Failure");
  CHECK(named(protocol::kPap, "03 07 0004") == "PAP Authenticate-Nak");
  CHECK(named(protocol::kEap, "01 07 0005 01") == "EAP Request, Identity");
  CHECK(named(protocol::kEap, "02 07 0006 1a02") == "EAP Response, MSCHAPv2 Response");
  CHECK(named(protocol::kEap, "02 07 0006 0d02") == "EAP Response, type 13");
  CHECK(named(protocol::kEap, "03 07 0004") == "EAP Success");
  CHECK(named(protocol::kIpcp, "01") == "IPCP, malformed");
  CHECK(named(PppProtocol(0x8207), "01 01 0004") == "protocol 0x8207");
}

TEST_CASE("trace/timeline: what was said stands in order, with its time, way, layer and words") {
  Timeline timeline(kBegin);
  CHECK(timeline.exchanges().empty());
  CHECK_FALSE(timeline.ends());
  timeline.connected(at(5), {.ours = Ipv4Address(192, 0, 2, 2),
                             .peer = Ipv4Address(192, 0, 2, 1),
                             .our_port = 40'000,
                             .peer_port = 1723});
  timeline.control(at(6), Way::sent, EchoRequest{.identifier = 7});
  timeline.frame(at(7), Way::received, protocol::kLcp, octets("06 03 0004"));
  timeline.frame(at(8), Way::received, protocol::kLcp, octets("08 05 0008 80fd 0101"));
  timeline.gre(at(9), Way::sent, octets("2081 880b 0000 0001 00000005"));
  timeline.gre(at(9), Way::sent, octets("3001 880b 0004 0001 00000005 00000000"));
  timeline.ip(at(10), Way::received, octets("60"));
  REQUIRE(timeline.ends());
  CHECK(timeline.ends()->peer_port == 1723);
  const std::vector<Exchange> all = timeline.exchanges();
  REQUIRE(all.size() == 6);
  CHECK(all[0] == Exchange{Way::sent, Layer::tcp, "TCP connection",
                           "[TCP 192.0.2.2:40000 -> 192.0.2.1:1723]", milliseconds(5),
                           milliseconds(5)});
  CHECK(all[1] == Exchange{Way::sent, Layer::control, "Echo-Request", "[PPTP Echo-Request id=7]",
                           milliseconds(6), milliseconds(6)});
  CHECK(all[2] == Exchange{Way::received, Layer::lcp, "LCP Terminate-Ack", "[LCP TermAck id=0x3]",
                           milliseconds(7), milliseconds(7)});
  // It is about what it rejects.
  CHECK(all[3].layer == Layer::ccp);
  // What carries something is shown as that, which frame() and ip() are told.
  CHECK(all[4].label == "GRE acknowledgement");
  CHECK(all[5].label == "IPv6 packet");
}

TEST_CASE("trace/timeline: what comes again is counted, acknowledgements and data between or not") {
  Timeline timeline(kBegin);
  const auto request = octets("01 01 0004");
  const auto acknowledgement = octets("2081 880b 0000 0001 00000005");
  for (int i = 0; i < 5; ++i) {
    timeline.frame(at(1000 * i), Way::sent, protocol::kLcp, request);
    timeline.gre(at(1000 * i + 1), Way::received, acknowledgement);
    timeline.ip(at(1000 * i + 2), Way::received, octets("45"));
  }
  std::vector<Exchange> all = timeline.exchanges();
  REQUIRE(all.size() == 3);
  CHECK(all[0].count == 5);
  CHECK(all[0].first == milliseconds(0));
  CHECK(all[0].last == milliseconds(4000));
  CHECK(all[1].count == 5);
  CHECK(all[2].count == 5);
  // Another identifier, the other way, and after something else it is another one.
  timeline.frame(at(6000), Way::sent, protocol::kLcp, octets("01 02 0004"));
  timeline.frame(at(6000), Way::received, protocol::kLcp, octets("01 02 0004"));
  timeline.frame(at(6000), Way::sent, protocol::kLcp, request);
  all = timeline.exchanges();
  REQUIRE(all.size() == 6);
  CHECK(all[0].count == 5);
  CHECK(all[5].count == 1);
}

TEST_CASE("trace/timeline: a long call keeps its beginning and its end, and counts the rest") {
  Timeline timeline(kBegin);
  constexpr int kTogether = Timeline::kFirst + Timeline::kLatest;
  constexpr int kMore = 1000;
  for (int i = 0; i < kTogether + kMore; ++i) {
    timeline.control(at(i), Way::received,
                     EchoRequest{.identifier = static_cast<std::uint32_t>(i)});
  }
  const std::vector<Exchange> all = timeline.exchanges();
  REQUIRE(all.size() == kTogether);
  CHECK(timeline.left_out() == kMore);
  CHECK(all.front().first == milliseconds(0));
  CHECK(all[Timeline::kFirst - 1].first == milliseconds(Timeline::kFirst - 1));
  CHECK(all[Timeline::kFirst].first == milliseconds(Timeline::kFirst + kMore));
  CHECK(all.back().first == milliseconds(kTogether + kMore - 1));
}

TEST_CASE("trace/timeline: words have an end, are ASCII, and hold no secret") {
  Timeline timeline(kBegin);
  std::vector<std::uint8_t> shouted(2000, 0xff);
  timeline.not_pptp(at(0), Way::received, shouted);
  // An MS-CHAPv2 Response, and PAP's password.
  timeline.frame(at(1), Way::sent, protocol::kChap, octets("02 01 000c 04 deadbeef 626f62"));
  timeline.frame(at(2), Way::sent, protocol::kPap, octets("01 01 000d 03 626f62 04 70617373"));
  const std::vector<Exchange> all = timeline.exchanges();
  REQUIRE(all.size() == 3);
  CHECK(all[0].label == "not a PPTP message");
  CHECK(all[0].words.size() <= Timeline::kLongestWords + 4);
  CHECK(all[0].words.ends_with(" ..."));
  CHECK(all[0].words.find('\xff') == std::string::npos);
  CHECK(all[1].words == "[CHAP Response id=0x1 <hidden>, name = \"bob\"]");
  CHECK(all[2].words == "[PAP AuthReq id=0x1 user=\"bob\" password=<hidden>]");
}

}  // namespace
}  // namespace pptp
