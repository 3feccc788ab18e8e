#pragma once

#include <cstdint>
#include <string_view>

#include "lib/ids.h"
#include "lib/time.h"
#include "ppp/options.h"
#include "ppp/protocol.h"

namespace pptp {

class Negotiator;

/// What a policy makes of one option of the peer's Configure-Request.
enum class Verdict : std::uint8_t {
  ack,
  nak,
  reject,
  give_up,  ///< there is no way on with this peer: the layer closes (FinishReason::no_agreement)
};

/// What one control protocol of RFC 1661's family decides. The Negotiator does all the rest:
/// states, identifiers, timers, the sorting of verdicts into one Ack, Nak or Reject, the exact-echo
/// check.
///
/// Calls come in the order of the protocol; none may call back into the Negotiator except
/// extra_code(). An option's `data` refers into the packet: copy what must last.
class OptionPolicy {
 public:
  virtual PppProtocol protocol() const noexcept = 0;

  /// A negotiation begins or begins anew (also when a packet takes the layer out of Opened, before
  /// that packet's options are judged): forget what either side agreed to, and ask for everything
  /// again.
  virtual void restart() noexcept = 0;

  /// Writes the options of our next Configure-Request. Not called for a retransmission.
  virtual void write_request(OptionWriter& out) noexcept = 0;

  /// A Configure-Request of the peer came in; its options follow by judge().
  virtual void begin_judging() noexcept = 0;

  /// Judges one option. For nak it has written to `nak` the option with a value that would be
  /// acknowledged (or several); a nak without anything written counts as reject. Once Max-Failure
  /// is reached the Negotiator turns nak into reject.
  virtual Verdict judge(const Option& option, OptionWriter& nak) noexcept = 0;

  /// After the last option, unless one was rejected: writes to `nak` options that the request lacks
  /// and that are insisted on. Not called again once Max-Failure is reached.
  virtual void judge_missing(OptionWriter& nak) noexcept = 0;

  /// The request just judged is being acknowledged: its values are in force for the peer.
  virtual void peer_request_acked() noexcept = 0;

  /// The peer acknowledged our request as last written.
  virtual void acked() noexcept = 0;

  /// One option of a Configure-Nak or Configure-Reject: change what write_request() will write.
  /// A naked option may be one that was not asked for, of any length; a rejected one is octet by
  /// octet one of the last request's. False: there is no way on; the layer then closes
  /// (FinishReason::no_agreement).
  virtual bool naked(const Option& option) noexcept = 0;
  virtual bool rejected(const Option& option) noexcept = 0;

  /// A packet with a code above Code-Reject (7), in any state. False: unknown, answered with
  /// Code-Reject. May send through `negotiator`.
  virtual bool extra_code(TimePoint now, Negotiator& negotiator, std::uint8_t code, Identifier id,
                          Bytes data) noexcept = 0;

 protected:
  ~OptionPolicy() = default;
};

}  // namespace pptp
