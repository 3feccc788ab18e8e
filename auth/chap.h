#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/chap_packet.h"
#include "auth/method.h"
#include "auth/repeater.h"
#include "lib/ids.h"
#include "lib/rate_cap.h"

namespace pptp {

/// One Challenge, and who is at the other end of it.
struct ChapRound {
  Identifier identifier;
  std::vector<std::uint8_t> challenge;
  /// Client: the name in the Challenge. Server: the name in the Response.
  std::string peer_name;
};

/// What a right Response (server) or a right Success (client) amounts to.
struct ChapProof {
  KeySeed seed;
  /// Server: the message of the Success to send. Client: what humans may read in the one that came.
  std::string message;
};

/// What a Failure says, whatever its form.
struct ChapRefusal {
  std::uint32_t code = 0;  ///< E= number
  bool retry_allowed = false;
  bool expired = false;
  std::vector<std::uint8_t> challenge;  ///< for another try; empty: there is none
  std::string text;
};

/// CHAP (RFC 1994) in either role, for any of its algorithms.
///
/// Client: answers every Challenge. The same Challenge again (a repeat that crossed our Response,
/// or whose Response was lost) gets the same Response again, so that the Success for either can be
/// verified; a new one starts a new round. A Response is repeated until its result comes (interop
/// note 3.23). After a success, a round without a result changes nothing, as judging it is the
/// server's part; one with a success replaces the seed (interop note 3.34).
///
/// Server: repeats its Challenge until a Response comes, asks for the secret once, and gives every
/// later Response to that Challenge the same result (RFC 1994 4.2). Where it allows another try, or
/// wants a new password, its Failure brings the challenge for that.
///
/// What a peer may make it send or compute is capped: a few packets at once, then one a second.
///
/// `Rules` are an algorithm: what is in the packets' values and messages. They keep what they need
/// of the round under way. See MsChapV2Rules for all that they have to have.
template <class Rules>
class Chap final : public Method {
 public:
  /// `entropy` must outlive this; a client has credentials that the algorithm can use.
  Chap(MethodConfig config, Entropy& entropy);

  AuthMethod kind() const noexcept override { return Rules::kKind; }

  void begin(TimePoint now) override;
  std::optional<Drop> receive(TimePoint now, Bytes packet) override;
  void on_deadline(TimePoint now) override;

  Deadline next_deadline() const noexcept override { return repeater_.next_deadline(); }

  std::optional<std::vector<std::uint8_t>> poll() override { return repeater_.poll(); }

  const AuthOutcome& outcome() const noexcept override { return outcome_; }

  void supply(TimePoint now, const Credentials* credentials) override;
  void password_stored(TimePoint now, bool stored) override;
  void try_again(TimePoint now, const Credentials& credentials) override;

 private:
  enum class State : std::uint8_t {
    initial,   ///< no Challenge yet
    awaiting,  ///< client: for the result; server: for a Response
    deciding,  ///< server: for supply()
    retrying,  ///< server: for a Response to the challenge in the Failure
    changing,  ///< server: for a new password
    storing,   ///< server: for password_stored()
    settled,
  };

  void received(TimePoint now, const ChapChallenge& challenge);
  void received(TimePoint now, const ChapResponse& response);
  void received(TimePoint now, const ChapSuccess& success);
  void received(TimePoint now, const ChapFailure& failure);
  template <ChapCode kCode>
  void received(TimePoint now, const ChapChange<kCode>& change);

  bool failed() const noexcept { return std::holds_alternative<AuthFailure>(outcome_); }

  bool awaits_result(Identifier identifier) const noexcept;
  bool is_next_response(const ChapResponse& response) const noexcept;
  void answer(TimePoint now);
  void draw_challenge();
  void accept(ChapProof proof);
  void refuse(AuthFailure::Reason reason);
  void refuse_expired(const Credentials& credentials);
  void refuse_change();
  void end_with(AuthFailure::Reason reason, const ChapRefusal& refusal);
  void settle(AuthOutcome outcome);

  MethodConfig config_;
  Entropy& entropy_;
  Repeater repeater_;
  RateCap rate_;
  State state_ = State::initial;
  ChapRound round_;
  Rules rules_;
  AuthOutcome outcome_;
  std::vector<std::uint8_t> next_challenge_;  ///< client: that of a Failure
  std::vector<std::uint8_t> last_value_;      ///< server: of the Response that was judged last
  unsigned retries_left_;                     ///< server
  NtHash old_hash_;                           ///< server: while changing
  std::optional<ChapProof> proof_;            ///< server: storing; what it comes to then
};

}  // namespace pptp
