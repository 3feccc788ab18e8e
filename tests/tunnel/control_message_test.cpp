#include "tunnel/control_message.h"

#include <random>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "tests/tunnel/control_samples.h"

namespace pptp {
namespace {

Result<ControlMessage> parse(std::string_view octets) {
  return parse_control_message(as_bytes(octets));
}

/// All messages of a stream that is fed the pieces one after another, and its error.
struct Received {
  std::vector<ControlMessage> messages;
  std::optional<Error> error;

  bool operator==(const Received&) const = default;
};

Received feed(ControlStream& stream, std::string_view octets) {
  Received received;
  Bytes segment = as_bytes(octets);
  while (const auto next = stream.next(segment)) {
    if (*next) {
      received.messages.push_back(**next);
    } else {
      CHECK_FALSE(received.error);  // comes once
      received.error = next->error();
    }
  }
  CHECK(segment.empty());
  return received;
}

Received feed_all(std::string_view octets) {
  ControlStream stream;
  return feed(stream, octets);
}

/// Header and zeros up to `length` octets.
std::string message_of(std::uint16_t message_type, std::uint16_t control_type, std::uint16_t length,
                       std::size_t octets) {
  std::vector<std::uint8_t> out(std::max<std::size_t>(octets, kControlHeader));
  Writer writer(out);
  writer.u16(length);
  writer.u16(message_type);
  writer.u32(kMagicCookie);
  writer.u16(control_type);
  return std::string(as_text(Bytes(out).first(octets)));
}

TEST_CASE("rfc2637/2 every message comes back as it was written, in the length of the RFC") {
  const std::vector<std::size_t> lengths = {156, 156, 16, 16, 16,  20, 168, 32,
                                            220, 24,  28, 16, 148, 40, 24};
  const auto samples = control_samples();
  REQUIRE(samples.size() == kControlTypes);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    CAPTURE(name(type_of(samples[i])));
    CHECK(std::to_underlying(type_of(samples[i])) == i + 1);
    const std::string octets = octets_of(samples[i]);
    CHECK(octets.size() == lengths[i]);
    const auto parsed = parse(octets);
    REQUIRE(parsed);
    CHECK(*parsed == samples[i]);
  }
}

TEST_CASE("rfc2637/2 fields stand where the RFC puts them") {
  const auto samples = control_samples();
  const auto digits = [&](ControlType type) {
    return hex(as_bytes(octets_of(samples[std::to_underlying(type) - std::size_t{1}])));
  };
  CHECK(digits(ControlType::echo_reply) ==
        "001400011a2b3c4d00060000"
        "12345678"
        "01000000");
  CHECK(digits(ControlType::outgoing_call_reply) ==
        "002000011a2b3c4d00080000"
        "20021001"
        "01000009"
        "05f5e100"
        "00200002"
        "00000004");
  CHECK(digits(ControlType::incoming_call_request).substr(0, 56) ==
        "00dc00011a2b3c4d00090000"
        "20030004"
        "00000001"
        "00000005"
        "00030004");
  CHECK(digits(ControlType::incoming_call_reply) ==
        "001800011a2b3c4d000a0000"
        "10042003"
        "01000010"
        "00030000");
  CHECK(digits(ControlType::incoming_call_connected) ==
        "001c00011a2b3c4d000b0000"
        "10040000"
        "0000fa00"
        "00100003"
        "00000002");
  CHECK(digits(ControlType::call_disconnect_notify).substr(0, 60) ==
        "009400011a2b3c4d000d0000"
        "20020400"
        "00100000"
        "7061636b6574733a2037");
  CHECK(digits(ControlType::wan_error_notify) ==
        "002800011a2b3c4d000e0000"
        "10010000"
        "00000001"
        "00000002"
        "00000003"
        "00000004"
        "00000005"
        "00000006");
}

TEST_CASE("control_message/messages of pptp-linux and pptpd are read") {
  const auto read = [](std::string_view digits) { return parse(from_hex(digits).value()).value(); };
  const std::string zeros(128, '0');
  const auto request = std::get<StartControlConnectionRequest>(
      read("009c00011a2b3c4d00010000010000000000000300000003ffff00016c6f63616c" +
           zeros.substr(0, 118) + "63616e616e69616e" + zeros.substr(0, 112)));
  CHECK(request.protocol_version == 0x0100);
  CHECK(request.maximum_channels == 0xffff);
  CHECK(request.host_name.view() == "local");
  CHECK(request.vendor_string.view() == "cananian");

  const auto reply = std::get<StartControlConnectionReply>(
      read("009c00011a2b3c4d00020000010001000000000000000000000100016c6f63616c" +
           zeros.substr(0, 118) + "6c696e7578" + zeros.substr(0, 118)));
  CHECK(reply.result == kStartSuccessful);
  CHECK(reply.maximum_channels == 1);
  CHECK(reply.firmware_revision == 1);
  CHECK(reply.vendor_string.view() == "linux");

  const auto call_request = std::get<OutgoingCallRequest>(
      read("00a800011a2b3c4d00070000d7130000000009600098968000000003000000030003000000000000" +
           zeros + zeros));
  CHECK(call_request == OutgoingCallRequest{0xd713, 0, 2400, 10'000'000, 3, 3, 3, 0, 0, {}, {}});

  CHECK(std::get<OutgoingCallReply>(
            read("002000011a2b3c4d000800000000d71301000000009896800003000000000000")) ==
        OutgoingCallReply{0, 0xd713, 1, 0, 0, 10'000'000, 3, 0, 0});
  CHECK(std::get<CallClearRequest>(read("001000011a2b3c4d000c0000d7130000")).call_id == 0xd713);
  CHECK(std::get<EchoReply>(read("001400011a2b3c4d000600000000100201000000")) ==
        EchoReply{0x1002, 1, 0});
  CHECK(std::get<SetLinkInfo>(read("001800011a2b3c4d000f000000000000ffffffffffffffff")) ==
        SetLinkInfo{0, 0xffff'ffff, 0xffff'ffff});
  CHECK(std::get<StopControlConnectionReply>(read("001000011a2b3c4d0004000001000000")).result ==
        kStopOk);
}

TEST_CASE("control_message/every truncation is refused") {
  for (const ControlMessage& sample : control_samples()) {
    const std::string octets = octets_of(sample);
    for (std::size_t length = 0; length < octets.size(); ++length) {
      CAPTURE(length);
      const auto parsed = parse(octets.substr(0, length));
      REQUIRE_FALSE(parsed);
      CHECK(parsed.error() == (length < kControlHeader ? Error::truncated : Error::bad_length));
    }
    CHECK(parse(octets + '\0').error() == Error::bad_length);
  }
}

TEST_CASE("control_message/every single bit flip is refused or read as another sound message") {
  for (const ControlMessage& sample : control_samples()) {
    const std::string octets = octets_of(sample);
    for (std::size_t bit = 0; bit < octets.size() * 8; ++bit) {
      CAPTURE(bit);
      std::string damaged = octets;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      const auto parsed = parse(damaged);
      if (bit / 8 < 10) {
        // In the header: refused, or another type that happens to have the same length.
        if (parsed) CHECK(parsed->index() != sample.index());
      } else {
        REQUIRE(parsed);
        CHECK(parsed->index() == sample.index());
        CHECK(parse(octets_of(*parsed)).value() == *parsed);
      }
    }
  }
}

TEST_CASE("control_message/reserved fields that are not zero are accepted") {
  for (const ControlMessage& sample : control_samples()) {
    std::string octets = octets_of(sample);
    octets[10] = '\xff';  // Reserved0
    octets[11] = '\x01';
    const auto parsed = parse(octets);
    REQUIRE(parsed);
    CHECK(*parsed == sample);
  }
  const auto reserved1 = parse(from_hex("001000011a2b3c4d000c0000d713ffff").value());
  REQUIRE(reserved1);
  CHECK(*reserved1 == ControlMessage(CallClearRequest{0xd713}));
  CHECK(parse(from_hex("001000011a2b3c4d0003000001ffffff").value()).value() ==
        ControlMessage(StopControlConnectionRequest{1}));
}

TEST_CASE("control_message/a text of 64 octets has no zero behind it") {
  const std::string full(64, 'x');
  StartControlConnectionRequest request;
  request.host_name = FixedText<64>(full + "y");
  request.vendor_string = FixedText<64>("v");
  const auto parsed = std::get<StartControlConnectionRequest>(parse(octets_of(request)).value());
  CHECK(parsed.host_name.view() == full);
  CHECK(parsed.vendor_string.view() == "v");
}

TEST_CASE("control_message/writing into too little room fails and writes nothing beyond it") {
  for (const ControlMessage& sample : control_samples()) {
    std::vector<std::uint8_t> octets(length_of(type_of(sample)) - 1U);
    Writer writer(octets);
    write_control_message(sample, writer);
    CHECK_FALSE(writer.ok());
  }
}

TEST_CASE("control_stream/segmentation makes no difference") {
  std::string octets;
  for (int round = 0; round < 2; ++round) {
    for (const ControlMessage& sample : control_samples())
      octets += octets_of(sample);
  }
  const Received whole = feed_all(octets);
  REQUIRE(whole.messages.size() == 2 * kControlTypes);
  CHECK_FALSE(whole.error);
  std::mt19937 random(1);
  for (const std::size_t most : {1U, 2U, 7U, 13U, 300U}) {
    CAPTURE(most);
    ControlStream stream;
    Received pieces;
    for (std::size_t at = 0; at < octets.size();) {
      const std::size_t length = 1 + random() % most;
      const Received part = feed(stream, std::string_view(octets).substr(at, length));
      pieces.messages.insert(pieces.messages.end(), part.messages.begin(), part.messages.end());
      at += length;
    }
    CHECK(pieces == whole);
  }
}

TEST_CASE("control_stream/a length that cannot be is an error as soon as it is known") {
  for (std::uint16_t type = 1; type <= kControlTypes; ++type) {
    const std::uint16_t right = length_of(static_cast<ControlType>(type));
    for (const unsigned wrong : {0U, 1U, 7U, 11U, 12U, right - 1U, right + 1U, 65535U}) {
      CAPTURE(type);
      CAPTURE(wrong);
      const auto length = static_cast<std::uint16_t>(wrong);
      const std::size_t known = wrong < kControlHeader || wrong > kMaxControlMessage ? 8 : 12;
      ControlStream stream;
      const std::string octets = message_of(1, type, length, known);
      CHECK_FALSE(feed(stream, octets.substr(0, known - 1)).error);
      const Received received = feed(stream, octets.substr(known - 1));
      CHECK(received.error == Error::bad_length);
      // and nothing is accepted afterwards
      CHECK(feed(stream, octets_of(EchoRequest{1})) == Received{});
    }
  }
}

TEST_CASE("control_stream/a wrong cookie ends it, in the first message and later") {
  std::string octets = octets_of(EchoRequest{1});
  octets[7] = '\x4e';
  CHECK(feed_all(octets.substr(0, 8)).error == Error::bad_magic);
  CHECK(feed_all("SSH-2.0-OpenSSH_9.2").error == Error::bad_magic);
  const Received later = feed_all(octets_of(EchoRequest{7}) + octets + octets_of(EchoRequest{8}));
  CHECK(later.messages == std::vector<ControlMessage>{EchoRequest{7}});
  CHECK(later.error == Error::bad_magic);
}

// DEVIATION: stepped over.
TEST_CASE("control_stream/messages of unknown type are stepped over by their length") {
  struct Case {
    std::uint16_t message_type;
    std::uint16_t control_type;
    std::uint16_t length;
  };

  for (const Case& c : {Case{1, 0, 12}, Case{1, 16, 40}, Case{1, 255, 220}, Case{1, 65535, 13},
                        Case{2, 1, 156}, Case{0, 5, 16}}) {
    CAPTURE(c.control_type);
    ControlStream stream;
    const Received received =
        feed(stream, message_of(c.message_type, c.control_type, c.length, c.length) +
                         octets_of(EchoRequest{9}));
    CHECK(received == Received{{EchoRequest{9}}, std::nullopt});
    CHECK(stream.skipped() == 1);
  }
  CHECK(feed_all(message_of(1, 16, 221, 221)).error == Error::bad_length);
}

}  // namespace
}  // namespace pptp
