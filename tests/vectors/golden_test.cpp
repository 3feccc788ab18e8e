// Recorded conversations of other implementations (README.md), read, authenticated and deciphered
// with the project's own code, and compared with what their side files say.
#include "tests/vectors/golden.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <openssl/sha.h>

#include "auth/chap_packet.h"
#include "auth/mschapv1.h"
#include "lib/ip_packet.h"
#include "mppe/cipher.h"
#include "ppp/frame.h"
#include "ppp/options.h"
#include "ppp/vj.h"
#include "tests/vectors/conversation.h"

namespace pptp {
namespace {

using namespace test;

std::string digits(const MppeKey& key, KeyBits bits) {
  return hex(key.bytes().first(key_octets(bits)));
}

// --- control connection and GRE

std::string short_name(const ControlMessage& message) {
  // In the order of RFC 2637 2.
  static constexpr std::array kNames = {"SCCRQ",
                                        "SCCRP",
                                        "StopCCRQ",
                                        "StopCCRP",
                                        "EchoRQ",
                                        "EchoRP",
                                        "OCRQ",
                                        "OCRP",
                                        "ICRQ",
                                        "ICRP",
                                        "ICCN",
                                        "CallClearRQ",
                                        "CallDisconnectNotify",
                                        "WAN-Error",
                                        "SetLinkInfo"};
  return kNames.at(static_cast<std::size_t>(type_of(message)) - 1);
}

template <class Message>
const Message& the_message(const Conversation& conversation) {
  for (const auto& [direction, message] : conversation.control) {
    if (const auto* const found = std::get_if<Message>(&message)) return *found;
  }
  FAIL("message is missing");
  throw std::runtime_error("unreachable");
}

TEST_CASE("golden/control connections") {
  for (const Capture& capture : captures()) {
    CAPTURE(capture.name);
    json messages = json::array();
    for (const auto& [direction, message] : capture.conversation.control)
      messages.push_back(test::name(direction) + " " + short_name(message));
    const auto& request = the_message<OutgoingCallRequest>(capture.conversation);
    const auto& reply = the_message<OutgoingCallReply>(capture.conversation);
    CHECK(reply.peer_call_id == request.call_id);
    check_figures({{"control_messages", messages},
                   {"client_call_id", request.call_id},
                   {"server_call_id", reply.call_id},
                   {"ocrp_result", reply.result}},
                  capture.side.at("pptp"));
    check_figures({{"client_ip", capture.conversation.client.text()},
                   {"server_ip", capture.conversation.server.text()}},
                  capture.side.at("roles"));
  }
}

TEST_CASE("golden/gre sequence numbers") {
  for (const Capture& capture : captures()) {
    for (const Direction direction : kDirections) {
      CAPTURE(capture.name);
      CAPTURE(test::name(direction));
      const test::GreFigures& figures = capture.conversation.gre[direction];
      const json found = {{"data_packets", figures.data_packets},
                          {"ack_only_packets", figures.ack_only_packets},
                          {"first_sequence", *figures.first_sequence},
                          {"last_sequence", *figures.last_sequence},
                          {"missing_sequences", figures.missing_sequences},
                          {"duplicates", figures.duplicates},
                          {"out_of_order", figures.out_of_order},
                          {"outer_fragmented", figures.outer_fragmented}};
      CHECK(found == capture.side.at("gre").at(test::name(direction)));
    }
  }
}

// --- PPP

TEST_CASE("golden/ppp control packets") {
  static const std::map<std::uint16_t, std::string> kProtocols = {
      {0xc021, "LCP"}, {0x80fd, "CCP"}, {0x8021, "IPCP"}, {0x8057, "IPV6CP"}};
  // RFC 1661 5 and RFC 1962 3.
  static constexpr std::array kCodes = {"Req",     "Ack",     "Nak",     "Rej",      "TermReq",
                                        "TermAck", "CodeRej", "ProtRej", "EchoReq",  "EchoRep",
                                        "DiscReq", "Ident",   "TimeRem", "ResetReq", "ResetAck"};
  for (const Capture& capture : captures()) {
    CAPTURE(capture.name);
    json counts = json::object();
    for (const auto& [direction, octets] : capture.conversation.arrived) {
      const Frame frame = frame_of(octets);
      const auto protocol = kProtocols.find(frame.protocol.value());
      if (protocol == kProtocols.end()) continue;
      const std::string key = test::name(direction) + " " + protocol->second + " " +
                              kCodes.at(frame.information[0] - 1U);
      counts[key] = counts.value(key, 0) + 1;
    }
    CHECK(counts == capture.side.at("control_counts"));
  }
}

// --- MPPE and what is inside

/// RFC 3078 2: the one key length and the mode that both ends agreed on in CCP.
MppeParameters mppe_parameters(std::uint32_t bits) {
  const bool stateless = (bits & 0x0100'0000) != 0;
  const KeyBits length = (bits & 0x40) != 0   ? KeyBits::k128
                         : (bits & 0x80) != 0 ? KeyBits::k56
                                              : KeyBits::k40;
  return {length, stateless ? MppeMode::stateless : MppeMode::stateful};
}

struct Agreement {
  /// Of the packets that flow in a direction.
  EachWay<std::optional<MppeParameters>> parameters;
  /// How many exchanges had succeeded when CCP opened: the last of them makes the keys.
  std::size_t exchange = 0;
};

Agreement agreement(const Conversation& conversation) {
  constexpr std::uint8_t kConfigureAck = 2;
  constexpr std::uint8_t kMppe = 18;  // RFC 3078 2
  Agreement agreed;
  std::size_t succeeded = 0;
  for (const auto& [direction, octets] : conversation.arrived) {
    if (chap<ChapSuccess>(octets)) ++succeeded;
    const Frame frame = frame_of(octets);
    if (frame.protocol != protocol::kCcp || frame.information[0] != kConfigureAck) continue;
    const auto options = OptionList::parse(frame.information.subspan(4));
    REQUIRE(options);
    for (const Option option : *options) {
      if (option.type != kMppe) continue;
      // Who sends the Ack promises to send like that.
      agreed.parameters[direction] = mppe_parameters(Reader(option.data).u32());
      agreed.exchange = succeeded;
    }
  }
  return agreed;
}

/// `exchange`: the number of the one that makes the keys.
KeySeed seed_of(const Capture& capture, std::size_t exchange) {
  NtHashHash hash = hash_nt_password_hash(nt_hash(capture.side.at("password")));
  if (method(capture) == "mschap") {
    MsChapV1Seed seed;
    seed.password_hash_hash = std::move(hash);
    seed.lm_password_hash = lm_password_hash(capture.side.at("password").get<std::string>());
    seed.challenge = Reader(chap_exchange(capture.conversation).challenge).array<8>();
    return seed;
  }
  MsChapV2Seed seed;
  seed.password_hash_hash = std::move(hash);
  seed.nt_response = exchanges(capture.conversation).at(exchange).response.nt_response;
  return seed;
}

StartKeys keys_of(const Capture& capture, std::size_t exchange, KeyBits bits) {
  auto keys = start_keys(seed_of(capture, exchange), bits, Role::client);
  REQUIRE(keys);
  return std::move(*keys);
}

/// What the inside of one direction amounts to.
class Inner {
 public:
  /// A packet of any protocol that carries IP.
  void add(const Frame& frame) {
    if (frame.protocol == protocol::kIp) return add_ip(frame.information);
    const bool whole = frame.protocol == protocol::kVjUncompressed;
    if (!whole) REQUIRE(frame.protocol == protocol::kVjCompressed);
    const std::string kind = whole ? "vj_uncompressed" : "vj_compressed";
    vj_counts_[kind] = vj_counts_.value(kind, 0) + 1;
    Packet packet = pool_.acquire();
    REQUIRE(packet.assign(frame.information));
    REQUIRE_FALSE(vj_.decompress(frame.protocol, packet));
    add_ip(packet.bytes());
  }

  json figures() const {
    std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
    SHA256(all_.data(), all_.size(), digest.data());
    json found = {{"ip_packets", packets_},
                  {"bytes", all_.size()},
                  {"sha256", hex(digest)},
                  {"protocols", protocols_},
                  {"fragments", fragments_}};
    if (!vj_counts_.empty()) found["vj"] = vj_counts_;
    return found;
  }

 private:
  void add_ip(Bytes packet) {
    const auto length = ipv4_length(packet);
    REQUIRE(length);
    all_.insert(all_.end(), packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(*length));
    ++packets_;
    static const std::map<std::uint8_t, std::string> kProtocols = {
        {1, "icmp"}, {6, "tcp"}, {17, "udp"}};
    const auto known = kProtocols.find(packet[9]);
    const std::string protocol =
        known == kProtocols.end() ? "ip_" + std::to_string(packet[9]) : known->second;
    protocols_[protocol] = protocols_.value(protocol, 0) + 1;
    constexpr std::uint16_t kMoreAndOffset = 0x3fff;
    if ((Reader(packet.subspan(6)).u16() & kMoreAndOffset) != 0) ++fragments_;
  }

  Octets all_;
  unsigned packets_ = 0;
  unsigned fragments_ = 0;
  json protocols_ = json::object();
  PacketPool pool_{1};
  VjDecompressor vj_{VjParameters()};
  json vj_counts_ = json::object();
};

/// The MPPE packets of one direction, opened and counted as the side files do.
class Opened {
 public:
  Opened(MppeKey start, MppeParameters parameters)
      : start_(std::move(start)), parameters_(parameters), opener_(start_.clone(), parameters) {}

  /// What is inside, or nothing.
  std::optional<Octets> open(Bytes mppe) {
    const std::uint16_t header = Reader(mppe).u16();
    const auto count = static_cast<std::uint16_t>(header & 0xfff);
    if (!first_count_) {
      first_count_ = count;
      first_packet_ = hex(mppe.first(std::min<std::size_t>(mppe.size(), 40)));
    }
    if (last_count_ && count < *last_count_) ++wraps_;
    last_count_ = count;
    ++packets_;
    if ((header & 0x8000) != 0) ++flushed_;
    Packet packet = pool_.acquire();
    REQUIRE(packet.assign(mppe));
    if (opener_.open(packet)) {
      ++dropped_;
      return std::nullopt;
    }
    const Bytes inner = packet.bytes();
    if (first_plain_.empty())
      first_plain_ = hex(inner.first(std::min<std::size_t>(inner.size(), 38)));
    return Octets(inner.begin(), inner.end());
  }

  void check(const json& side) const {
    const KeyBits bits = parameters_.bits;
    const bool stateless = parameters_.mode == MppeMode::stateless;
    MppeKey key = initial_session_key(start_, bits);
    const std::string initial = digits(key, bits);
    json first = json::array();
    if (!stateless) first.push_back(initial);
    while (first.size() < 3) {
      key = next_session_key(start_, key, bits);
      first.push_back(digits(key, bits));
    }
    check_figures({{"bits", bit_count(bits)},
                   {"stateful", !stateless},
                   {"start_key", digits(start_, bits)},
                   {"initial_session_key", initial},
                   {"first_session_keys", first},
                   {"packets", packets_},
                   {"flushed", flushed_},
                   {"not_decrypted", dropped_},
                   {"late", 0},
                   {"wraps", wraps_}},
                  side);
    if (packets_ == 0) return;
    const unsigned changes =
        stateless ? 4096 * wraps_ + *last_count_ + 1 : side.at("key_changes").get<unsigned>();
    check_figures({{"first_count", *first_count_},
                   {"last_count", *last_count_},
                   {"first_packet_hex", first_packet_},
                   {"first_plain_hex", first_plain_},
                   {"last_session_key", digits(key_after(changes), bits)}},
                  side);
  }

 private:
  MppeKey key_after(unsigned changes) const {
    MppeKey key = initial_session_key(start_, parameters_.bits);
    for (unsigned i = 0; i < changes; ++i)
      key = next_session_key(start_, key, parameters_.bits);
    return key;
  }

  MppeKey start_;
  MppeParameters parameters_;
  MppeOpener opener_;
  PacketPool pool_{1};
  unsigned packets_ = 0;
  unsigned flushed_ = 0;
  unsigned dropped_ = 0;
  unsigned wraps_ = 0;
  std::optional<std::uint16_t> first_count_;
  std::optional<std::uint16_t> last_count_;
  std::string first_packet_;
  std::string first_plain_;
};

TEST_CASE("golden/mppe packets open to the IP packets that went in") {
  unsigned stateless = 0;
  unsigned stateful = 0;
  unsigned clear = 0;
  for (const Capture& capture : captures()) {
    const Agreement agreed = agreement(capture.conversation);
    for (const Direction direction : kDirections) {
      CAPTURE(capture.name);
      CAPTURE(test::name(direction));
      std::optional<Opened> mppe;
      if (const auto& parameters = agreed.parameters[direction]) {
        REQUIRE(agreed.exchange > 0);
        StartKeys keys = keys_of(capture, agreed.exchange - 1, parameters->bits);
        mppe.emplace(direction == Direction::client_to_server ? std::move(keys.send)
                                                              : std::move(keys.receive),
                     *parameters);
        ++(parameters->mode == MppeMode::stateless ? stateless : stateful);
      } else {
        ++clear;
      }
      Inner inner;
      for (const Octets& octets : capture.conversation.in_order[direction]) {
        const Frame frame = frame_of(octets);
        if (frame.protocol == protocol::kMppe) {
          REQUIRE(mppe);
          const auto opened = mppe->open(frame.information);
          if (!opened) continue;
          const auto inside = parse_inner_frame(*opened);
          REQUIRE(inside);
          inner.add(*inside);
        } else if (frame.protocol.is_network_layer()) {
          CHECK_FALSE(mppe);
          inner.add(frame);
        }
      }
      if (mppe) mppe->check(capture.side.at("mppe").at(test::name(direction)));
      CHECK(inner.figures() == capture.side.at("inner").at(test::name(direction)));
    }
  }
  CHECK(stateless == 46);
  CHECK(stateful == 16);
  CHECK(clear == 2 * captures().size() - 62);
}

}  // namespace
}  // namespace pptp
