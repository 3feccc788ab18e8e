#pragma once

#include <cstdint>
#include <optional>

#include "lib/cause.h"
#include "lib/time.h"
#include "mppe/cipher.h"
#include "ppp/negotiator.h"
#include "ppp/option_policy.h"

namespace pptp {

enum class EncryptionPolicy : std::uint8_t { off, prefer, require };

struct EncryptionConfig {
  EncryptionPolicy policy = EncryptionPolicy::require;
  bool allow_40 = false;
  bool allow_56 = false;
  bool allow_128 = true;
  bool allow_stateful = false;  ///< where the peer insists
  bool ask_stateful = false;
  bool mppc = false;  ///< compression (RFC 2118), together with encryption
};

/// The Supported Bits of CCP's MPPE option (RFC 3078 2.1).
namespace mppe_bits {
inline constexpr std::uint32_t kStateless = 0x0100'0000;  ///< H
inline constexpr std::uint32_t k56 = 0x80;                ///< M
inline constexpr std::uint32_t k128 = 0x40;               ///< S
inline constexpr std::uint32_t k40 = 0x20;                ///< L
inline constexpr std::uint32_t kObsolete = 0x10;          ///< D
inline constexpr std::uint32_t kMppc = 0x01;              ///< C
}  // namespace mppe_bits

/// What the two ends would encrypt with, each as the first that it said of it in a negotiation: its
/// bits (RFC 3078 2.1). Absent: nothing was said.
struct EncryptionOffers {
  std::optional<std::uint32_t> ours;       ///< our Configure-Request
  std::optional<std::uint32_t> asked;      ///< the peer's Configure-Request
  std::optional<std::uint32_t> suggested;  ///< the peer's Configure-Nak
  bool rejected = false;                   ///< the peer's Configure-Reject
};

/// CCP (RFC 1962) for MPPE (RFC 3078 2) alone: every other option is rejected.
///
/// Each direction is negotiated by itself: a Configure-Request says what its sender will decipher,
/// so our request, once acknowledged, is what we receive with, and the peer's is what we send with.
class CcpPolicy final : public OptionPolicy {
 public:
  explicit CcpPolicy(EncryptionConfig config) noexcept;

  PppProtocol protocol() const noexcept override { return protocol::kCcp; }

  void restart() noexcept override;
  void write_request(OptionWriter& out) noexcept override;
  void begin_judging() noexcept override;
  Verdict judge(const Option& option, OptionWriter& nak) noexcept override;
  void judge_missing(OptionWriter& nak) noexcept override;
  void peer_request_acked() noexcept override;
  void acked() noexcept override;
  bool naked(const Option& option) noexcept override;
  bool rejected(const Option& option) noexcept override;
  bool extra_code(TimePoint now, Negotiator& negotiator, std::uint8_t code, Identifier id,
                  Bytes data) noexcept override;

  /// What was agreed for a direction; nullopt: no encryption. Valid while CCP is Opened.
  const std::optional<MppeParameters>& send() const noexcept { return send_; }

  const std::optional<MppeParameters>& receive() const noexcept { return receive_; }

  /// Of the negotiation under way, or the last.
  const EncryptionOffers& offers() const noexcept { return offers_; }

  /// Whether a Reset-Request of the peer came in since the last call and has a meaning: the sending
  /// direction is stateful.
  bool take_reset_request() noexcept;

  /// Sends a Reset-Request, at most one in kResetInterval: a value says that it is too early, and
  /// until when. Does not wait for an answer (interop note 3.12): the next packet with the A bit is
  /// the answer. Nothing unless CCP is Opened.
  Deadline request_reset(TimePoint now, Negotiator& negotiator);

  /// The receiver has found its place again: the next loss is another, and its Reset-Request does
  /// not wait for that of this one.
  void reset_answered() noexcept { next_reset_request_.reset(); }

  static constexpr Duration kResetInterval = std::chrono::milliseconds(100);

  /// Why there is no encryption, from what the peer was last seen to want. `finish` is the reason
  /// that CCP finished, or none where the peer ended the link first.
  End failure(FinishReason finish) const;

 private:
  bool acceptable(std::uint32_t bits) const noexcept;
  std::uint32_t counter_offer(std::uint32_t bits) const noexcept;

  EncryptionConfig config_;
  std::uint32_t allowed_keys_;

  std::uint32_t ask_ = 0;  ///< what write_request() writes
  unsigned naks_ = 0;      ///< Naks of the MPPE option in this negotiation

  bool judged_mppe_ = false;                ///< the request being judged has the option
  std::optional<MppeParameters> judged_;    ///< and is acceptable
  bool stateful_naked_ = false;             ///< the peer was asked to turn to stateless
  std::optional<std::uint32_t> peer_bits_;  ///< the last that it asked for or suggested
  EncryptionOffers offers_;

  std::optional<MppeParameters> send_;
  std::optional<MppeParameters> receive_;

  bool reset_requested_ = false;
  Deadline next_reset_request_;  ///< not before
};

}  // namespace pptp
