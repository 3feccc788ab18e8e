// A client's and a server's Link on one wire, and somebody who can put any frame on it, lose any
// and let any time pass. Aborts when a link comes up in clear though encryption is required, or
// breaks a promise of its interface.
//
// The input is one octet of options for each end, then steps: one octet that says what to do (low
// four bits) and to whom (the highest bit), then what that step needs.
#include "ppp/link.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "lib/bytes.h"
#include "tests/ppp/link_pair.h"

namespace pptp::test {
namespace {

// Far more than any honest link, so that an input cannot run for minutes.
constexpr std::size_t kMaxWaiting = 64;
constexpr std::size_t kMaxFrame = Negotiator::kMaxPacket;

constexpr std::array kProtocols = {protocol::kLcp,  protocol::kChap, protocol::kCcp,
                                   protocol::kIpcp, protocol::kPap,  protocol::kEap,
                                   protocol::kIp,   protocol::kMppe, protocol::kIpv6cp};

void require(bool condition) {
  if (!condition) std::abort();
}

LinkConfig configure(LinkConfig config, std::uint8_t options) {
  config.encryption.policy = options & 1   ? EncryptionPolicy::require
                             : options & 2 ? EncryptionPolicy::prefer
                                           : EncryptionPolicy::off;
  config.encryption.allow_40 = options & 4;
  config.encryption.allow_56 = options & 8;
  config.encryption.allow_128 = !(options & 16);
  config.encryption.allow_stateful = options & 32;
  config.encryption.ask_stateful = options & 64;
  config.want_wins = options & 128;
  config.ipv6 = options & 128;
  return config;
}

/// One end, what waits for it on the wire, and what it asked for last.
struct FuzzedEnd {
  FuzzedEnd(LinkConfig config, std::uint32_t seed) : end(std::move(config), seed) {}

  LinkEnd end;
  std::vector<ControlFrame> waiting;
  std::array<std::optional<Octets>, kProtocols.size()> requests;
};

class Fuzzed {
 public:
  Fuzzed(std::uint8_t client_options, std::uint8_t server_options)
      : client_(configure(client_config(), client_options), 1),
        server_(configure(server_config(), server_options), 2) {
    client_.end.link.lower_up(now_);
    server_.end.link.lower_up(now_);
    check();
  }

  void run(Reader& input) {
    while (input.remaining() > 0) {
      step(input);
      check();
    }
  }

 private:
  void step(Reader& input) {
    const std::uint8_t what = input.u8();
    FuzzedEnd& to = what & 0x80 ? server_ : client_;
    Link& link = to.end.link;
    switch (what & 0x0f) {
      case 0:  // the wire does its work
        for (int i = 0; i < 16 && (carry(client_) || carry(server_)); ++i)
          check();
        break;
      case 1:  // a frame from nowhere
      case 2:  // a whole control packet from nowhere
        inject(to, input, (what & 0x0f) == 2);
        break;
      case 3:  // an answer to what the link asked for last
        answer(to, input);
        break;
      case 4:
        now_ += std::chrono::milliseconds(100) * input.u8();
        link.on_deadline(now_);
        break;
      case 5:  // early calls are harmless, so both ends may have this one
        if (const Deadline next = link.next_deadline()) now_ = std::max(now_, *next);
        client_.end.link.on_deadline(now_);
        server_.end.link.on_deadline(now_);
        break;
      case 6:
        if (!to.waiting.empty()) to.waiting.erase(to.waiting.begin());
        break;
      case 7:
        if (!to.waiting.empty()) std::swap(to.waiting.front(), to.waiting.back());
        break;
      case 8:
        if (!to.waiting.empty()) to.waiting.push_back(to.waiting.front());
        break;
      case 9:
        link.supply_secret(now_, what & 0x40 ? nullptr : &account_);
        break;
      case 10:
        link.assign(now_, some_assignment());
        break;
      case 11:
        link.close(now_, {Cause::closed_locally, 0, {}});
        break;
      case 12:
        link.lower_down(now_, {Cause::control_lost, 0, {}});
        break;
      case 13:
        to.end.drain();
        to.end.ended.reset();
        link.lower_up(now_);
        break;
      case 14:
        link.request_reset(now_);
        break;
      case 15:
        link.note_traffic(now_);
        break;
    }
  }

  void receive(FuzzedEnd& to, PppProtocol protocol, Bytes information) {
    (void)to.end.link.receive(now_, protocol, information);
  }

  void inject(FuzzedEnd& to, Reader& input, bool whole_packet) {
    const std::uint8_t which = input.u8();
    const PppProtocol protocol =
        which < kProtocols.size() ? kProtocols.at(which) : PppProtocol(input.u16());
    if (!whole_packet) {
      receive(to, protocol, some_octets(input));
      return;
    }
    const std::uint8_t code = input.u8();
    const std::uint8_t id = input.u8();
    receive(to, protocol, control_packet(code, id, some_octets(input)));
  }

  static Bytes some_octets(Reader& input) {
    const std::size_t wanted = input.u8();
    return input.take(std::min(wanted, input.remaining()));
  }

  /// Ack, Nak or Reject with the right identifier; an Ack with the right options.
  void answer(FuzzedEnd& to, Reader& input) {
    const std::uint8_t which = input.u8();
    const std::size_t index = (which & 0x0f) % kProtocols.size();
    const std::optional<Octets>& request = to.requests.at(index);
    if (!request) return;
    Octets octets = *request;
    octets[0] = static_cast<std::uint8_t>(kConfAck + (which >> 4) % 3);
    if (octets[0] == kConfNak) {
      octets = control_packet(kConfNak, octets[1], some_octets(input));
    }
    receive(to, kProtocols.at(index), octets);
  }

  /// One frame from the wire to `to`.
  bool carry(FuzzedEnd& to) {
    if (to.waiting.empty()) return false;
    const ControlFrame frame = std::move(to.waiting.front());
    to.waiting.erase(to.waiting.begin());
    receive(to, frame.protocol, frame.information);
    return true;
  }

  void check() {
    check(client_, server_);
    check(server_, client_);
  }

  void check(FuzzedEnd& from, FuzzedEnd& to) {
    from.end.drain();
    require(from.end.violation.empty());
    require(from.end.ended.has_value() == (from.end.link.phase() == Phase::dead));
    if (from.end.ended) require(!from.end.link.next_deadline());
    if (from.end.network && from.end.config.encryption.policy == EncryptionPolicy::require) {
      require(from.end.encryption.has_value());
    }
    while (auto frame = from.end.link.poll_frame()) {
      require(!frame->protocol.is_network_layer());
      require(frame->information.size() >= 4 && frame->information.size() <= kMaxFrame);
      const auto known = std::ranges::find(kProtocols, frame->protocol);
      if (known != kProtocols.end() && frame->information[0] == kConfReq) {
        from.requests.at(static_cast<std::size_t>(known - kProtocols.begin())) = frame->information;
      }
      if (to.waiting.size() < kMaxWaiting) to.waiting.push_back(*std::move(frame));
    }
  }

  Credentials account_{"alice", SecretText("secret")};
  FuzzedEnd client_;
  FuzzedEnd server_;
  TimePoint now_ = kStart;
};

}  // namespace
}  // namespace pptp::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pptp::Reader input(pptp::Bytes(data, size));
  const std::uint8_t client_options = input.u8();
  const std::uint8_t server_options = input.u8();
  pptp::test::Fuzzed(client_options, server_options).run(input);
  return 0;
}
