#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "lib/entropy.h"
#include "ppp/option_policy.h"

namespace pptp {

/// RFC 5072 4.1: what an end's link-local address has behind fe80::/64. All zeros: none.
using InterfaceId = std::array<std::uint8_t, 8>;

/// IPV6CP (RFC 5072) for either role: both ends choose an identifier of their own, and see to it
/// that the two are not the same. Nothing but the identifier is negotiated; addresses beyond the
/// link are for router advertisements.
class Ipv6cpPolicy final : public OptionPolicy {
 public:
  /// `wanted`: what to ask for first; none: a random one. `entropy` must outlive the policy.
  Ipv6cpPolicy(const InterfaceId& wanted, Entropy& entropy) noexcept;

  PppProtocol protocol() const noexcept override { return protocol::kIpv6cp; }

  void restart() noexcept override;
  void write_request(OptionWriter& out) noexcept override;
  void begin_judging() noexcept override;
  Verdict judge(const Option& option, OptionWriter& nak) noexcept override;
  void judge_missing(OptionWriter& nak) noexcept override;
  void peer_request_acked() noexcept override;

  void acked() noexcept override {}

  bool naked(const Option& option) noexcept override;
  bool rejected(const Option& option) noexcept override;
  bool extra_code(TimePoint now, Negotiator& negotiator, std::uint8_t code, Identifier id,
                  Bytes data) noexcept override;

  /// Valid while IPV6CP is Opened.
  const InterfaceId& local() const noexcept { return local_; }

  const InterfaceId& peer() const noexcept { return peer_; }

 private:
  InterfaceId fresh_id() noexcept;

  Entropy& entropy_;
  InterfaceId local_{};
  InterfaceId peer_{};
  unsigned naks_ = 0;
  std::optional<InterfaceId> judged_;
  bool judged_option_ = false;  ///< the request being judged has one
};

}  // namespace pptp
