// CHAP and MS-CHAPv2: the parsers, and a client and a server that get any packets in any order.
//
// The input is steps: one octet that says what to do, two for a length, then so many octets. Aborts
// when either end believes what has not been proven, or breaks a promise of its interface.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/chap_packet.h"
#include "auth/method.h"
#include "auth/mschap_message.h"
#include "auth/mschapv2_math.h"
#include "lib/bytes.h"

namespace pptp {
namespace {

using Octets = std::vector<std::uint8_t>;

void require(bool condition) {
  if (!condition) std::abort();
}

/// Gives the octets that the input asked for, then counts.
class InputEntropy final : public Entropy {
 public:
  void append(Bytes octets) { octets_.insert(octets_.end(), octets.begin(), octets.end()); }

  void fill(MutableBytes out) noexcept override {
    for (std::uint8_t& octet : out) {
      octet = used_ < octets_.size() ? octets_[used_++] : ++count_;
    }
  }

 private:
  Octets octets_;
  std::size_t used_ = 0;
  std::uint8_t count_ = 0;
};

template <class Alternative>
bool is(const AuthOutcome& outcome) {
  return std::holds_alternative<Alternative>(outcome);
}

template <class Packet>
std::optional<Packet> parse_as(const Octets& octets) {
  const auto packet = parse_chap(octets);
  if (!packet || !std::holds_alternative<Packet>(*packet)) return std::nullopt;
  return std::get<Packet>(*packet);
}

void check_parsers(Bytes data) {
  if (const auto packet = parse_chap(data)) {
    const Octets built = build(*packet);
    require(built.size() <= data.size() && built.size() <= kMaxChapPacket);
    if (data.size() <= kMaxChapPacket) {
      require(std::equal(built.begin(), built.end(), data.begin()));
    }
  }
  if (const auto response = parse_mschapv2_response(data)) {
    const auto again = parse_mschapv2_response(build(*response));
    require(again && again->peer_challenge == response->peer_challenge &&
            again->nt_response == response->nt_response && again->flags == response->flags);
  }
  const std::string_view text = as_text(data);
  if (const auto success = parse_mschapv2_success(text)) {
    const std::string built = build(*success);
    require(parse_mschapv2_success(built) == success);
  }
  const MsChapFailure failure = parse_mschap_failure(text);
  const std::string built = build(failure);
  const MsChapFailure again = parse_mschap_failure(built);
  require(again.code == failure.code && again.retry_allowed == failure.retry_allowed &&
          again.challenge == failure.challenge && again.version == failure.version &&
          again.text == failure.text);
}

/// One end, with what every Method promises.
class End {
 public:
  End(Role role, const Credentials* credentials)
      : method_(make_method(AuthMethod::mschapv2, {role, credentials, "pptpd"}, entropy_)) {}

  InputEntropy& entropy() { return entropy_; }

  Method& method() { return *method_; }

  const AuthOutcome& outcome() const { return method_->outcome(); }

  /// What it wants to send now; one packet at most, whatever went before.
  std::optional<Octets> sent() {
    auto packet = method_->poll();
    if (packet) {
      require(packet->size() <= kMaxChapPacket && parse_chap(*packet).has_value());
      last_sent_ = *packet;
    }
    require(!method_->poll());
    return packet;
  }

  const Octets& last_sent() const { return last_sent_; }

  void on_deadline(TimePoint now) {
    method_->on_deadline(now);
    require(!method_->next_deadline() || *method_->next_deadline() > now);
  }

  /// A failure is for good, and a success ends in nothing but a failure.
  void check_history() {
    const AuthOutcome& now = outcome();
    if (was_failure_) require(is<AuthFailure>(now));
    if (was_success_) require(is<AuthSuccess>(now) || is<AuthFailure>(now));
    was_failure_ = is<AuthFailure>(now);
    was_success_ = is<AuthSuccess>(now);
  }

 private:
  InputEntropy entropy_;
  std::unique_ptr<Method> method_;
  Octets last_sent_;
  bool was_failure_ = false;
  bool was_success_ = false;
};

class Exchange {
 public:
  Exchange() : client_(Role::client, &alice_), server_(Role::server, nullptr) {}

  void step(unsigned what, Bytes data) {
    switch (what % 8) {
      case 0:
        client_.entropy().append(data);
        break;
      case 1:
        server_.entropy().append(data);
        break;
      case 2:
        begin();
        to_client({data.begin(), data.end()});
        break;
      case 3:
        begin();
        to_server({data.begin(), data.end()});
        break;
      case 4:
        begin();
        pass(std::chrono::milliseconds(10 * Reader(data).u16()));
        break;
      case 5:
        begin();
        supply(data.empty());
        break;
      case 6:
        begin();
        to_client(server_.last_sent());
        to_server(client_.last_sent());
        break;
      default:
        check_parsers(data);
        break;
    }
    client_.check_history();
    server_.check_history();
  }

