#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "auth/method.h"
#include "lib/entropy.h"
#include "lib/log.h"
#include "lib/role.h"
#include "ppp/frame.h"
#include "ppp/negotiator.h"
#include "ppp/option_policy.h"

namespace pptp {

/// What an Authentication-Protocol option names (RFC 1661 6.2): a protocol and, for CHAP, the
/// algorithm (RFC 1994 3).
struct AuthProtocol {
  PppProtocol protocol;
  std::optional<std::uint8_t> algorithm;

  bool operator==(const AuthProtocol&) const noexcept = default;
};

AuthProtocol auth_protocol(AuthMethod method) noexcept;
/// nullopt: none that is built in.
std::optional<AuthMethod> auth_method(const AuthProtocol& named) noexcept;

struct LcpConfig {
  Role role = Role::client;
  /// What the peer is asked to keep to; taken into 128..1500. 1500, the default of RFC 1661 6.1, is
  /// not asked for.
  std::uint16_t mru = 1400;
  /// Whether we offer to receive, and use where the peer offers, one octet protocol fields and
  /// frames without FF 03.
  bool pfc = true;
  bool acfc = true;
  /// Server: what to ask for, the most wanted first; empty: the peer need not prove itself.
  /// Client: what it answers to, in any order.
  std::vector<AuthMethod> methods = {AuthMethod::mschapv2};
};

/// The Link Control Protocol as a policy of a Negotiator: RFC 1661 6 (options) and 5.7-5.9, RFC
/// 1570 2 (codes).
///
/// A client never asks the peer to authenticate, and a server never lets itself be asked. All
/// "agreed" values are those of the negotiation that led to Opened; they mean nothing before it,
/// and go with the next restart().
class LcpPolicy final : public OptionPolicy {
 public:
  /// RFC 1661 6.1.
  static constexpr std::uint16_t kDefaultMru = 1500;
  static constexpr std::uint16_t kMinMru = 128;

  /// `entropy` makes magic numbers and must outlive the policy.
  LcpPolicy(LcpConfig config, Entropy& entropy, Log log);

  // --- agreed values ---

  /// Bounds the information field of what we send, 128..1500. Give it to every Negotiator of the
  /// link (Negotiator::set_max_packet) once LCP has opened.
  std::uint16_t peer_mru() const noexcept { return agreed_.peer_mru; }

  /// What the peer keeps to: our MRU as acknowledged, or 1500.
  std::uint16_t local_mru() const noexcept { return agreed_.local_mru; }

  /// How the peer wants frames; what comes in may be either way regardless.
  Framing send_framing() const noexcept { return agreed_.send_framing; }

  bool send_pfc() const noexcept { return agreed_.send_framing.pfc; }

  bool send_acfc() const noexcept { return agreed_.send_framing.acfc; }

  /// Client: how we must authenticate. Server: how the peer must. nullopt: not at all.
  std::optional<AuthMethod> auth() const noexcept { return agreed_.auth; }

  /// Our magic number, or 0 when the peer rejected it: goes into Echo, Discard and Identification.
  std::uint32_t magic() const noexcept { return agreed_.magic; }

  // --- why there was no agreement ---

  /// Client: what the peer asked for last and we do not answer to; nullopt once it asked for
  /// something else. Server: the method that the peer refused, when all are used up. For
  /// Cause::auth_no_common_method, whatever FinishReason the Negotiator gives.
  std::optional<AuthProtocol> refused_auth() const noexcept { return refused_auth_; }

  /// RFC 1661 6.4: three times running our own magic number came back, in Configure-Requests, or in
  /// Echo-Requests once opened. During negotiation the layer closes by itself; once opened the Link
  /// asks after each receive() and closes.
  bool looped_back() const noexcept { return own_magic_seen_ >= kLoopLimit; }

  // --- keeping an opened link alive ---

  /// Sends an Echo-Request if the layer is Opened, and counts it as outstanding.
  void send_echo(Negotiator& negotiator);

  /// Sends an Echo-Request of `size` octets, header included, which nobody counts as outstanding;
  /// its identifier. nullopt: the layer is not Opened.
  std::optional<Identifier> send_uncounted_echo(Negotiator& negotiator, std::uint16_t size);

  /// The identifier of the newest Echo-Reply, once.
  std::optional<Identifier> take_echo_reply() noexcept {
    return std::exchange(replied_, std::nullopt);
  }

  /// Echo-Requests sent since the peer's last Echo-Reply, or since clear_echoes() or restart().
  unsigned outstanding_echoes() const noexcept { return outstanding_echoes_; }

  /// Other proof of life came in.
  void clear_echoes() noexcept { outstanding_echoes_ = 0; }

  // --- Protocol-Reject (RFC 1661 5.7) ---

  /// Sends one for a packet whose protocol is not known, if the layer is Opened: `information` is
  /// cut to the peer's MRU. The caller limits the rate.
  void send_protocol_reject(Negotiator& negotiator, PppProtocol protocol, Bytes information);

  /// The next protocol that the peer rejected while the layer was Opened, oldest first. Of more
  /// than 16 that nobody polls the newest are dropped.
  std::optional<PppProtocol> poll_protocol_reject();

  // --- OptionPolicy ---

  PppProtocol protocol() const noexcept override { return protocol::kLcp; }

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

 private:
  static constexpr unsigned kLoopLimit = 3;
  static constexpr std::size_t kMaxProtocolRejects = 16;

  /// What our next Configure-Request asks for.
  struct Request {
    std::optional<std::uint16_t> mru;
    std::optional<AuthMethod> auth;
    std::optional<std::uint32_t> magic;
    bool pfc = false;
    bool acfc = false;
  };

  /// What the Configure-Request being judged says of the peer.
  struct PeerRequest {
    std::uint16_t mru = kDefaultMru;
    std::optional<AuthMethod> auth;
    Framing framing;
  };

  struct Agreed {
    std::uint16_t peer_mru = kDefaultMru;
    std::uint16_t local_mru = kDefaultMru;
    Framing send_framing;
    std::optional<AuthMethod> auth;
    std::uint32_t magic = 0;
  };

  Verdict judge_mru(Bytes data, OptionWriter& nak) noexcept;
  Verdict judge_auth(Bytes data, OptionWriter& nak) noexcept;
  Verdict judge_magic(Bytes data, OptionWriter& nak) noexcept;
  bool auth_naked(Bytes data) noexcept;
  bool auth_rejected() noexcept;
  void refuse_auth(const AuthProtocol& named) noexcept;
  void receive_echo_request(Negotiator& negotiator, Identifier id, Bytes data);
  void receive_echo_reply(Identifier id, Bytes data) noexcept;
  void receive_protocol_reject(Bytes data);
  bool is_own_magic(std::uint32_t magic) const noexcept;
  std::uint32_t random_magic() noexcept;

  LcpConfig config_;
  Entropy& entropy_;
  Log log_;

  Request request_;
  PeerRequest peer_request_;
  Agreed agreed_;

  /// Server: methods not asked for yet, the most wanted first.
  std::vector<AuthMethod> methods_left_;
  std::optional<AuthProtocol> refused_auth_;
  unsigned auth_refusals_ = 0;  ///< client
  unsigned own_magic_seen_ = 0;
  unsigned outstanding_echoes_ = 0;
  std::optional<Identifier> replied_;
  std::deque<PppProtocol> protocol_rejects_;
};

}  // namespace pptp
