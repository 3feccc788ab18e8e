#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "auth/method.h"
#include "auth/pap_packet.h"
#include "auth/repeater.h"
#include "lib/ids.h"
#include "lib/rate_cap.h"

namespace pptp {

/// PAP (RFC 1334 2) in either role: the password in clear. It makes no keys.
///
/// Client: sends its Authenticate-Request until there is a result. Server: asks for the secret
/// once, and gives every later request the same result.
class Pap final : public Method {
 public:
  /// A client has credentials with a password.
  explicit Pap(MethodConfig config);

  AuthMethod kind() const noexcept override { return AuthMethod::pap; }

  void begin(TimePoint now) override;
  std::optional<Drop> receive(TimePoint now, Bytes packet) override;
  void on_deadline(TimePoint now) override;

  Deadline next_deadline() const noexcept override { return repeater_.next_deadline(); }

  std::optional<std::vector<std::uint8_t>> poll() override { return repeater_.poll(); }

  const AuthOutcome& outcome() const noexcept override { return outcome_; }

  void supply(TimePoint now, const Credentials* credentials) override;

 private:
  void received(TimePoint now, const PapRequest& request);
  void received(TimePoint now, const PapAck& ack);
  void received(TimePoint now, const PapNak& nak);

  bool awaits_result(Identifier identifier) const noexcept;

  MethodConfig config_;
  Repeater repeater_;
  RateCap rate_;
  Identifier identifier_;
  std::string peer_name_;
  SecretText password_;  ///< server: what the peer gave, until supply()
  AuthOutcome outcome_;
};

}  // namespace pptp
