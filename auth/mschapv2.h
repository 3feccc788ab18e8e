#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "auth/chap_packet.h"
#include "auth/method.h"
#include "auth/mschap_message.h"
#include "auth/repeater.h"
#include "lib/ids.h"
#include "lib/rate_cap.h"

namespace pptp {

/// MS-CHAP version 2 over CHAP (RFC 2759) in either role.
///
/// Client: answers every Challenge. The same Challenge again (a repeat that crossed our Response,
/// or whose Response was lost) gets the same Response again, with the same peer challenge, so that
/// the Success for either can be verified; a new one starts a new round. A Response is repeated
/// until its result comes (interop note 3.23). After a success, a round without a result changes
/// nothing, as judging it is the server's part; one with a success replaces the seed (interop note
/// 3.34).
///
/// Server: repeats its Challenge until a Response comes, asks for the secret once, and gives every
/// later Response to that Challenge the same result (RFC 1994 4.2).
///
/// What a peer may make it send or compute is capped: a few packets at once, then one a second.
class MsChapV2 final : public Method {
 public:
  /// `entropy` must outlive this; a client has credentials.
  MsChapV2(MethodConfig config, Entropy& entropy);

  AuthMethod kind() const noexcept override { return AuthMethod::mschapv2; }

  void begin(TimePoint now) override;
  std::optional<Drop> receive(TimePoint now, Bytes packet) override;
  void on_deadline(TimePoint now) override;

  Deadline next_deadline() const noexcept override { return repeater_.next_deadline(); }

  std::optional<std::vector<std::uint8_t>> poll() override { return repeater_.poll(); }

  const AuthOutcome& outcome() const noexcept override { return outcome_; }

  void supply(TimePoint now, const Credentials* credentials) override;

 private:
  enum class State : std::uint8_t {
    initial,   ///< no Challenge yet
    awaiting,  ///< client: for the result; server: for a Response
    deciding,  ///< server: for supply()
    settled,
  };

  /// One Challenge and what belongs to it.
  struct Round {
    Identifier identifier;
    AuthenticatorChallenge authenticator_challenge;
    MsChapV2Response response;
    std::string peer_name;
  };

  void received(TimePoint now, const ChapChallenge& challenge);
  void received(TimePoint now, const ChapResponse& response);
  void received(TimePoint now, const ChapSuccess& success);
  void received(TimePoint now, const ChapFailure& failure);

  bool failed() const noexcept { return std::holds_alternative<AuthFailure>(outcome_); }

  bool awaits_result(Identifier identifier) const noexcept;
  void answer(TimePoint now);
  void refuse(AuthFailure::Reason reason);
  void settle(AuthOutcome outcome);

  MethodConfig config_;
  Entropy& entropy_;
  Repeater repeater_;
  RateCap rate_;
  State state_ = State::initial;
  Round round_;
  AuthOutcome outcome_;
};

}  // namespace pptp
