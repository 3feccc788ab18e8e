#include "trace/packet_words.h"

#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "tests/auth/octets.h"
#include "trace/control_words.h"

namespace pptp {
namespace {

using test::octets;

std::string words(PppProtocol protocol, std::string_view hex_digits,
                  Secrets secrets = Secrets::hidden) {
  return packet_words(protocol, octets(hex_digits), secrets);
}

TEST_CASE("trace/words of LCP are pppd's") {
  using protocol::kLcp;
  CHECK(
      words(kLcp,
            "01 01 002d 0104 0578 0206 00000000 0305 c223 81 0506 8aa638ec 0702 0802 "
            "0d03 06 1104 05dc 1204 135a 1305 03 0a0b 0306 c227") ==
      "[LCP ConfReq id=0x1 <mru 1400> <asyncmap 0x0> <auth chap MS-v2> <magic 0x8aa638ec> <pcomp> "
      "<accomp> <callback CBCP> <mrru 1500> <12 04 13 5a> <endpoint [MAC:0a0b]>]");
  CHECK(words(kLcp, "04 02 000d 0305 c223 05 0304 c023") ==
        "[LCP ConfRej id=0x2 <auth chap MD5> <auth pap>]");
  CHECK(words(kLcp, "03 02 000d 0305 c223 80 0304 c227") ==
        "[LCP ConfNak id=0x2 <auth chap MS> <auth eap>]");
  CHECK(words(kLcp, "05 03 0010 5573657220726571756573 74") ==
        "[LCP TermReq id=0x3 \"User request\"]");
  CHECK(words(kLcp, "05 04 0010 1b2c3d4e 003ccd74 000002ce") ==
        "[LCP TermReq id=0x4 1b 2c 3d 4e 00 3c cd 74 00 00 02 ce]");
  CHECK(words(kLcp, "06 03 0004") == "[LCP TermAck id=0x3]");
  CHECK(words(kLcp, "09 00 0008 f43d7073") == "[LCP EchoReq id=0x0 magic=0xf43d7073]");
  CHECK(words(kLcp, "0a 00 000a f43d7073 abcd") == "[LCP EchoRep id=0x0 magic=0xf43d7073 ab cd]");
  CHECK(words(kLcp, "08 05 0008 8281 0101") == "[LCP ProtRej id=0x5 82 81 01 01]");
  CHECK(words(kLcp, "63 05 0005 ff") == "[LCP code=0x63 id=0x5 ff]");
}

TEST_CASE("trace/words of CCP, IPCP and IPV6CP are pppd's") {
  CHECK(words(protocol::kCcp, "01 01 000a 1206 01000040") ==
        "[CCP ConfReq id=0x1 <mppe +H -M +S -L -D -C>]");
  CHECK(words(protocol::kCcp, "01 01 000a 1206 010000e3") ==
        "[CCP ConfReq id=0x1 <mppe +H +M +S +L -D +C +U (01 00 00 e3)>]");
  CHECK(words(protocol::kCcp, "04 01 000b 1a04 7800 1503 2f") ==
        "[CCP ConfRej id=0x1 <deflate 15> <bsd v1 15>]");
  CHECK(words(protocol::kCcp, "0e 07 0004") == "[CCP ResetReq id=0x7]");
  CHECK(words(protocol::kIpcp,
              "01 01 0022 0206 002d 0f01 0306 c0a84d01 8106 0a000001 8306 0a000002 "
              "8206 0a000003") ==
        "[IPCP ConfReq id=0x1 <compress VJ 0f 01> <addr 192.168.77.1> <ms-dns1 10.0.0.1> "
        "<ms-dns2 10.0.0.2> <ms-wins 10.0.0.3>]");
  CHECK(words(protocol::kIpv6cp, "01 01 000e 010a 0011223344556677") ==
        "[IPV6CP ConfReq id=0x1 <addr fe80::0011:2233:4455:6677>]");
}

TEST_CASE("trace/words of what authenticates: secrets are hidden unless they are to be shown") {
  const std::string response = "02 07 000e 04 deadbeef 616c696365";
  CHECK(words(protocol::kChap, response) == "[CHAP Response id=0x7 <hidden>, name = \"alice\"]");
  CHECK(words(protocol::kChap, response, Secrets::shown) ==
        "[CHAP Response id=0x7 <deadbeef>, name = \"alice\"]");
  CHECK(words(protocol::kChap, "01 07 000a 04 01020304 61") ==
        "[CHAP Challenge id=0x7 <01020304>, name = \"a\"]");
  // "S=" and 40 digits, "M=ok"
  const std::string success = "03 07 0033 533d" + std::string(80, '3') + "204d3d6f6b";
  CHECK(words(protocol::kChap, success) == "[CHAP Success id=0x7 \"S=<hidden> M=ok\"]");
  CHECK(words(protocol::kChap, success, Secrets::shown) ==
        "[CHAP Success id=0x7 \"S=" + std::string(40, '3') + " M=ok\"]");
  CHECK(words(protocol::kChap, "04 07 000d 453d363931 20523d31") ==
        "[CHAP Failure id=0x7 \"E=691 R=1\"]");
  CHECK(words(protocol::kChap, "07 08 0008 deadbeef") == "[CHAP code=0x7 id=0x8 <hidden>]");
  const std::string login = "01 01 000d 03 626f62 04 70617373";
  CHECK(words(protocol::kPap, login) == "[PAP AuthReq id=0x1 user=\"bob\" password=<hidden>]");
  CHECK(words(protocol::kPap, login, Secrets::shown) ==
        "[PAP AuthReq id=0x1 user=\"bob\" password=\"pass\"]");
  CHECK(words(protocol::kPap, "03 01 0009 04 6e6f2121") == "[PAP AuthNak id=0x1 \"no!!\"]");
  CHECK(words(protocol::kEap, "02 01 000a 01 616c696365") ==
        "[EAP Response id=0x1 Identity <Name \"alice\">]");
  CHECK(words(protocol::kEap, "01 02 000e 1a 01 02 0009 02 abcd 7365") ==
        "[EAP Request id=0x2 MSCHAPv2 Challenge <abcd>, <Name \"se\">]");
  CHECK(words(protocol::kEap, "02 02 000e 1a 02 02 0009 02 abcd 7365") ==
        "[EAP Response id=0x2 MSCHAPv2 Response <hidden>, <Name \"se\">]");
  CHECK(words(protocol::kEap, "02 03 0006 1a 03") == "[EAP Response id=0x3 MSCHAPv2 Success]");
  CHECK(words(protocol::kEap, "03 03 0004") == "[EAP Success id=0x3]");
}

TEST_CASE(
    "trace/what is malformed or unknown is shown as octets, and never as a control character") {
  CHECK(words(protocol::kLcp, "01 01") == "[LCP] 01 01");
  CHECK(words(protocol::kLcp, "01 01 00ff 00") == "[LCP] 01 01 00 ff 00");
  CHECK(words(protocol::kLcp, "01 01 0008 0109 0578") == "[LCP ConfReq id=0x1 01 09 05 78]");
  CHECK(words(protocol::kLcp, "01 01 0007 0103 05") == "[LCP ConfReq id=0x1 <01 03 05>]");
  CHECK(words(PppProtocol(0x8207), "01 02") == "[proto=0x8207] 01 02");
  CHECK(words(protocol::kLcp, "05 01 0008 411b5b22") == "[LCP TermReq id=0x1 \"A\\033[\\\"\"]");
  CHECK(
      words(protocol::kLcp, "08 01 0028" + std::string(72, '0')) ==
      "[LCP ProtRej id=0x1 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "
      "00 00 00 00 00 00 00 00 ...]");
  // A password whose length octet lies is no less a secret.
  CHECK(words(protocol::kPap, "01 01 0009 01 61 ff 7061") == "[PAP AuthReq id=0x1 <hidden>]");
  CHECK(words(protocol::kPap, "01 01 00ff 01 61 04 7061").find("70 61") == std::string::npos);
}

TEST_CASE("trace/words of control messages") {
  CHECK(control_words(OutgoingCallReply{
            .call_id = 7, .peer_call_id = 9, .result = 1, .packet_receive_window = 64}) ==
        "[PPTP Outgoing-Call-Reply call-id=7 peer-call-id=9 result=1 error=0 cause=0 window=64]");
  StartControlConnectionRequest request;
  request.host_name = FixedText<64>("evil\x1b[2J\n\"host\"");
  request.vendor_string = FixedText<64>("\xff\xfe");
  CHECK(control_words(request) ==
        "[PPTP Start-Control-Connection-Request version=1.0 host=\"evil\\033[2J\\n\\\"host\\\"\" "
        "vendor=\"\\377\\376\"]");
  CHECK(control_words(EchoRequest{.identifier = 3}) == "[PPTP Echo-Request id=3]");
}

}  // namespace
}  // namespace pptp
