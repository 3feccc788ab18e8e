#include "tunnel/gre.h"

#include <array>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace pptp {
namespace {

std::string octets(std::string_view digits) {
  return from_hex(digits).value();
}

/// The payload is a reference into the datagram, which must stay.
Result<ParsedGre> parse(const std::string& datagram) {
  return parse_gre(as_bytes(datagram));
}

Result<ParsedGre> parse(std::string&& datagram) = delete;

Error refusal(std::string_view digits) {
  const std::string datagram = octets(digits);
  const auto parsed = parse(datagram);
  REQUIRE_FALSE(parsed);
  return parsed.error();
}

TEST_CASE("rfc2637/4.1 each combination of the two numbers is read where it stands") {
  const std::string both_octets = octets("3081880b0002beef 00000005 00000009 c021");
  const auto both = parse(both_octets);
  REQUIRE(both);
  CHECK(both->call == CallId(0xbeef));
  CHECK(both->sequence == SeqNo(5));
  CHECK(both->acknowledgement == AckNo(9));
  CHECK(hex(both->payload) == "c021");

  const std::string data_octets = octets("3001880b0002beef 00000005 c021");
  const auto data = parse(data_octets);
  REQUIRE(data);
  CHECK(data->sequence == SeqNo(5));
  CHECK_FALSE(data->acknowledgement);

  const std::string ack_octets = octets("2081880b0000beef 00000009");
  const auto ack = parse(ack_octets);
  REQUIRE(ack);
  CHECK_FALSE(ack->sequence);
  CHECK(ack->acknowledgement == AckNo(9));
  CHECK(ack->payload.empty());
}

TEST_CASE("rfc2637/4.1 octets behind the payload length are trimmed") {
  const std::string data = octets("3001880b0002beef 00000005 c021 000000");
  REQUIRE(parse(data));
  CHECK(hex(parse(data)->payload) == "c021");
  const std::string ack = octets("2081880b0000beef 00000009 00000000");
  REQUIRE(parse(ack));
  CHECK(parse(ack)->payload.empty());
}

TEST_CASE("rfc2637/4.1 a payload length that the datagram does not have is refused") {
  CHECK(refusal("3001880b0003beef 00000005 c021") == Error::bad_length);
  CHECK(refusal("3001880bffffbeef 00000005 c021") == Error::bad_length);
  // no sequence number, but a payload
  CHECK(refusal("2081880b0002beef 00000009 c021") == Error::bad_length);
}

TEST_CASE("rfc2637/4.1 a sequence number without payload is well formed") {
  const std::string parsed_octets = octets("3001880b0000beef 00000005");
  const auto parsed = parse(parsed_octets);
  REQUIRE(parsed);
  CHECK(parsed->sequence == SeqNo(5));
  CHECK(parsed->payload.empty());
}

TEST_CASE("rfc2637/4.1 of all first 16 bits exactly three are accepted, at every length") {
  unsigned accepted = 0;
  std::array<std::uint8_t, 16> datagram = {0, 0, 0x88, 0x0b, 0, 0, 0xbe, 0xef};
  for (unsigned flags = 0; flags <= 0xffff; ++flags) {
    datagram[0] = static_cast<std::uint8_t>(flags >> 8);
    datagram[1] = static_cast<std::uint8_t>(flags & 0xff);
    for (std::size_t length = 0; length <= datagram.size(); ++length) {
      const auto parsed = parse_gre(Bytes(datagram).first(length));
      if (length < 8) {
        REQUIRE(parsed.error() == Error::truncated);
      } else if (parsed) {
        ++accepted;
        const bool known = flags == 0x3081 || flags == 0x3001 || flags == 0x2081;
        REQUIRE(known);
      }
    }
  }
  CHECK(accepted == 1 + 5 + 5);
}

TEST_CASE("rfc2637/4.1 other protocols and version 0 are told from damage") {
  CHECK(refusal("3001080000000000 00000005") == Error::unsupported);
  CHECK(refusal("0000880b00000000") == Error::unsupported);
  CHECK(refusal("b001880b00000000 00000005") == Error::bad_value);
}

TEST_CASE("gre/header put in front comes off again") {
  PacketPool pool(1);

  struct Case {
    std::string_view payload;
    std::optional<SeqNo> sequence;
    std::optional<AckNo> acknowledgement;
    std::string_view digits;
  };

  const std::vector<Case> cases = {
      {"frame", SeqNo(0xffff'ffff), std::nullopt, "3001880b00050007ffffffff6672616d65"},
      {"frame", SeqNo(1), AckNo(0x8000'0000), "3081880b0005000700000001800000006672616d65"},
      {"", std::nullopt, AckNo(2), "2081880b0000000700000002"},
  };
  for (const Case& c : cases) {
    Packet packet = pool.acquire();
    REQUIRE(packet.assign(as_bytes(c.payload)));
    REQUIRE(push_gre_header(packet, PeerCallId(7), c.sequence, c.acknowledgement));
    CHECK(hex(packet.bytes()) == c.digits);
    packet.push_back(3);
    const auto parsed = pop_gre_header(packet);
    REQUIRE(parsed);
    CHECK(parsed->call == CallId(7));
    CHECK(parsed->sequence == c.sequence);
    CHECK(parsed->acknowledgement == c.acknowledgement);
    CHECK(as_text(packet.bytes()) == c.payload);
    CHECK(packet.bytes().data() == parsed->payload.data());
  }
}

TEST_CASE("gre/a header that cannot be is not written") {
  PacketPool pool(1);
  Packet packet = pool.acquire();
  CHECK_FALSE(push_gre_header(packet, PeerCallId(7), std::nullopt, std::nullopt));
  REQUIRE(packet.assign(as_bytes("frame")));
  CHECK_FALSE(push_gre_header(packet, PeerCallId(7), std::nullopt, AckNo(1)));
  CHECK(as_text(packet.bytes()) == "frame");
  while (packet.headroom() >= kMaxGreHeader)
    packet.push_front(1);
  CHECK_FALSE(push_gre_header(packet, PeerCallId(7), SeqNo(1), AckNo(1)));
  CHECK(push_gre_header(packet, PeerCallId(7), SeqNo(1), std::nullopt));
  Packet none;
  CHECK_FALSE(push_gre_header(none, PeerCallId(7), std::nullopt, AckNo(1)));
}

TEST_CASE("gre/a packet whose header is refused stays as it was") {
  PacketPool pool(1);
  Packet packet = pool.acquire();
  REQUIRE(packet.assign(as_bytes("not GRE at all")));
  CHECK_FALSE(pop_gre_header(packet));
  CHECK(as_text(packet.bytes()) == "not GRE at all");
}

}  // namespace
}  // namespace pptp
