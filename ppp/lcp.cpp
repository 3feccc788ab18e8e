#include "ppp/lcp.h"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "lib/coded_packet.h"
#include "lib/text.h"

namespace pptp {
namespace {

// RFC 1661 6.
constexpr std::uint8_t kMru = 1;
constexpr std::uint8_t kAsyncMap = 2;  // RFC 1662 7.1
constexpr std::uint8_t kAuthProtocol = 3;
constexpr std::uint8_t kMagic = 5;
constexpr std::uint8_t kPfc = 7;
constexpr std::uint8_t kAcfc = 8;

// RFC 1661 5.7-5.9 and RFC 1570 2.
constexpr std::uint8_t kProtocolReject = 8;
constexpr std::uint8_t kEchoRequest = 9;
constexpr std::uint8_t kEchoReply = 10;
constexpr std::uint8_t kDiscardRequest = 11;
constexpr std::uint8_t kIdentification = 12;
constexpr std::uint8_t kTimeRemaining = 13;

// CHAP algorithms: RFC 1994 3, RFC 2433 2, RFC 2759 3.
constexpr std::uint8_t kMd5 = 0x05;
constexpr std::uint8_t kMsChap = 0x80;
constexpr std::uint8_t kMsChap2 = 0x81;

constexpr std::size_t kHeaderSize = CodedPacket::kHeaderSize;
constexpr std::size_t kMagicSize = 4;

// Ours: how often a client says no to the peer's methods of authentication before it gives up. More
// than Max-Failure, so that the peer has been told so by a Reject as well.
constexpr unsigned kMaxAuthRefusals = 8;

std::uint16_t valid_mru(std::uint16_t mru) noexcept {
  return std::clamp(mru, LcpPolicy::kMinMru, LcpPolicy::kDefaultMru);
}

void put_auth(OptionWriter& out, AuthMethod method) noexcept {
  const AuthProtocol named = auth_protocol(method);
  std::array<std::uint8_t, 3> data{};
  Writer writer(data);
  writer.u16(named.protocol.value());
  if (named.algorithm) writer.u8(*named.algorithm);
  out.put(kAuthProtocol, writer.written());
}

// An option too short for a protocol number names protocol 0, which is none.
AuthProtocol parse_auth(Bytes data) noexcept {
  Reader reader(data);
  AuthProtocol named;
  named.protocol = PppProtocol(reader.u16());
  // RFC 1661 6.2 lets a protocol define what follows; only CHAP does, one octet.
  if (reader.remaining() > 0) named.algorithm = reader.u8();
  if (reader.remaining() > 0) return AuthProtocol{PppProtocol(0), std::nullopt};
  return named;
}

}  // namespace

AuthProtocol auth_protocol(AuthMethod method) noexcept {
  switch (method) {
    case AuthMethod::pap:
      return {protocol::kPap, std::nullopt};
    case AuthMethod::chap_md5:
      return {protocol::kChap, kMd5};
    case AuthMethod::mschapv1:
      return {protocol::kChap, kMsChap};
    case AuthMethod::mschapv2:
      return {protocol::kChap, kMsChap2};
    case AuthMethod::eap_mschapv2:
      return {protocol::kEap, std::nullopt};
  }
  return {};
}

std::optional<AuthMethod> auth_method(const AuthProtocol& named) noexcept {
  for (const AuthMethod method : {AuthMethod::pap, AuthMethod::chap_md5, AuthMethod::mschapv1,
                                  AuthMethod::mschapv2, AuthMethod::eap_mschapv2}) {
    if (auth_protocol(method) == named) return method;
  }
  return std::nullopt;
}

LcpPolicy::LcpPolicy(LcpConfig config, Entropy& entropy, Log log)
    : config_(std::move(config)), entropy_(entropy), log_(log) {
  // A client suggests the strongest first: AuthMethod is in ascending order.
  if (config_.role == Role::client) std::ranges::sort(config_.methods, std::greater());
}

// --- negotiation: our request ---

void LcpPolicy::restart() noexcept {
  request_ = Request{};
  const std::uint16_t mru = valid_mru(config_.mru);
  if (mru != kDefaultMru) request_.mru = mru;
  request_.magic = random_magic();
  request_.pfc = config_.pfc;
  request_.acfc = config_.acfc;
  if (config_.role == Role::server && !config_.methods.empty()) {
    methods_left_ = config_.methods;
    request_.auth = methods_left_.front();
    methods_left_.erase(methods_left_.begin());
  }
  peer_request_ = PeerRequest{};
  agreed_ = Agreed{};
  refused_auth_.reset();
  auth_refusals_ = 0;
  outstanding_echoes_ = 0;
  protocol_rejects_.clear();
}

void LcpPolicy::write_request(OptionWriter& out) noexcept {
  if (request_.mru) out.put_u16(kMru, *request_.mru);
  if (request_.auth) put_auth(out, *request_.auth);
  if (request_.magic) out.put_u32(kMagic, *request_.magic);
  if (request_.pfc) out.put_flag(kPfc);
  if (request_.acfc) out.put_flag(kAcfc);
}

void LcpPolicy::acked() noexcept {
  agreed_.local_mru = request_.mru.value_or(kDefaultMru);
  agreed_.magic = request_.magic.value_or(0);
  if (config_.role == Role::server) agreed_.auth = request_.auth;
}

bool LcpPolicy::naked(const Option& option) noexcept {
  switch (option.type) {
    case kMru: {
      Reader reader(option.data);
      const std::uint16_t mru = reader.u16();
      // Interop note 3.18: what the peer would rather send is taken, within what the RFC allows.
      if (reader.ok()) request_.mru = valid_mru(mru);
      return true;
    }
    case kAuthProtocol:
      return auth_naked(option.data);
    case kMagic:
      // RFC 1661 6.4: another number; the peer may have chosen ours by accident.
      if (request_.magic) request_.magic = random_magic();
      return true;
    case kPfc:
      request_.pfc = false;
      return true;
    case kAcfc:
      request_.acfc = false;
      return true;
    default:
      // RFC 1661 5.3: the peer would like us to ask for something; we do not have to.
      return true;
  }
}

bool LcpPolicy::auth_naked(Bytes data) noexcept {
  // A client is asked to ask for authentication, which it never does.
  if (!request_.auth) return true;
  const std::optional<AuthMethod> wanted = auth_method(parse_auth(data));
  auto chosen = methods_left_.end();
  if (wanted) chosen = std::ranges::find(methods_left_, *wanted);
  if (chosen == methods_left_.end()) chosen = methods_left_.begin();
  if (chosen == methods_left_.end()) {
    refuse_auth(auth_protocol(*request_.auth));
    return false;
  }
  request_.auth = *chosen;
  methods_left_.erase(chosen);
  return true;
}

bool LcpPolicy::rejected(const Option& option) noexcept {
  switch (option.type) {
    case kMru:
      request_.mru.reset();
      return true;
    case kAuthProtocol:
      return auth_rejected();
    case kMagic:
      request_.magic.reset();
      return true;
    case kPfc:
      request_.pfc = false;
      return true;
    case kAcfc:
      request_.acfc = false;
      return true;
    default:
      return true;
  }
}

bool LcpPolicy::auth_rejected() noexcept {
  // On a looped-back link a server rejects its own request to authenticate: that must not hide the
  // loop, so we ask again until the magic number has told.
  if (own_magic_seen_ > 0) return true;
  if (request_.auth) refuse_auth(auth_protocol(*request_.auth));
  return false;
}

// --- negotiation: the peer's request ---

void LcpPolicy::begin_judging() noexcept {
  peer_request_ = PeerRequest{};
}

Verdict LcpPolicy::judge(const Option& option, OptionWriter& nak) noexcept {
  // RFC 1661 6: a known option of a wrong length is naked with the right one.
  switch (option.type) {
    case kMru:
      return judge_mru(option.data, nak);
    case kAsyncMap:
      // Means nothing without HDLC framing, so that any is as good (interop note 3.18).
      if (option.data.size() == 4) return Verdict::ack;
      nak.put_u32(kAsyncMap, 0);
      return Verdict::nak;
    case kAuthProtocol:
      return judge_auth(option.data, nak);
    case kMagic:
      return judge_magic(option.data, nak);
    case kPfc:
      if (!config_.pfc) return Verdict::reject;
      peer_request_.framing.pfc = true;
      if (option.data.empty()) return Verdict::ack;
      nak.put_flag(kPfc);
      return Verdict::nak;
    case kAcfc:
      if (!config_.acfc) return Verdict::reject;
      peer_request_.framing.acfc = true;
      if (option.data.empty()) return Verdict::ack;
      nak.put_flag(kAcfc);
      return Verdict::nak;
    default:
      // MRRU, endpoint discriminator, callback, link discriminator and the like: all of them are
      // offered by servers that do without (interop note 3.18).
      return Verdict::reject;
  }
}

Verdict LcpPolicy::judge_mru(Bytes data, OptionWriter& nak) noexcept {
  if (data.size() != 2) {
    nak.put_u16(kMru, kDefaultMru);
    return Verdict::nak;
  }
  const std::uint16_t mru = Reader(data).u16();
  if (mru < kMinMru) {
    nak.put_u16(kMru, kMinMru);
    return Verdict::nak;
  }
  // RFC 1661 6.1: an MRU is what can be received, and need not be used up.
  peer_request_.mru = valid_mru(mru);
  return Verdict::ack;
}

Verdict LcpPolicy::judge_auth(Bytes data, OptionWriter& nak) noexcept {
  // A server proves itself inside a method (MS-CHAPv2), never by a method of its own.
  if (config_.role == Role::server) return Verdict::reject;
  const AuthProtocol named = parse_auth(data);
  const std::optional<AuthMethod> method = auth_method(named);
  if (method && std::ranges::count(config_.methods, *method) > 0) {
    peer_request_.auth = method;
    refused_auth_.reset();
    auth_refusals_ = 0;
    return Verdict::ack;
  }
  refuse_auth(named);
  if (++auth_refusals_ > kMaxAuthRefusals) return Verdict::give_up;
  if (config_.methods.empty()) return Verdict::reject;
  // The strongest first; a peer that insists hears of the others too. After Max-Failure the
  // Negotiator makes a Reject of it.
  put_auth(nak, config_.methods[(auth_refusals_ - 1) % config_.methods.size()]);
  return Verdict::nak;
}

Verdict LcpPolicy::judge_magic(Bytes data, OptionWriter& nak) noexcept {
  const std::uint32_t magic = data.size() == kMagicSize ? Reader(data).u32() : 0;
  // RFC 1661 6.4: zero is illegal and always naked.
  if (magic != 0) {
    const bool ours = request_.magic && magic == *request_.magic;
    own_magic_seen_ = ours ? own_magic_seen_ + 1 : 0;
    if (!ours) return Verdict::ack;
    if (looped_back()) return Verdict::give_up;
  }
  nak.put_u32(kMagic, random_magic());
  return Verdict::nak;
}

void LcpPolicy::judge_missing(OptionWriter&) noexcept {}

void LcpPolicy::peer_request_acked() noexcept {
  agreed_.peer_mru = peer_request_.mru;
  agreed_.send_framing = peer_request_.framing;
  if (config_.role == Role::client) agreed_.auth = peer_request_.auth;
}

// --- packets of LCP alone ---

bool LcpPolicy::extra_code(TimePoint, Negotiator& negotiator, std::uint8_t code, Identifier id,
                           Bytes data) noexcept {
  // RFC 1661 5.7-5.9: outside Opened all of these are discarded silently, but they are known.
  const bool opened = negotiator.state() == State::opened;
  switch (code) {
    case kProtocolReject:
      if (opened) receive_protocol_reject(data);
      return true;
    case kEchoRequest:
      if (opened) receive_echo_request(negotiator, id, data);
      return true;
    case kEchoReply:
      if (opened) receive_echo_reply(id, data);
      return true;
    case kDiscardRequest:
    case kIdentification:
    case kTimeRemaining:
      return true;
    default:
      return false;
  }
}

void LcpPolicy::send_echo(Negotiator& negotiator) {
  if (negotiator.state() != State::opened) return;
  std::array<std::uint8_t, kMagicSize> data{};
  Writer(data).u32(agreed_.magic);
  negotiator.send(kEchoRequest, negotiator.take_identifier(), data);
  ++outstanding_echoes_;
}

std::optional<Identifier> LcpPolicy::send_uncounted_echo(Negotiator& negotiator,
                                                         std::uint16_t size) {
  if (negotiator.state() != State::opened) return std::nullopt;
  std::vector<std::uint8_t> data(std::max<std::size_t>(size, kHeaderSize + kMagicSize) -
                                 kHeaderSize);
  Writer(data).u32(agreed_.magic);
  const Identifier id = negotiator.take_identifier();
  negotiator.send(kEchoRequest, id, data);
  return id;
}

void LcpPolicy::receive_echo_request(Negotiator& negotiator, Identifier id, Bytes data) {
  Reader reader(data);
  const std::uint32_t magic = reader.u32();
  if (!reader.ok()) return;
  // RFC 1661 6.4: our own Request that comes back may have come over a loop.
  own_magic_seen_ = is_own_magic(magic) ? own_magic_seen_ + 1 : 0;
  // RFC 1661 5.8: the Reply has our magic number and the Request's data, cut to the peer's MRU.
  const std::size_t room = agreed_.peer_mru - kHeaderSize;
  std::vector<std::uint8_t> reply(std::min(data.size(), room));
  Writer out(reply);
  out.u32(agreed_.magic);
  out.bytes(data.subspan(kMagicSize, reply.size() - kMagicSize));
  negotiator.send(kEchoReply, id, reply);
}

void LcpPolicy::receive_echo_reply(Identifier id, Bytes data) noexcept {
  Reader reader(data);
  const std::uint32_t magic = reader.u32();
  if (!reader.ok()) return;
  // DEVIATION: RFC 1661 5.8 has the replier put in a number of its own; some peers return the
  // Request's. So a Reply with our number tells nothing of a loop, where our Requests come back as
  // well, and counts as the answer it is.
  if (!is_own_magic(magic)) own_magic_seen_ = 0;
  outstanding_echoes_ = 0;
  replied_ = id;
}

bool LcpPolicy::is_own_magic(std::uint32_t magic) const noexcept {
  return agreed_.magic != 0 && magic == agreed_.magic;
}

void LcpPolicy::send_protocol_reject(Negotiator& negotiator, PppProtocol protocol,
                                     Bytes information) {
  if (negotiator.state() != State::opened) return;
  constexpr std::size_t kProtocolSize = 2;
  const std::size_t room = agreed_.peer_mru - kHeaderSize - kProtocolSize;
  const Bytes cut = information.first(std::min(information.size(), room));
  std::vector<std::uint8_t> data(kProtocolSize + cut.size());
  Writer out(data);
  out.u16(protocol.value());
  out.bytes(cut);
  negotiator.send(kProtocolReject, negotiator.take_identifier(), data);
}

void LcpPolicy::receive_protocol_reject(Bytes data) {
  Reader reader(data);
  const PppProtocol protocol(reader.u16());
  if (!reader.ok() || protocol_rejects_.size() >= kMaxProtocolRejects) return;
  protocol_rejects_.push_back(protocol);
}

std::optional<PppProtocol> LcpPolicy::poll_protocol_reject() {
  if (protocol_rejects_.empty()) return std::nullopt;
  const PppProtocol protocol = protocol_rejects_.front();
  protocol_rejects_.pop_front();
  return protocol;
}

// --- helpers ---

void LcpPolicy::refuse_auth(const AuthProtocol& named) noexcept {
  if (refused_auth_ == named) return;
  refused_auth_ = named;
  if (!log_) return;
  Text line(config_.role == Role::client ? "LCP: not allowed to authenticate by "
                                         : "LCP: the peer refuses to authenticate by ");
  line.add_hex(named.protocol.value());
  if (named.algorithm) line.add(" algorithm ").add_hex(*named.algorithm);
  log_.line(LogLevel::notice, line.view());
}

std::uint32_t LcpPolicy::random_magic() noexcept {
  const std::uint32_t magic = entropy_.u32();
  return magic != 0 ? magic : 1;  // RFC 1661 6.4: zero is illegal
}

}  // namespace pptp
