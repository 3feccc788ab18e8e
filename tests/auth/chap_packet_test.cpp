#include "auth/chap_packet.h"

#include <string>

#include <doctest/doctest.h>

#include "tests/auth/octets.h"

namespace pptp {
namespace {

using test::octets;

// An exchange between pppd 2.4.9 and itself.
const std::vector<std::uint8_t> kChallenge =
    octets("01c7001a10 0f3bd41cbace13a2c82b835cd95f0360 7070747064");
const std::vector<std::uint8_t> kResponse = octets(
    "02c7003b31 d9047f4095e8b67a8519e944473c47c9 0000000000000000"
    "e12860bfb70d3ab80267eeca339e54c417890b9000738701 00 616c696365");
const std::vector<std::uint8_t> kSuccess = octets(
    "03c7003f 533d34313337384243304235464443374242443832414139374530333230324132344233463645"
    "363434 204d3d416363657373206772616e746564");
const std::vector<std::uint8_t> kFailure = octets("04c2000d 453d36393120523d30");

TEST_CASE("rfc1994/4.1 challenge and response have an identifier, a value and a name") {
  const auto challenge = std::get<ChapChallenge>(parse_chap(kChallenge).value());
  CHECK(challenge.identifier == Identifier(0xc7));
  CHECK(hex(challenge.value) == "0f3bd41cbace13a2c82b835cd95f0360");
  CHECK(challenge.name == "pptpd");
  const auto response = std::get<ChapResponse>(parse_chap(kResponse).value());
  CHECK(response.identifier == Identifier(0xc7));
  CHECK(response.value.size() == 49);
  CHECK(response.name == "alice");
}

TEST_CASE("rfc1994/4.2 success and failure have an identifier and a message") {
  const auto success = std::get<ChapSuccess>(parse_chap(kSuccess).value());
  CHECK(success.identifier == Identifier(0xc7));
  CHECK(success.message == "S=41378BC0B5FDC7BBD82AA97E03202A24B3F6E644 M=Access granted");
  const auto failure = std::get<ChapFailure>(parse_chap(kFailure).value());
  CHECK(failure.identifier == Identifier(0xc2));
  CHECK(failure.message == "E=691 R=0");
}

TEST_CASE("chap_packet/each packet survives the round trip") {
  for (const auto& packet : {kChallenge, kResponse, kSuccess, kFailure}) {
    CHECK(build(parse_chap(packet).value()) == packet);
  }
}

TEST_CASE("chap_packet/every truncation is refused") {
  for (const auto& packet : {kChallenge, kResponse, kSuccess, kFailure}) {
    for (std::size_t size = 0; size < packet.size(); ++size) {
      CHECK(parse_chap(Bytes(packet).first(size)).error() == Error::truncated);
    }
  }
}

TEST_CASE("chap_packet/a parsed packet with any one bit flipped lies within what was given") {
  for (const auto& original : {kChallenge, kResponse, kSuccess, kFailure}) {
    for (std::size_t bit = 0; bit < original.size() * 8; ++bit) {
      auto packet = original;
      packet[bit / 8] = static_cast<std::uint8_t>(packet[bit / 8] ^ 1U << bit % 8);
      const auto parsed = parse_chap(packet);
      if (parsed) CHECK(build(*parsed).size() <= packet.size());
    }
  }
}

TEST_CASE("rfc1994/4 what follows length is padding") {
  auto padded = kFailure;
  padded.insert(padded.end(), {'x', 'y', 'z'});
  CHECK(std::get<ChapFailure>(parse_chap(padded).value()).message == "E=691 R=0");
}

TEST_CASE("chap_packet/lengths that contradict each other are refused") {
  CHECK(parse_chap(octets("01010003 10")).error() == Error::bad_length);
  CHECK(parse_chap(octets("01010000")).error() == Error::bad_length);
  CHECK(parse_chap(octets("0101 ffff 10")).error() == Error::truncated);
  CHECK(parse_chap(octets("01010004")).error() == Error::bad_length);          // no Value-Size
  CHECK(parse_chap(octets("01010005 00")).error() == Error::bad_value);        // empty value
  CHECK(parse_chap(octets("02010006 00 61")).error() == Error::bad_value);     // empty value
  CHECK(parse_chap(octets("02010007 03 6162")).error() == Error::bad_length);  // one octet short
  CHECK(parse_chap(octets("01010007 ff 6162")).error() == Error::bad_length);
  // The octets are there, but behind Length.
  CHECK(parse_chap(octets("02010007 03 6162 63")).error() == Error::bad_length);
}

TEST_CASE("chap_packet/values of 8, 17 and 255 octets and empty names and messages are packets") {
  for (const std::size_t size : {1U, 8U, 17U, 255U}) {
    const std::vector<std::uint8_t> value(size, 0xa5);
    const auto packet = build(ChapChallenge{Identifier(9), value, ""});
    const auto parsed = std::get<ChapChallenge>(parse_chap(packet).value());
    CHECK(parsed.value.size() == size);
    CHECK(parsed.name.empty());
  }
  CHECK(std::get<ChapSuccess>(parse_chap(octets("03000004")).value()).message.empty());
}

TEST_CASE("chap_packet/other codes are not CHAP's") {
  for (const std::string_view code : {"00", "05", "08", "ff"}) {
    CHECK(parse_chap(octets(std::string(code) + "010008 01020304")).error() == Error::unsupported);
  }
}

TEST_CASE("rfc1661/6.1 no packet is built beyond the MRU that every peer accepts") {
  const std::string long_text(70'000, 'n');
  const auto value = octets("0102030405060708");
  const auto response = build(ChapResponse{Identifier(1), value, long_text});
  CHECK(response.size() == kMaxChapPacket);
  CHECK(std::get<ChapResponse>(parse_chap(response).value()).name.size() ==
        kMaxChapPacket - 4 - 1 - value.size());
  const auto failure = build(ChapFailure{Identifier(1), long_text});
  CHECK(failure.size() == kMaxChapPacket);
  CHECK(std::get<ChapFailure>(parse_chap(failure).value()).message.size() == kMaxChapPacket - 4);
}

}  // namespace
}  // namespace pptp
