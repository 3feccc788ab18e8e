#include "auth/chap.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "auth/chap_md5.h"
#include "auth/mschap_message.h"
#include "auth/mschapv1.h"
#include "auth/mschapv2.h"

namespace pptp {
namespace {

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

template <class Rules>
Chap<Rules>::Chap(MethodConfig config, Entropy& entropy)
    : config_(std::move(config)),
      entropy_(entropy),
      repeater_(config_.repeat_after, config_.max_repeats),
      rate_(kBurst, kInterval),
      retries_left_(Rules::kRetries ? config_.retries : 0) {}

template <class Rules>
void Chap<Rules>::begin(TimePoint now) {
  if (state_ != State::initial) return;
  if (config_.role == Role::client) {
    repeater_.wait(now);
    return;
  }
  draw_challenge();
  round_.identifier = Identifier(entropy_.array<1>()[0]);
  state_ = State::awaiting;
  repeater_.send(now,
                 build(ChapChallenge{round_.identifier, round_.challenge, config_.local_name}));
}

template <class Rules>
std::optional<Drop> Chap<Rules>::receive(TimePoint now, Bytes packet) {
  const Result<ChapPacket> parsed = parse_chap(packet);
  if (!parsed) return Drop::ppp_control_malformed;
  std::visit([this, now](const auto& kind) { this->received(now, kind); }, *parsed);
  return std::nullopt;
}

template <class Rules>
void Chap<Rules>::on_deadline(TimePoint now) {
  if (repeater_.on_deadline(now) != Repeater::Tick::exhausted) return;
  if (std::holds_alternative<AuthSuccess>(outcome_)) return;
  repeater_.forget();
  AuthFailure failure;
  failure.reason = AuthFailure::Reason::timed_out;
  settle(std::move(failure));
}

// --- client ---

template <class Rules>
void Chap<Rules>::received(TimePoint now, const ChapChallenge& challenge) {
  // Our own Challenge mirrored is no Challenge to us: a server proves nothing.
  if (config_.role != Role::client || failed()) return;
  if (!Rules::is_challenge(challenge.value) || !rate_.admits(now)) return;
  // Another peer challenge for the same Challenge would make the Success for the first one look
  // forged when the two cross.
  if (state_ != State::initial && challenge.identifier == round_.identifier &&
      std::ranges::equal(challenge.value, round_.challenge)) {
    repeater_.again();
    return;
  }
  round_.identifier = challenge.identifier;
  round_.challenge.assign(challenge.value.begin(), challenge.value.end());
  round_.peer_name = keep(challenge.name);
  answer(now);
}

template <class Rules>
void Chap<Rules>::answer(TimePoint now) {
  state_ = State::awaiting;
  const auto value = rules_.respond(round_, *config_.credentials, entropy_);
  repeater_.send(now, build(ChapResponse{round_.identifier, value, config_.credentials->user()}));
}

template <class Rules>
bool Chap<Rules>::awaits_result(Identifier identifier) const noexcept {
  return config_.role == Role::client && state_ == State::awaiting &&
         identifier == round_.identifier;
}

template <class Rules>
void Chap<Rules>::received(TimePoint, const ChapSuccess& success) {
  if (!awaits_result(success.identifier)) return;
  std::optional<ChapProof> proof = rules_.verify(round_, *config_.credentials, success.message);
  if (!proof) {
    AuthFailure failure;
    failure.reason = AuthFailure::Reason::peer_not_authentic;
    failure.message = keep(success.message);
    settle(std::move(failure));
    return;
  }
  settle(AuthSuccess{std::move(proof->seed), round_.peer_name, keep(proof->message)});
}

template <class Rules>
void Chap<Rules>::received(TimePoint, const ChapFailure& failure) {
  if (!awaits_result(failure.identifier)) return;
  ChapRefusal refusal = Rules::read_refusal(failure.message);
  next_challenge_ = std::move(refusal.challenge);
  // RFC 2759 7: the new password is sent as an answer to the challenge of the Failure, so there
  // must be one. R= says nothing about it: Windows sends R=0, others R=1 (interop note 3.20).
  const bool next = !next_challenge_.empty();
  settle(AuthFailure{AuthFailure::Reason::refused, refusal.code, next && refusal.retry_allowed,
                     next && refusal.expired && Rules::kChangeCode.has_value(),
                     keep(refusal.text)});
}

template <class Rules>
void Chap<Rules>::try_again(TimePoint now, const Credentials& credentials) {
  const auto* failure = std::get_if<AuthFailure>(&outcome_);
  if (failure == nullptr || next_challenge_.empty()) return;
  const bool change = failure->change_password;
  if (!change && !failure->retry_allowed) return;
  if (change && !credentials.password()) return;
  // RFC 2759 7: the identifier is that of the Failure plus 1.
  round_.identifier = pptp::next(round_.identifier);
  round_.challenge = std::exchange(next_challenge_, {});
  outcome_ = AuthPending{};
  const Credentials& before = *std::exchange(config_.credentials, &credentials);
  if constexpr (Rules::kChangeCode.has_value()) {
    if (change) {
      state_ = State::awaiting;
      const auto data = rules_.change(round_, before, credentials, entropy_);
      repeater_.send(now, build(ChapChange<*Rules::kChangeCode>{round_.identifier, data}));
      return;
    }
  }
  answer(now);
}

// --- server ---

template <class Rules>
bool Chap<Rules>::is_next_response(const ChapResponse& response) const noexcept {
  const bool same = response.identifier == round_.identifier;
  if (state_ == State::awaiting) return same;
  if (state_ != State::retrying) return false;
  // Peers count the identifier on for another try, or do not.
  return response.identifier == pptp::next(round_.identifier) ||
         (same && !std::ranges::equal(response.value, last_value_));
}

template <class Rules>
void Chap<Rules>::received(TimePoint now, const ChapResponse& response) {
  // Our own Response mirrored is none to us: a client judges nobody.
  if (config_.role != Role::server) return;
  if (!is_next_response(response)) {
    const bool has_result =
        state_ == State::settled || state_ == State::retrying || state_ == State::changing;
    if (has_result && response.identifier == round_.identifier && rate_.admits(now)) {
      repeater_.again();
    }
    return;
  }
  round_.identifier = response.identifier;
  if (!rules_.read(response.value)) {
    refuse(AuthFailure::Reason::malformed);
    return;
  }
  last_value_.assign(response.value.begin(), response.value.end());
  round_.peer_name = keep(response.name);
  repeater_.answered();
  state_ = State::deciding;
  outcome_ = AuthWantsSecret{round_.peer_name};
}

template <class Rules>
void Chap<Rules>::supply(TimePoint, const Credentials* credentials) {
  if (state_ != State::deciding) return;
  // For a user that does not exist, everything is computed too: how long we take tells nothing.
  const Credentials nobody(round_.peer_name, NtHash());
  std::optional<ChapProof> proof =
      rules_.judge(round_, credentials != nullptr ? *credentials : nobody);
  if (!proof || credentials == nullptr) {
    refuse(AuthFailure::Reason::refused);
  } else if (credentials->expired()) {
    refuse_expired(*credentials);
  } else {
    accept(*std::move(proof));
  }
}

template <class Rules>
template <ChapCode kCode>
void Chap<Rules>::received(TimePoint now, const ChapChange<kCode>& change) {
  if constexpr (Rules::kChangeCode == kCode) {
    if (config_.role != Role::server) return;
    if (state_ == State::settled && change.identifier == round_.identifier && rate_.admits(now)) {
      repeater_.again();
    }
    if (state_ != State::changing || change.identifier != pptp::next(round_.identifier)) return;
    round_.identifier = change.identifier;
    std::optional<SecretText> password = rules_.read_change(change.data, old_hash_);
    old_hash_ = NtHash();
    if (!password) {
      refuse(AuthFailure::Reason::malformed);
      return;
    }
    // Before it is stored: who does not know what the new password is must not set it.
    proof_ = rules_.judge(round_, Credentials(round_.peer_name, password->clone()));
    if (!proof_) {
      refuse_change();
      return;
    }
    state_ = State::storing;
    outcome_ = AuthWantsPasswordStored{round_.peer_name, *std::move(password)};
  }
}

template <class Rules>
void Chap<Rules>::password_stored(TimePoint, bool stored) {
  if (state_ != State::storing) return;
  std::optional<ChapProof> proof = std::exchange(proof_, std::nullopt);
  if (stored) {
    accept(*std::move(proof));
  } else {
    refuse_change();
  }
}

template <class Rules>
void Chap<Rules>::draw_challenge() {
  const auto drawn = entropy_.array<Rules::kChallengeSize>();
  round_.challenge.assign(drawn.begin(), drawn.end());
}

template <class Rules>
void Chap<Rules>::accept(ChapProof proof) {
  repeater_.send_final(build(ChapSuccess{round_.identifier, proof.message}));
  settle(AuthSuccess{std::move(proof.seed), round_.peer_name, {}});
}

/// The same words for a wrong password and for a user that does not exist.
template <class Rules>
void Chap<Rules>::refuse(AuthFailure::Reason reason) {
  ChapRefusal refusal;
  refusal.code = MsChapFailure::kAuthenticationFailure;
  refusal.text = "Access denied";
  refusal.retry_allowed = reason == AuthFailure::Reason::refused && retries_left_ > 0;
  if (!refusal.retry_allowed) {
    refusal.challenge = round_.challenge;
    end_with(reason, refusal);
    return;
  }
  --retries_left_;
  draw_challenge();
  refusal.challenge = round_.challenge;
  repeater_.send_final(build(ChapFailure{round_.identifier, Rules::write_refusal(refusal)}));
  state_ = State::retrying;
  outcome_ = AuthPending{};
}

/// The password is right and may no longer be used.
template <class Rules>
void Chap<Rules>::refuse_expired(const Credentials& credentials) {
  ChapRefusal refusal;
  refusal.code = MsChapFailure::kPasswordExpired;
  refusal.text = "Password expired";
  if (!Rules::kChangeCode) {
    end_with(AuthFailure::Reason::refused, refusal);
    return;
  }
  draw_challenge();
  refusal.challenge = round_.challenge;
  repeater_.send_final(build(ChapFailure{round_.identifier, Rules::write_refusal(refusal)}));
  old_hash_ = credentials.nt_hash();
  state_ = State::changing;
  outcome_ = AuthPending{};
}

template <class Rules>
void Chap<Rules>::refuse_change() {
  ChapRefusal refusal;
  refusal.code = MsChapFailure::kChangingPassword;
  refusal.challenge = round_.challenge;
  refusal.text = "The password was not changed";
  end_with(AuthFailure::Reason::refused, refusal);
}

template <class Rules>
void Chap<Rules>::end_with(AuthFailure::Reason reason, const ChapRefusal& refusal) {
  repeater_.send_final(build(ChapFailure{round_.identifier, Rules::write_refusal(refusal)}));
  AuthFailure failure;
  failure.reason = reason;
  failure.code = refusal.code;
  settle(std::move(failure));
}

template <class Rules>
void Chap<Rules>::settle(AuthOutcome outcome) {
  if (config_.role == Role::client) repeater_.answered();
  state_ = State::settled;
  outcome_ = std::move(outcome);
}

template class Chap<ChapMd5Rules>;
template class Chap<MsChapV1Rules>;
template class Chap<MsChapV2Rules>;

}  // namespace pptp
