#include "auth/mschapv2.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>
#include <variant>

#include "auth/mschapv2_math.h"
#include "lib/secret.h"

namespace pptp {
namespace {

// RFC 2759 3
constexpr std::size_t kChallengeSize = 16;
// RFC 2759 6
constexpr std::uint32_t kChangePasswordVersion = 3;

// What the peer's packets may cost us: more than re-authentication and repeats on a bad line need.
constexpr unsigned kBurst = 8;
constexpr Duration kInterval = std::chrono::seconds(1);

// What we keep of a name or message: RFC 2759 has 256 characters in a name, and what a peer writes
// is not to fill our memory. Authentication is about the name as cut.
constexpr std::size_t kMaxKept = 1024;

std::string keep(std::string_view text) {
  return std::string(text.substr(0, kMaxKept));
}

}  // namespace

MsChapV2::MsChapV2(MethodConfig config, Entropy& entropy)
    : config_(std::move(config)),
      entropy_(entropy),
      repeater_(config_.repeat_after, config_.max_repeats),
      rate_(kBurst, kInterval) {}

void MsChapV2::begin(TimePoint now) {
  if (state_ != State::initial) return;
  if (config_.role == Role::client) {
    repeater_.wait(now);
    return;
  }
  round_.authenticator_challenge.octets = entropy_.array<kChallengeSize>();
  round_.identifier = Identifier(entropy_.array<1>()[0]);
  state_ = State::awaiting;
  repeater_.send(now, build(ChapChallenge{round_.identifier, round_.authenticator_challenge.octets,
                                          config_.local_name}));
}

std::optional<Drop> MsChapV2::receive(TimePoint now, Bytes packet) {
  const Result<ChapPacket> parsed = parse_chap(packet);
  if (!parsed) return Drop::ppp_control_malformed;
  std::visit([this, now](const auto& kind) { received(now, kind); }, *parsed);
  return std::nullopt;
}

void MsChapV2::on_deadline(TimePoint now) {
  if (repeater_.on_deadline(now) != Repeater::Tick::exhausted) return;
  if (std::holds_alternative<AuthSuccess>(outcome_)) return;
  repeater_.forget();
  AuthFailure failure;
  failure.reason = AuthFailure::Reason::timed_out;
  settle(std::move(failure));
}

void MsChapV2::received(TimePoint now, const ChapChallenge& challenge) {
  // Our own Challenge mirrored is no Challenge to us: a server proves nothing.
  if (config_.role != Role::client || failed()) return;
  if (challenge.value.size() != kChallengeSize || !rate_.admits(now)) return;
  const AuthenticatorChallenge value{Reader(challenge.value).array<kChallengeSize>()};
  // Another peer challenge for the same Challenge would make the Success for the first one look
  // forged when the two cross.
  if (state_ != State::initial && challenge.identifier == round_.identifier &&
      value == round_.authenticator_challenge) {
    repeater_.again();
    return;
  }
  round_.identifier = challenge.identifier;
  round_.authenticator_challenge = value;
  round_.peer_name = keep(challenge.name);
  answer(now);
}

void MsChapV2::answer(TimePoint now) {
  const Credentials& self = *config_.credentials;
  MsChapV2Response& response = round_.response;
  response.peer_challenge.octets = entropy_.array<kChallengeSize>();
  response.nt_response = generate_nt_response(round_.authenticator_challenge,
                                              response.peer_challenge, self.user(), self.nt_hash());
  state_ = State::awaiting;
  const auto value = build(response);
  repeater_.send(now, build(ChapResponse{round_.identifier, value, self.user()}));
}

bool MsChapV2::awaits_result(Identifier identifier) const noexcept {
  return config_.role == Role::client && state_ == State::awaiting &&
         identifier == round_.identifier;
}

void MsChapV2::received(TimePoint, const ChapSuccess& success) {
  if (!awaits_result(success.identifier)) return;
  const Credentials& self = *config_.credentials;
  const NtHash hash = self.nt_hash();
  const Result<MsChapV2Success> message = parse_mschapv2_success(success.message);
  // RFC 2759 5: a client must end the link when the authenticator response is missing or wrong.
  if (!message ||
      !check_authenticator_response(hash, round_.response.nt_response,
                                    round_.response.peer_challenge, round_.authenticator_challenge,
                                    self.user(), message->authenticator_response)) {
    AuthFailure failure;
    failure.reason = AuthFailure::Reason::peer_not_authentic;
    failure.message = keep(success.message);
    settle(std::move(failure));
    return;
  }
  settle(AuthSuccess{MsChapV2Seed{hash_nt_password_hash(hash), round_.response.nt_response},
                     round_.peer_name, keep(message->text.value_or(std::string_view()))});
}

void MsChapV2::received(TimePoint, const ChapFailure& failure) {
  if (!awaits_result(failure.identifier)) return;
  const MsChapFailure message = parse_mschap_failure(failure.message);
  // RFC 2759 7: the new password is sent as an answer to the challenge of the Failure, so there
  // must be one. R= says nothing about it: Windows sends R=0, others R=1 (interop note 3.20).
  const bool change_password =
      message.code == MsChapFailure::kPasswordExpired && message.challenge.has_value();
  settle(AuthFailure{AuthFailure::Reason::refused, message.code, message.retry_allowed,
                     change_password, keep(message.text)});
}

void MsChapV2::received(TimePoint now, const ChapResponse& response) {
  // Our own Response mirrored is none to us: a client judges nobody.
  if (config_.role != Role::server || response.identifier != round_.identifier) return;
  if (state_ == State::settled && rate_.admits(now)) repeater_.again();
  if (state_ != State::awaiting) return;
  const Result<MsChapV2Response> value = parse_mschapv2_response(response.value);
  if (!value) {
    refuse(AuthFailure::Reason::malformed);
    return;
  }
  round_.response = *value;
  round_.peer_name = keep(response.name);
  repeater_.answered();
  state_ = State::deciding;
  outcome_ = AuthWantsSecret{round_.peer_name};
}

void MsChapV2::supply(TimePoint, const Credentials* credentials) {
  if (state_ != State::deciding) return;
  // For a user that does not exist, everything is computed too: how long we take tells nothing.
  const NtHash hash = credentials != nullptr ? credentials->nt_hash() : NtHash();
  const MsChapV2Response& response = round_.response;
  const NtResponse expected = generate_nt_response(round_.authenticator_challenge,
                                                   response.peer_challenge, round_.peer_name, hash);
  const AuthenticatorResponse proof = generate_authenticator_response(
      hash, expected, response.peer_challenge, round_.authenticator_challenge, round_.peer_name);
  const bool right = equal_secret(expected, response.nt_response);
  if (!right || credentials == nullptr) {
    refuse(AuthFailure::Reason::refused);
    return;
  }
  MsChapV2Success success{proof, std::nullopt};
  if ((response.flags & MsChapV2Response::kNoMessage) == 0) success.text = "Access granted";
  repeater_.send_final(build(ChapSuccess{round_.identifier, build(success)}));
  settle(AuthSuccess{MsChapV2Seed{hash_nt_password_hash(hash), expected}, round_.peer_name, {}});
}

/// Server: the same words for a wrong password and for a user that does not exist.
void MsChapV2::refuse(AuthFailure::Reason reason) {
  MsChapFailure message;
  message.challenge = round_.authenticator_challenge;
  message.version = kChangePasswordVersion;
  message.text = "Access denied";
  repeater_.send_final(build(ChapFailure{round_.identifier, build(message)}));
  AuthFailure failure;
  failure.reason = reason;
  failure.code = message.code;
  settle(std::move(failure));
}

void MsChapV2::settle(AuthOutcome outcome) {
  if (config_.role == Role::client) repeater_.answered();
  state_ = State::settled;
  outcome_ = std::move(outcome);
}

}  // namespace pptp
