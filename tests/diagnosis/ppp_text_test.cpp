#include "diagnosis/ppp_text.h"

#include <string>

#include <doctest/doctest.h>

#include "diagnosis/terminate_reason.h"

using namespace pptp::diagnosis;

namespace {

PrintedPacket parse(std::string_view message) {
  INFO(std::string(message));
  const auto packet = parse_packet(message);
  REQUIRE(packet);
  return *packet;
}

}  // namespace

TEST_CASE("ppp_text: options, names and texts of pppd's packets") {
  PrintedPacket packet = parse(
      "sent [LCP ConfReq id=0x1f <asyncmap 0x0> <auth chap MS-v2> <endpoint [MAC:00:01]> <pcomp>]");
  CHECK(packet.direction == Direction::sent);
  CHECK(packet.protocol == PacketProtocol::lcp);
  CHECK(packet.code == PacketCode::configure_request);
  CHECK(packet.id == 0x1fU);
  REQUIRE(packet.options.size() == 4);
  CHECK(packet.option("auth")->value == "chap MS-v2");
  CHECK(packet.option("pcomp")->value.empty());
  CHECK(packet.option("mru") == nullptr);

  packet = parse(R"(rcvd [CHAP Response id=0x1 <ab01>, name = "DOMAIN\\alice"])");
  CHECK(packet.direction == Direction::received);
  CHECK(packet.protocol == PacketProtocol::chap);
  CHECK(packet.code == PacketCode::response);
  CHECK(packet.name == R"(DOMAIN\alice)");

  packet = parse(R"(sent [PAP AuthReq id=0x1 user="alice" password="a\"b"])");
  CHECK(packet.code == PacketCode::authenticate_request);
  CHECK(packet.name == "alice");

  packet = parse(R"(rcvd [LCP TermReq id=0x2 "User \"request\"\n"])");
  CHECK(packet.text == "User \"request\"\n");
}

TEST_CASE("ppp_text: accel-ppp writes other words and ids without 0x") {
  PrintedPacket packet = parse(R"(send [MSCHAP-v2 Failure id=1a "E=691 R=0 V=3 M=no"])");
  CHECK(packet.direction == Direction::sent);
  CHECK(packet.protocol == PacketProtocol::chap);
  CHECK(packet.code == PacketCode::failure);
  CHECK(packet.id == 0x1aU);
  CHECK(packet.text == "E=691 R=0 V=3 M=no");
  packet = parse(R"(recv [MSCHAP-v2 Response id=1 <23aa>, <94ff>, F=0, name="alice"])");
  CHECK(packet.name == "alice");
  CHECK(parse("recv [PPTP Outgoing-Call-Request <Call-ID b3c>]").protocol == PacketProtocol::pptp);
}

TEST_CASE("ppp_text: protocols without a name, and what lies behind them") {
  PrintedPacket packet = parse("rcvd [proto=0x7eff] 7d 23 c0 21 ...");
  CHECK(packet.protocol == PacketProtocol::number);
  CHECK(packet.number == 0x7eff);
  CHECK(packet.data == std::vector<std::uint8_t>{0x7d, 0x23, 0xc0, 0x21});
  packet = parse("rcvd [LCP ProtRej id=0x70 59 ae 22 ...]");
  CHECK(packet.code == PacketCode::protocol_reject);
  CHECK(packet.data == std::vector<std::uint8_t>{0x59, 0xae, 0x22});
  CHECK(parse("rcvd [Compressed data] 10 32").protocol == PacketProtocol::compressed_data);
}

TEST_CASE("ppp_text: a line that is cut anywhere gives what is there") {
  const std::string whole = R"(rcvd [CHAP Challenge id=0xf4 <13b0a50a>, name = "a\"b\\c\001"])";
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const auto packet = parse_packet(std::string_view(whole).substr(0, size));
    if (size > 6 && packet) CHECK(packet->direction == Direction::received);
  }
  CHECK_FALSE(parse_packet("Using interface ppp0"));
  CHECK_FALSE(parse_packet("present [LCP"));
  CHECK_FALSE(parse_packet("sent ["));
}

TEST_CASE("ppp_text: MPPE's bits in letters and as octets") {
  CHECK(parse_mppe_bits("+H -M +S -L -D +C") == 0x0100'0041U);
  CHECK(parse_mppe_bits("1 0 0 e1") == 0x0100'00e1U);
  CHECK(parse_mppe_bits("0 0 0 0") == 0U);
  CHECK(parse_mppe_bits("+H -M +S +U (01 00 00 44)") == 0x0100'0040U);
  CHECK_FALSE(parse_mppe_bits("1 0 0"));
  CHECK_FALSE(parse_mppe_bits(""));
  CHECK_FALSE(parse_mppe_bits("none"));
}

TEST_CASE("terminate_reason: Windows' numbers, however they are printed") {
  const auto error = [](std::string_view line) {
    return terminate_reason(line, parse_packet(line)).windows_error;
  };
  CHECK(error("rcvd [LCP TermReq id=0x3 0e a3 45 cf 00 3c cd 74 00 00 02 89]") == 649U);
  CHECK(error("rcvd [CCP TermReq id=0x3 00 00 02 dc]") == 732U);
  CHECK(error(R"(rcvd [LCP TermReq id=0x6 "#\376U\221\000<\315t\000\000\002\346"])") == 742U);
  CHECK(
      error(
          R"(rcvd [LCP TermReq id=0x6 "#\37777777776U\37777777621\000<\37777777715t\000\000\002\37777777746"])") ==
      742U);
  CHECK(error("LCP terminated by peer (#M-~UM-^Q^@<M-Mt^@^@^BM-f)") == 742U);
  CHECK(error("LCP terminated by peer (2znd^@<M-Mt^@^@^@^@)") == 0U);
  CHECK_FALSE(error(R"(rcvd [LCP TermReq id=0x2 "User request"])"));
  CHECK_FALSE(error(R"(rcvd [LCP TermReq id=0x2 "abcd"])"));
  CHECK_FALSE(error("LCP terminated by peer"));
  CHECK(terminate_reason("LCP terminated by peer (User (x) request)", std::nullopt).text ==
        "User (x) request");
}
