#pragma once

// An Engine that makes a call, and the test as the server it calls: what that says, and in which
// order, is the test's to decide.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

#include "auth/method.h"
#include "lib/ip_packet.h"
#include "mppe/cipher.h"
#include "ppp/frame.h"
#include "tests/sim/seeded_entropy.h"
#include "tests/tunnel/control_fixture.h"
#include "tunnel/engine.h"
#include "tunnel/gre.h"

namespace pptp::test {

using Octets = std::vector<std::uint8_t>;

// RFC 1661 5 and RFC 1962 3.
inline constexpr std::uint8_t kConfReq = 1;
inline constexpr std::uint8_t kConfAck = 2;
inline constexpr std::uint8_t kConfNak = 3;
inline constexpr std::uint8_t kConfRej = 4;
inline constexpr std::uint8_t kTermReq = 5;
inline constexpr std::uint8_t kTermAck = 6;
inline constexpr std::uint8_t kProtRej = 8;
inline constexpr std::uint8_t kEchoReq = 9;
inline constexpr std::uint8_t kEchoReply = 10;
inline constexpr std::uint8_t kResetReq = 14;
inline constexpr std::uint8_t kResetAck = 15;

inline constexpr Ipv4Address kServerInner(192, 168, 77, 1);
inline constexpr Ipv4Address kClientInner(192, 168, 77, 10);

inline Octets from_digits(std::string_view digits) {
  const std::string octets = from_hex(digits).value();
  return {as_bytes(octets).begin(), as_bytes(octets).end()};
}

/// A whole IPv4 packet, 24 octets at least, that can be told from others by `number`.
inline Octets ip_packet(std::uint32_t number, Ipv4Address from, Ipv4Address to,
                        std::size_t size = 60) {
  Octets octets(size);
  Writer out{MutableBytes(octets)};
  out.u16(0x4500);
  out.u16(static_cast<std::uint16_t>(size));
  out.u32(0);
  out.u32(0x4011'0000);
  out.u32(from.value());
  out.u32(to.value());
  out.u32(number);
  out.patch_u16(10, internet_checksum(Bytes(octets).first(20)));
  return octets;
}

inline Octets ip_from_server(std::uint32_t number, std::size_t size = 60) {
  return ip_packet(number, kServerInner, kClientInner, size);
}

inline Octets ip_from_client(std::uint32_t number, std::size_t size = 60) {
  return ip_packet(number, kClientInner, kServerInner, size);
}

/// What the Engine sent in GRE, the header read by the test's own eyes.
struct SentGre {
  std::uint16_t flags = 0;
  std::uint16_t key_call = 0;
  std::uint16_t payload_length = 0;
  std::optional<std::uint32_t> sequence;
  std::optional<std::uint32_t> acknowledgement;
  Octets payload;
};

inline SentGre read_gre(Bytes datagram) {
  Reader reader(datagram);
  SentGre sent;
  sent.flags = reader.u16();
  CHECK(reader.u16() == 0x880b);
  sent.payload_length = reader.u16();
  sent.key_call = reader.u16();
  if ((sent.flags & 0x1000) != 0) sent.sequence = reader.u32();
  if ((sent.flags & 0x0080) != 0) sent.acknowledgement = reader.u32();
  const Bytes payload = reader.rest();
  sent.payload.assign(payload.begin(), payload.end());
  REQUIRE(reader.ok());
  CHECK(sent.payload.size() == sent.payload_length);
  return sent;
}

struct SentFrame {
  PppProtocol protocol;
  Octets information;

  std::uint8_t code() const { return information.at(0); }

  std::uint8_t id() const { return information.at(1); }

  /// Behind Code, Identifier and Length.
  std::string options() const { return hex(Bytes(information).subspan(4)); }
};

class ManualPeer {
 public:
  static CallConfig config_for_client() {
    CallConfig config;
    config.call_id = kOwn;
    config.link.credentials = std::make_shared<const Credentials>("alice", SecretText("secret"));
    return config;
  }

  explicit ManualPeer(CallConfig config = config_for_client(), std::uint16_t call_id = kOther)
      : engine(std::move(config), pool, entropy_), call_id_(call_id) {}

  /// From here on the Engine sends by a TxPath of the test's.
  void send_elsewhere() {
    engine.send_elsewhere();
    elsewhere.emplace();
  }

  PacketPool pool{96};
  sim::SeededEntropy entropy_{1};
  Engine engine;
  std::optional<TxPath> elsewhere;
  TimePoint now{std::chrono::hours(1)};
  /// Of the next GRE packet with a payload.
  SeqNo sequence{0};

  // What the Engine did.
  std::string story;  ///< a word for every event that matters
  std::optional<EncryptionAgreed> encryption;
  std::optional<NetworkUp> network;
  std::optional<Ipv6Up> ipv6;
  std::optional<End> ended;
  std::deque<SentGre> gre;           ///< of its GRE packets, all
  std::deque<SentFrame> frames;      ///< of its PPP frames, those not taken by answer()
  std::vector<Octets> delivered;     ///< IP packets for its host
  std::vector<ControlMessage> said;  ///< on the control connection

  // --- the control connection ---

  void say(const ControlMessage& message) {
    engine.control_received(now, as_bytes(octets_of(message)));
    drain();
  }

  /// Up to CallConnected.
  void grant_call() {
    ask_for_call();
    say(call_reply());
  }

  void ask_for_call() {
    engine.connected(now);
    drain();
    say(good_start_reply());
  }

  OutgoingCallReply call_reply() const {
    OutgoingCallReply reply = good_call_reply();
    reply.call_id = call_id_;
    return reply;
  }

  // --- GRE ---

  static Octets gre_datagram(SeqNo sequence, Bytes payload) {
    Octets octets(12 + payload.size());
    Writer out{MutableBytes(octets)};
    out.u32(0x3001'880b);
    out.u16(static_cast<std::uint16_t>(payload.size()));
    out.u16(kOwn.value());
    out.u32(sequence.value());
    out.bytes(payload);
    return octets;
  }

  void say_datagram(Bytes datagram) {
    Packet packet = pool.acquire();
    REQUIRE(packet.assign(datagram));
    engine.gre_received(now, std::span(&packet, 1));
    drain();
  }

  void say_frame(Bytes frame) {
    say_datagram(gre_datagram(sequence, frame));
    sequence = sequence.next();
  }

  static Octets frame(PppProtocol protocol, Bytes information) {
    Octets octets(4 + information.size());
    Writer out{MutableBytes(octets)};
    out.u16(0xff03);
    out.u16(protocol.value());
    out.bytes(information);
    return octets;
  }

  void say(PppProtocol protocol, Bytes information) { say_frame(frame(protocol, information)); }

  // --- PPP ---

  static Octets packet(std::uint8_t code, std::uint8_t id, std::string_view digits = "") {
    const Octets data = from_digits(digits);
    Octets octets(4 + data.size());
    Writer out{MutableBytes(octets)};
    out.u8(code);
    out.u8(id);
    out.u16(static_cast<std::uint16_t>(octets.size()));
    out.bytes(data);
    return octets;
  }

  void say(PppProtocol protocol, std::uint8_t code, std::uint8_t id, std::string_view digits = "") {
    say(protocol, packet(code, id, digits));
  }

  /// The oldest frame with this protocol and code that the Engine has sent; taken.
  std::optional<SentFrame> take(PppProtocol protocol, std::uint8_t code) {
    const auto found = std::find_if(frames.begin(), frames.end(), [&](const SentFrame& each) {
      return each.protocol == protocol && !each.information.empty() && each.code() == code;
    });
    if (found == frames.end()) return std::nullopt;
    SentFrame frame = std::move(*found);
    frames.erase(found);
    return frame;
  }

  /// Acknowledges the Engine's Configure-Request as it is.
  void ack(PppProtocol protocol) {
    std::optional<SentFrame> request = take(protocol, kConfReq);
    REQUIRE(request);
    request->information[0] = kConfAck;
    say(protocol, request->information);
  }

  /// Asks for these options, which the Engine must acknowledge.
  void ask(PppProtocol protocol, std::string_view digits) {
    say(protocol, kConfReq, ++id_, digits);
    const std::optional<SentFrame> answer = take(protocol, kConfAck);
    REQUIRE(answer);
    CHECK(answer->id() == id_);
  }

  /// Through LCP and authentication, to the Network phase.
  void authenticate(std::string_view lcp_options = "0305c22381 0506deadbeef") {
    ack(protocol::kLcp);
    ask(protocol::kLcp, lcp_options);
    method_ = make_method(AuthMethod::mschapv2, {Role::server, nullptr, "server"}, entropy_);
    method_->begin(now);
    for (int round = 0; round < 4; ++round) {
      while (const auto octets = method_->poll())
        say(protocol::kChap, *octets);
      while (const auto response = take(protocol::kChap, 2))
        method_->receive(now, response->information);
      if (std::holds_alternative<AuthWantsSecret>(method_->outcome()))
        method_->supply(now, &account_);
    }
    REQUIRE(std::holds_alternative<AuthSuccess>(method_->outcome()));
  }

  void open_ipcp() {
    ack_address();
    ask(protocol::kIpcp, "0306c0a84d01");
  }

  /// Gives the Engine its address, and no name servers.
  void ack_address() {
    while (const auto request = take(protocol::kIpcp, kConfReq)) {
      if (request->options().find("0306c0a84d0a") != std::string::npos) {
        if (request->options().find("8106") == std::string::npos) {
          Octets answer = request->information;
          answer[0] = kConfAck;
          say(protocol::kIpcp, answer);
          return;
        }
        say(protocol::kIpcp, kConfRej, request->id(), request->options().substr(12));
      } else {
        say(protocol::kIpcp, kConfNak, request->id(), "0306c0a84d0a");
      }
    }
    FAIL("the client never asked for the address it was given");
  }

  /// 128 bits in both directions; `digits`: the Supported Bits that the peer asks for.
  void open_ccp(std::string_view digits = "01000040") {
    ack(protocol::kCcp);
    ask(protocol::kCcp, "1206" + std::string(digits));
    take_keys();
  }

  /// After CCP: the keys for what was agreed.
  void take_keys() {
    REQUIRE(encryption);
    seal_with(encryption->receive.bits);
    auto receiving = start_keys(seed(), encryption->send.bits, Role::server);
    REQUIRE(receiving);
    opener.emplace(receiving->receive.clone(), encryption->send);
    receive_key = std::move(receiving->receive);
  }

  /// What the peer sends is enciphered with keys of this length, whatever was agreed on.
  void seal_with(KeyBits bits) {
    MppeParameters parameters = encryption->receive;
    parameters.bits = bits;
    // The Engine's receiving direction is the peer's sending one.
    const auto sending = start_keys(seed(), bits, Role::server);
    REQUIRE(sending);
    sealer.emplace(sending->send.clone(), parameters);
  }

  /// All of it, with encryption.
  void bring_up() {
    grant_call();
    authenticate();
    open_ccp();
    open_ipcp();
    REQUIRE(network);
  }

  // --- data ---

  std::optional<MppeSealer> sealer;
  std::optional<MppeOpener> opener;
  MppeKey receive_key;  ///< the start key of what the Engine sends

  /// A frame with an enciphered `inner` (protocol field and packet), not sent yet.
  Octets seal(Bytes inner) {
    Packet slot = pool.acquire();
    REQUIRE(slot.assign(inner));
    sealer->seal(std::span(&slot, 1));
    return frame(protocol::kMppe, slot.bytes());
  }

  Octets seal_ip(const Octets& ip) {
    Octets inner = {0x00, 0x21};
    inner.insert(inner.end(), ip.begin(), ip.end());
    return seal(inner);
  }

  /// Has the Engine send an IP packet; whether it went out. It is the last of `gre` then.
  bool send_ip(const Octets& ip) {
    Packet slot = pool.acquire();
    REQUIRE(slot.assign(ip));
    const std::span packets(&slot, 1);
    if ((elsewhere ? elsewhere->seal(now, packets) : engine.seal(now, packets)) != 1) return false;
    gre.push_back(read_gre(slot.bytes()));
    slot.release();
    drain();
    return true;
  }

  /// Deciphers what the Engine sent last; empty if that cannot be.
  Octets open_last() {
    const Octets& payload = gre.back().payload;
    const Result<Frame> outer = parse_frame(payload);
    if (!outer || outer->protocol != protocol::kMppe) return {};
    Packet slot = pool.acquire();
    REQUIRE(slot.assign(outer->information));
    if (opener->open(slot)) return {};
    const Result<Frame> inner = parse_inner_frame(slot.bytes());
    if (!inner || inner->protocol != protocol::kIp) return {};
    return {inner->information.begin(), inner->information.end()};
  }

  /// The MPPE header of what the Engine sent last.
  std::uint16_t last_mppe_header() const {
    const Result<Frame> outer = parse_frame(gre.back().payload);
    REQUIRE(outer);
    REQUIRE(outer->protocol == protocol::kMppe);
    return Reader(outer->information).u16();
  }

  std::uint64_t drops(Drop why) const { return engine.drops()[why]; }

  // --- time ---

  void wait(Duration span) {
    const TimePoint until = now + span;
    while (const Deadline due = next_deadline()) {
      if (*due > until) break;
      now = std::max(now, *due);
      engine.on_deadline(now);
      drain();
    }
    now = until;
    engine.on_deadline(now);
    drain();
  }

  void drain() {
    while (std::optional<EngineEvent> event = engine.poll_event())
      std::visit([this](auto&& what) { on(std::move(what)); }, *std::move(event));
    while (const auto octets = engine.poll_control()) {
      for (ControlMessage& message : messages_in(*octets))
        said.push_back(std::move(message));
    }
    while (const std::optional<Packet> packet = engine.poll_gre(now))
      sent(packet->bytes());
    if (elsewhere) drain_elsewhere();
    while (const std::optional<Packet> packet = engine.poll_ip())
      delivered.emplace_back(packet->bytes().begin(), packet->bytes().end());
  }

 private:
  Deadline next_deadline() const {
    const Deadline own = engine.next_deadline();
    return elsewhere ? earliest(own, elsewhere->next_deadline()) : own;
  }

  void sent(Bytes datagram) {
    gre.push_back(read_gre(datagram));
    if (gre.back().payload.empty()) return;
    const Result<Frame> frame = parse_frame(gre.back().payload);
    REQUIRE(frame);
    frames.push_back({frame->protocol, {frame->information.begin(), frame->information.end()}});
  }

  void drain_elsewhere() {
    while (std::optional<TxOrder> order = engine.poll_tx_order()) {
      if (auto* const setting = std::get_if<TxSetting>(&*order)) {
        elsewhere->obey(std::move(*setting));
        continue;
      }
      Packet packet = pool.acquire();
      REQUIRE(elsewhere->seal_control(now, std::get<ControlFrame>(*order), packet));
      sent(packet.bytes());
    }
    while (const std::optional<Packet> packet = elsewhere->poll_waiting(now))
      sent(packet->bytes());
    Packet acknowledgement = pool.acquire();
    if (elsewhere->seal_acknowledgement(now, acknowledgement)) sent(acknowledgement.bytes());
  }

  const KeySeed& seed() const { return std::get<AuthSuccess>(method_->outcome()).seed; }

  void tell(std::string_view word) { story += (story.empty() ? "" : " ") + std::string(word); }

  void on(CallConnected&&) { tell("connected"); }

  void on(PhaseChanged&&) {}

  void on(AuthenticationWanted&&) {}

  void on(SecretWanted&&) { FAIL("a client is not asked for secrets of others"); }

  void on(NewPasswordChosen&&) { FAIL("a client is not told of new passwords of others"); }

  void on(AnotherTry&&) { tell("again?"); }

  void on(Authenticated&&) { tell("authenticated"); }

  void on(EncryptionAgreed&& event) {
    tell("encrypted");
    encryption = event;
  }

  void on(NetworkUp&& event) {
    tell("up");
    network = event;
  }

  void on(PeerReady&&) {}

  void on(PathProbed&&) {}

  void on(NetworkDown&&) {
    tell("down");
    network.reset();
  }

  void on(Ipv6Up&& event) {
    tell("ipv6");
    ipv6 = event;
  }

  void on(Ipv6Down&&) {
    tell("no-ipv6");
    ipv6.reset();
  }

  void on(CallEnded&& event) {
    tell("ended");
    ended = std::move(event.end);
  }

  std::uint16_t call_id_;
  Credentials account_{"alice", SecretText("secret")};
  std::unique_ptr<Method> method_;
  std::uint8_t id_ = 0;
};

/// Packets both ways, enciphered, and the right ones.
inline void check_traffic(ManualPeer& peer, std::uint32_t number) {
  const std::size_t before = peer.delivered.size();
  peer.say_frame(peer.seal_ip(ip_from_server(number)));
  REQUIRE(peer.delivered.size() == before + 1);
  CHECK(peer.delivered.back() == ip_from_server(number));
  REQUIRE(peer.send_ip(ip_from_client(number)));
  CHECK(peer.open_last() == ip_from_client(number));
}

}  // namespace pptp::test
