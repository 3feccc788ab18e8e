#include "auth/eap_mschapv2.h"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include "auth/chap_packet.h"
#include "auth/mschap_message.h"

namespace pptp {
namespace {

// What the peer's packets may cost us: several rounds with an identity each.
constexpr unsigned kBurst = 16;
constexpr Duration kInterval = std::chrono::seconds(1);

/// draft-kamath-pppext-eap-mschapv2 2.4 and 2.6: a result is acknowledged by its code alone.
constexpr std::uint8_t kSuccessHeard[] = {std::to_underlying(ChapCode::success)};
constexpr std::uint8_t kFailureHeard[] = {std::to_underlying(ChapCode::failure)};

}  // namespace

EapMsChapV2::EapMsChapV2(MethodConfig config, Entropy& entropy)
    : config_(config),
      repeater_(config.repeat_after, config.max_repeats),
      rate_(kBurst, kInterval),
      inner_(std::move(config), entropy) {
  identifier_ = Identifier(config_.role == Role::server ? entropy.array<1>()[0] : std::uint8_t{0});
}

void EapMsChapV2::begin(TimePoint now) {
  if (config_.role == Role::client) {
    if (requested_.empty()) repeater_.wait(now);
  } else {
    request(now, eap_type::kIdentity, {});
  }
}

std::optional<Drop> EapMsChapV2::receive(TimePoint now, Bytes packet) {
  const Result<EapPacket> parsed = parse_eap(packet);
  if (!parsed) return Drop::ppp_control_malformed;
  const bool client = config_.role == Role::client;
  switch (parsed->code) {
    case EapCode::request:
      if (client) requested(now, *parsed, packet);
      break;
    case EapCode::response:
      if (!client) responded(now, *parsed);
      break;
    case EapCode::success:
      if (client) told_success();
      break;
    case EapCode::failure:
      if (client) told_failure();
      break;
  }
  return std::nullopt;
}

void EapMsChapV2::on_deadline(TimePoint now) {
  if (success_due_ && now >= *success_due_) {
    success_due_.reset();
    inner_decides_ = true;
  }
  if (repeater_.on_deadline(now) != Repeater::Tick::exhausted) return;
  // A server whose last word goes unheard has said it all the same.
  if (inner_is<AuthFailure>()) {
    inner_decides_ = true;
  } else if (!inner_decides_) {
    repeater_.forget();
    fail(AuthFailure::Reason::timed_out, 0);
  }
}

void EapMsChapV2::fail(AuthFailure::Reason reason, std::uint32_t code) {
  AuthFailure failure;
  failure.reason = reason;
  failure.code = code;
  inner_decides_ = false;
  outcome_ = std::move(failure);
}

// --- client ---

void EapMsChapV2::requested(TimePoint now, const EapPacket& request, Bytes packet) {
  if (std::holds_alternative<AuthFailure>(outcome()) || !rate_.admits(now)) return;
  // RFC 3748 4.1: a request that comes again gets the same response again.
  if (std::ranges::equal(packet, requested_)) {
    repeater_.again();
    return;
  }
  requested_.assign(packet.begin(), packet.end());
  identifier_ = request.identifier;
  repeater_.forget();
  naked_ = false;
  switch (request.type) {
    case eap_type::kIdentity:
      respond(eap_type::kIdentity, as_bytes(config_.credentials->user()));
      break;
    case eap_type::kNotification:
      respond(eap_type::kNotification, {});
      break;
    case eap_type::kMsChapV2:
      challenged(now, request.data);
      break;
    default: {
      naked_ = true;
      constexpr std::array kWanted = {eap_type::kMsChapV2};
      respond(eap_type::kNak, kWanted);
      break;
    }
  }
}

void EapMsChapV2::challenged(TimePoint now, Bytes data) {
  (void)inner_.receive(now, data);
  const bool success = !data.empty() && data.front() == std::to_underlying(ChapCode::success);
  if (const auto packet = inner_.poll()) {
    respond(eap_type::kMsChapV2, *packet);
  } else if (success && inner_is<AuthSuccess>()) {
    respond(eap_type::kMsChapV2, kSuccessHeard);
    if (!inner_decides_) success_due_ = now + kSuccessLimit;
  } else if (const auto* failure = std::get_if<AuthFailure>(&inner_.outcome())) {
    inner_decides_ = true;
    // Where there may be another try, that is the response.
    if (!failure->retry_allowed && !failure->change_password &&
        failure->reason == AuthFailure::Reason::refused) {
      respond(eap_type::kMsChapV2, kFailureHeard);
    }
  }
}

void EapMsChapV2::told_success() {
  if (inner_is<AuthSuccess>()) {
    success_due_.reset();
    inner_decides_ = true;
  } else if (!std::holds_alternative<AuthFailure>(outcome())) {
    // It lets us in and has not shown that it knows the password.
    fail(AuthFailure::Reason::peer_not_authentic, 0);
  }
}

void EapMsChapV2::told_failure() {
  if (std::holds_alternative<AuthFailure>(outcome())) return;
  repeater_.forget();
  success_due_.reset();
  fail(naked_ ? AuthFailure::Reason::no_common_method : AuthFailure::Reason::refused,
       MsChapFailure::kAuthenticationFailure);
}

void EapMsChapV2::try_again(TimePoint now, const Credentials& credentials) {
  inner_.try_again(now, credentials);
  const auto packet = inner_.poll();
  if (!packet) return;
  config_.credentials = &credentials;
  inner_decides_ = false;
  respond(eap_type::kMsChapV2, *packet);
}

void EapMsChapV2::respond(std::uint8_t type, Bytes data) {
  repeater_.send_final(build(EapPacket{EapCode::response, identifier_, type, data}));
}

// --- server ---

void EapMsChapV2::responded(TimePoint now, const EapPacket& response) {
  if (response.identifier != identifier_ || !repeater_.next_deadline() || !rate_.admits(now))
    return;
  switch (response.type) {
    case eap_type::kIdentity:
      // Who it is, the response to the challenge tells.
      inner_.begin(now);
      relay_inner(now);
      break;
    case eap_type::kNak:
      finish(EapCode::failure);
      fail(AuthFailure::Reason::no_common_method, 0);
      break;
    case eap_type::kMsChapV2:
      if (inner_is<AuthSuccess>()) {
        if (!std::ranges::equal(response.data, kSuccessHeard)) break;
        finish(EapCode::success);
        inner_decides_ = true;
      } else if (inner_is<AuthFailure>()) {
        finish(EapCode::failure);
        inner_decides_ = true;
      } else if (std::ranges::equal(response.data, kFailureHeard)) {
        // It does not want the other try that it was offered.
        finish(EapCode::failure);
        fail(AuthFailure::Reason::refused, MsChapFailure::kAuthenticationFailure);
      } else {
        (void)inner_.receive(now, response.data);
        if (inner_is<AuthWantsSecret>() || inner_is<AuthWantsPasswordStored>()) {
          repeater_.answered();
          inner_decides_ = true;
        } else {
          relay_inner(now);
        }
      }
      break;
    default:
      break;
  }
}

void EapMsChapV2::supply(TimePoint now, const Credentials* credentials) {
  inner_.supply(now, credentials);
  relay_inner(now);
}

void EapMsChapV2::password_stored(TimePoint now, bool stored) {
  inner_.password_stored(now, stored);
  relay_inner(now);
}

/// What MS-CHAP has to say becomes a request; what comes of it is known when it is answered.
void EapMsChapV2::relay_inner(TimePoint now) {
  const auto packet = inner_.poll();
  if (!packet) return;
  inner_decides_ = false;
  request(now, eap_type::kMsChapV2, *packet);
}

void EapMsChapV2::request(TimePoint now, std::uint8_t type, Bytes data) {
  identifier_ = next(identifier_);
  repeater_.send(now, build(EapPacket{EapCode::request, identifier_, type, data}));
}

void EapMsChapV2::finish(EapCode code) {
  repeater_.send_final(build(EapPacket{code, identifier_, 0, {}}));
}

}  // namespace pptp
