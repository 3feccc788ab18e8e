#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "auth/eap_packet.h"
#include "auth/method.h"
#include "auth/mschapv2.h"
#include "auth/repeater.h"
#include "lib/ids.h"
#include "lib/rate_cap.h"

namespace pptp {

/// EAP (RFC 3748) with the types Identity and EAP-MSCHAPv2 (draft-kamath-pppext-eap-mschapv2) in
/// either role: MS-CHAPv2's packets inside EAP's, so that what is said is MsChapV2's doing and when
/// it is said is EAP's.
///
/// Client: answers requests and repeats nothing by itself (RFC 3748 4.3). Any type but Identity,
/// Notification and EAP-MSCHAPv2 gets a Nak. Succeeds when the server has proven itself and then
/// said so, or said nothing more for a while: EAP's Success is sent once and may be lost.
///
/// Server: repeats each request until its response comes.
class EapMsChapV2 final : public Method {
 public:
  /// `entropy` must outlive this; a client has credentials.
  EapMsChapV2(MethodConfig config, Entropy& entropy);

  AuthMethod kind() const noexcept override { return AuthMethod::eap_mschapv2; }

  void begin(TimePoint now) override;
  std::optional<Drop> receive(TimePoint now, Bytes packet) override;
  void on_deadline(TimePoint now) override;

  Deadline next_deadline() const noexcept override {
    return earliest(repeater_.next_deadline(), success_due_);
  }

  std::optional<std::vector<std::uint8_t>> poll() override { return repeater_.poll(); }

  const AuthOutcome& outcome() const noexcept override {
    return inner_decides_ ? inner_.outcome() : outcome_;
  }

  void supply(TimePoint now, const Credentials* credentials) override;
  void password_stored(TimePoint now, bool stored) override;
  void try_again(TimePoint now, const Credentials& credentials) override;

  /// From the proof of the server until it counts as a success without EAP's word.
  static constexpr Duration kSuccessLimit = std::chrono::seconds(2);

 private:
  // Client.
  void requested(TimePoint now, const EapPacket& request, Bytes packet);
  void challenged(TimePoint now, Bytes data);
  void told_success();
  void told_failure();
  void respond(std::uint8_t type, Bytes data);

  // Server.
  void responded(TimePoint now, const EapPacket& response);
  void relay_inner(TimePoint now);
  void request(TimePoint now, std::uint8_t type, Bytes data);
  void finish(EapCode code);

  template <class Outcome>
  bool inner_is() const noexcept {
    return std::holds_alternative<Outcome>(inner_.outcome());
  }

  void fail(AuthFailure::Reason reason, std::uint32_t code);

  MethodConfig config_;
  Repeater repeater_;
  RateCap rate_;
  MsChapV2 inner_;
  Identifier identifier_;                ///< of the last request
  std::vector<std::uint8_t> requested_;  ///< client: the last request
  bool naked_ = false;                   ///< client: the last request was of another type
  bool inner_decides_ = false;           ///< what MsChapV2 has come to is what we have
  Deadline success_due_;                 ///< client
  AuthOutcome outcome_;
};

}  // namespace pptp