 private:
  void begin() {
    if (std::exchange(begun_, true)) return;
    client_.method().begin(now_);
    server_.method().begin(now_);
    require(server_.sent().has_value());
    require(!client_.sent());
  }

  void to_client(Octets packet) {
    check_parsers(packet);
    const bool before = is<AuthSuccess>(client_.outcome());
    client_.method().receive(now_, packet);
    if (is<AuthSuccess>(client_.outcome()) && !before) require(proves_server(packet));
    if (const auto response = client_.sent()) {
      // It answers Challenges and nothing else, with nothing but what it must tell.
      require(parse_as<ChapChallenge>(packet).has_value());
      challenge_ = std::move(packet);
      require(is_right(*response, *challenge_));
    }
  }

  void to_server(Octets packet) {
    check_parsers(packet);
    const bool before = is<AuthWantsSecret>(server_.outcome());
    const bool success_before = is<AuthSuccess>(server_.outcome());
    const Octets challenge = server_.last_sent();
    server_.method().receive(now_, packet);
    require(is<AuthSuccess>(server_.outcome()) == success_before);
    if (is<AuthWantsSecret>(server_.outcome()) && !before) {
      const auto response = parse_as<ChapResponse>(packet);
      require(response &&
              std::get<AuthWantsSecret>(server_.outcome()).user == response->name.substr(0, 1024));
      claim_is_right_ = is_right(packet, challenge);
    }
    server_.sent();
  }

  void supply(bool known) {
    const bool wanted = is<AuthWantsSecret>(server_.outcome());
    const bool before = is<AuthSuccess>(server_.outcome());
    server_.method().supply(now_, known ? &alice_ : nullptr);
    if (wanted) {
      require(is<AuthSuccess>(server_.outcome()) == (known && claim_is_right_));
      require(is<AuthSuccess>(server_.outcome()) || is<AuthFailure>(server_.outcome()));
      require(server_.sent().has_value());
    } else {
      require(is<AuthSuccess>(server_.outcome()) == before);
    }
  }

  void pass(Duration time) {
    now_ += time;
    client_.on_deadline(now_);
    server_.on_deadline(now_);
    const Octets response = client_.last_sent();
    if (client_.sent()) require(client_.last_sent() == response);
    const Octets challenge = server_.last_sent();
    if (server_.sent()) require(server_.last_sent() == challenge);
  }

  /// Whether a Response is what somebody who knows the password makes for a Challenge.
  bool is_right(const Octets& response_packet, const Octets& challenge_packet) const {
    const auto response = parse_as<ChapResponse>(response_packet);
    const auto challenge = parse_as<ChapChallenge>(challenge_packet);
    if (!response || !challenge || response->identifier != challenge->identifier) return false;
    const auto value = parse_mschapv2_response(response->value);
    if (!value || challenge->value.size() != 16) return false;
    const AuthenticatorChallenge authenticator{Reader(challenge->value).array<16>()};
    return value->nt_response == generate_nt_response(authenticator, value->peer_challenge,
                                                      response->name, alice_.nt_hash());
  }

  /// Whether a packet is the Success that the client's last Response asks for.
  bool proves_server(const Octets& packet) const {
    const auto success = parse_as<ChapSuccess>(packet);
    const auto response = parse_as<ChapResponse>(client_.last_sent());
    if (!success || !response || !challenge_ || success->identifier != response->identifier) {
      return false;
    }
    const auto value = parse_mschapv2_response(response->value);
    const auto message = parse_mschapv2_success(success->message);
    const auto challenge = parse_as<ChapChallenge>(*challenge_);
    if (!value || !message || !challenge) return false;
    const AuthenticatorChallenge authenticator{Reader(challenge->value).array<16>()};
    return message->authenticator_response ==
           generate_authenticator_response(alice_.nt_hash(), value->nt_response,
                                           value->peer_challenge, authenticator, alice_.user());
  }

  const Credentials alice_{"alice", SecretText("secret")};
  TimePoint now_{};
  bool begun_ = false;
  End client_;
  End server_;
  std::optional<Octets> challenge_;  ///< that the client has answered last
  bool claim_is_right_ = false;      ///< the Response that the server has asked a secret for
};

}  // namespace
}  // namespace pptp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pptp::Reader input(pptp::Bytes(data, size));
  pptp::Exchange exchange;
  while (input.remaining() > 0) {
    const unsigned what = input.u8();
    const std::size_t length = input.u16();
    exchange.step(what, input.take(std::min(length, input.remaining())));
  }
  return 0;
}
