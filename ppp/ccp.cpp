#include "ppp/ccp.h"

#include <utility>

#include "lib/bytes.h"

namespace pptp {

namespace {

// RFC 3078 2.1, RFC 1962 3.
constexpr std::uint8_t kMppeOption = 18;
constexpr std::uint8_t kResetRequest = 14;
constexpr std::uint8_t kResetAck = 15;

constexpr std::uint32_t kKeyBits = mppe_bits::k40 | mppe_bits::k56 | mppe_bits::k128;

// Ours: a peer that goes on suggesting something else will not come to an end by itself.
constexpr unsigned kMaxNaks = 10;

std::uint32_t strongest(std::uint32_t keys) noexcept {
  if (keys & mppe_bits::k128) return mppe_bits::k128;
  if (keys & mppe_bits::k56) return mppe_bits::k56;
  return keys & mppe_bits::k40;
}

/// `bits` has at least one key bit.
MppeParameters parameters(std::uint32_t bits) noexcept {
  MppeParameters result;
  switch (strongest(bits)) {
    case mppe_bits::k128:
      result.bits = KeyBits::k128;
      break;
    case mppe_bits::k56:
      result.bits = KeyBits::k56;
      break;
    default:
      result.bits = KeyBits::k40;
      break;
  }
  result.mode = bits & mppe_bits::kStateless ? MppeMode::stateless : MppeMode::stateful;
  result.mppc = (bits & mppe_bits::kMppc) != 0;
  return result;
}

std::uint32_t allowed_keys(const EncryptionConfig& config) noexcept {
  if (config.policy == EncryptionPolicy::off) return 0;
  return (config.allow_40 ? mppe_bits::k40 : 0) | (config.allow_56 ? mppe_bits::k56 : 0) |
         (config.allow_128 ? mppe_bits::k128 : 0);
}

}  // namespace

CcpPolicy::CcpPolicy(EncryptionConfig config) noexcept
    : config_(config), allowed_keys_(allowed_keys(config)) {
  restart();
}

void CcpPolicy::restart() noexcept {
  // Several bits at once: pppd rejects a lone one that it does not allow, but picks from several.
  ask_ = allowed_keys_ | (config_.ask_stateful ? 0 : mppe_bits::kStateless) |
         (config_.mppc ? mppe_bits::kMppc : 0);
  naks_ = 0;
  judged_mppe_ = false;
  judged_.reset();
  stateful_naked_ = false;
  peer_bits_.reset();
  offers_ = {};
  send_.reset();
  receive_.reset();
  reset_requested_ = false;
}

void CcpPolicy::write_request(OptionWriter& out) noexcept {
  if (allowed_keys_ == 0) return;
  if (!offers_.ours) offers_.ours = ask_;
  out.put_u32(kMppeOption, ask_);
}

void CcpPolicy::begin_judging() noexcept {
  judged_mppe_ = false;
  judged_.reset();
}

Verdict CcpPolicy::judge(const Option& option, OptionWriter& nak) noexcept {
  // A second MPPE option would leave it open which of them counts.
  if (option.type != kMppeOption || allowed_keys_ == 0 || judged_mppe_) return Verdict::reject;
  judged_mppe_ = true;

  Reader reader(option.data);
  const std::uint32_t bits = reader.u32();
  if (!reader.ok() || reader.remaining() != 0) {
    nak.put_u32(kMppeOption, counter_offer(mppe_bits::kStateless));
    return Verdict::nak;
  }
  peer_bits_ = bits;
  if (!offers_.asked) offers_.asked = bits;
  if (acceptable(bits)) {
    judged_ = parameters(bits);
    return Verdict::ack;
  }
  const std::uint32_t offer = counter_offer(bits);
  stateful_naked_ = stateful_naked_ || (offer & ~bits & mppe_bits::kStateless) != 0;
  nak.put_u32(kMppeOption, offer);
  return Verdict::nak;
}

void CcpPolicy::judge_missing(OptionWriter& nak) noexcept {
  if (!judged_mppe_ && allowed_keys_ != 0) {
    nak.put_u32(kMppeOption, counter_offer(mppe_bits::kStateless));
  }
}

void CcpPolicy::peer_request_acked() noexcept {
  send_ = judged_;
}

void CcpPolicy::acked() noexcept {
  // A peer that acknowledges several bits at once has broken RFC 3078 2.1; what it means by it can
  // only be the strongest.
  if (ask_ & kKeyBits) receive_ = parameters(ask_);
}

bool CcpPolicy::naked(const Option& option) noexcept {
  if (option.type != kMppeOption) return true;  // it was not asked for: nothing to change
  if (++naks_ > kMaxNaks) return false;

  Reader reader(option.data);
  const std::uint32_t bits = reader.u32();
  if (!reader.ok()) return true;
  peer_bits_ = bits;
  if (!offers_.suggested) offers_.suggested = bits;
  // Only ever fewer bits, so that two stubborn peers cannot lead each other in circles.
  const std::uint32_t keys = strongest(bits & ask_ & kKeyBits);
  if (keys == 0) return false;
  const bool stateless = (bits & mppe_bits::kStateless) != 0;
  if (!stateless && !config_.allow_stateful && !config_.ask_stateful) return false;
  ask_ = keys | (bits & mppe_bits::kStateless) | (bits & ask_ & mppe_bits::kMppc);
  return true;
}

bool CcpPolicy::rejected(const Option& option) noexcept {
  if (option.type != kMppeOption) return true;
  offers_.rejected = true;
  // One that knows nothing of compression may know encryption.
  if (ask_ & mppe_bits::kMppc) {
    ask_ &= ~mppe_bits::kMppc;
    return true;
  }
  // Interop note 3.15: pppd rejects stateful mode where it could ask for stateless.
  if (ask_ & mppe_bits::kStateless) return false;
  ask_ |= mppe_bits::kStateless;
  return true;
}

bool CcpPolicy::extra_code(TimePoint, Negotiator& negotiator, std::uint8_t code, Identifier id,
                           Bytes) noexcept {
  switch (code) {
    case kResetRequest:
      // RFC 3078 8: no answer is called for, but pppd repeats itself until it has one. Data, which
      // some peers send (interop note 3.12), means nothing.
      if (negotiator.state() == State::opened) {
        negotiator.send(kResetAck, id, {});
        reset_requested_ = send_ && send_->mode == MppeMode::stateful;
      }
      return true;
    case kResetAck:
      return true;
    default:
      return false;
  }
}

bool CcpPolicy::take_reset_request() noexcept {
  return std::exchange(reset_requested_, false);
}

Deadline CcpPolicy::request_reset(TimePoint now, Negotiator& negotiator) {
  if (negotiator.state() != State::opened) return {};
  if (next_reset_request_ && now < *next_reset_request_) return next_reset_request_;
  next_reset_request_ = now + kResetInterval;
  negotiator.send(kResetRequest, negotiator.take_identifier(), {});
  return {};
}

End CcpPolicy::failure(FinishReason finish) const {
  if (peer_bits_) {
    const std::uint32_t keys = *peer_bits_ & kKeyBits;
    if (keys != 0 && (keys & allowed_keys_) == 0)
      return {Cause::mppe_bits_refused, *peer_bits_, {}};
    if (keys != 0 && !(*peer_bits_ & mppe_bits::kStateless) && !config_.allow_stateful &&
        !config_.ask_stateful) {
      return {Cause::mppe_stateful_only, *peer_bits_, {}};
    }
  }
  if (finish == FinishReason::timeout) return {Cause::mppe_timeout, 0, {}};
  return {Cause::mppe_peer_refused, 0, {}};
}

bool CcpPolicy::acceptable(std::uint32_t bits) const noexcept {
  const std::uint32_t keys = bits & kKeyBits;
  // D is obsolete, and what an unknown bit asks for nobody can promise.
  const std::uint32_t mppc = config_.mppc ? mppe_bits::kMppc : 0;
  if (bits & ~(kKeyBits | mppe_bits::kStateless | mppc)) return false;
  if (keys != strongest(keys) || (keys & allowed_keys_) == 0) return false;
  if (bits & mppe_bits::kStateless) return true;
  return config_.ask_stateful || (config_.allow_stateful && stateful_naked_);
}

/// What to suggest to a peer that asked for `bits`, which are not acceptable.
std::uint32_t CcpPolicy::counter_offer(std::uint32_t bits) const noexcept {
  // Interop note 3.15: the strongest that both allow. pppd takes nothing that it did not ask for.
  const std::uint32_t common = bits & allowed_keys_;
  const std::uint32_t keys = strongest(common != 0 ? common : allowed_keys_);
  const bool stateful = !(bits & mppe_bits::kStateless) &&
                        (config_.ask_stateful || (config_.allow_stateful && stateful_naked_));
  return keys | (stateful ? 0 : mppe_bits::kStateless) |
         (config_.mppc ? bits & mppe_bits::kMppc : 0);
}

}  // namespace pptp
