#include "auth/pap.h"

#include <chrono>
#include <utility>
#include <variant>

#include "auth/mschap_message.h"

namespace pptp {
namespace {

// What the peer's repeats may cost us.
constexpr unsigned kBurst = 8;
constexpr Duration kInterval = std::chrono::seconds(1);

AuthFailure refusal(std::uint32_t code, std::string_view message) {
  AuthFailure failure;
  failure.code = code;
  failure.message = message;
  return failure;
}

}  // namespace

Pap::Pap(MethodConfig config)
    : config_(std::move(config)),
      repeater_(config_.repeat_after, config_.max_repeats),
      rate_(kBurst, kInterval) {}

void Pap::begin(TimePoint now) {
  if (config_.role == Role::server) {
    repeater_.wait(now);
    return;
  }
  identifier_ = Identifier(1);
  const Credentials& self = *config_.credentials;
  repeater_.send(now, build(PapRequest{identifier_, self.user(),
                                       self.password().value_or(std::string_view())}));
}

std::optional<Drop> Pap::receive(TimePoint now, Bytes packet) {
  const Result<PapPacket> parsed = parse_pap(packet);
  if (!parsed) return Drop::ppp_control_malformed;
  std::visit([this, now](const auto& kind) { this->received(now, kind); }, *parsed);
  return std::nullopt;
}

void Pap::on_deadline(TimePoint now) {
  if (repeater_.on_deadline(now) != Repeater::Tick::exhausted) return;
  repeater_.forget();
  AuthFailure failure;
  failure.reason = AuthFailure::Reason::timed_out;
  outcome_ = std::move(failure);
}

bool Pap::awaits_result(Identifier identifier) const noexcept {
  return config_.role == Role::client && std::holds_alternative<AuthPending>(outcome_) &&
         repeater_.next_deadline() && identifier == identifier_;
}

void Pap::received(TimePoint, const PapAck& ack) {
  if (!awaits_result(ack.identifier)) return;
  repeater_.forget();
  outcome_ = AuthSuccess{{}, {}, std::string(ack.message)};
}

void Pap::received(TimePoint, const PapNak& nak) {
  if (!awaits_result(nak.identifier)) return;
  repeater_.forget();
  outcome_ = refusal(MsChapFailure::kAuthenticationFailure, nak.message);
}

void Pap::received(TimePoint now, const PapRequest& request) {
  // Our own request mirrored is none to us: a client judges nobody.
  if (config_.role != Role::server) return;
  if (!std::holds_alternative<AuthPending>(outcome_)) {
    // RFC 1334 2.2.1: who asks again has not had the result. An older request's is the same one.
    if (request.identifier == identifier_ && rate_.admits(now)) repeater_.again();
    return;
  }
  identifier_ = request.identifier;
  peer_name_ = request.user;
  password_ = SecretText(request.password);
  repeater_.answered();
  outcome_ = AuthWantsSecret{peer_name_};
}

void Pap::supply(TimePoint, const Credentials* credentials) {
  if (!std::holds_alternative<AuthWantsSecret>(outcome_)) return;
  // Hashes are compared: that takes the same time for passwords of any length, and for a user that
  // does not exist.
  const PasswordText kind = credentials != nullptr ? credentials->kind() : PasswordText::utf8;
  const NtHash given = Credentials(peer_name_, std::exchange(password_, {}), kind).nt_hash();
  const NtHash wanted = credentials != nullptr ? credentials->nt_hash() : NtHash();
  const bool right = equal_secret(given.bytes(), wanted.bytes()) && credentials != nullptr;
  if (right && !credentials->expired()) {
    repeater_.send_final(build(PapAck{identifier_, "Access granted"}));
    outcome_ = AuthSuccess{{}, peer_name_, {}};
    return;
  }
  repeater_.send_final(build(PapNak{identifier_, right ? "Password expired" : "Access denied"}));
  outcome_ =
      refusal(right ? MsChapFailure::kPasswordExpired : MsChapFailure::kAuthenticationFailure, {});
}

}  // namespace pptp
