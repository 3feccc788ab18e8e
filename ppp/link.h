#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "auth/method.h"
#include "lib/cause.h"
#include "lib/deadlines.h"
#include "lib/drops.h"
#include "lib/ids.h"
#include "lib/ipv4.h"
#include "lib/log.h"
#include "lib/rate_cap.h"
#include "mppe/cipher.h"
#include "mppe/keys.h"
#include "ppp/ccp.h"
#include "ppp/ipcp.h"
#include "ppp/ipv6cp.h"
#include "ppp/lcp.h"
#include "ppp/mtu_probe.h"
#include "ppp/negotiator.h"
#include "ppp/protocol.h"

namespace pptp {

struct LinkConfig {
  Role role = Role::client;
  NegotiatorConfig negotiation;

  // LCP
  std::uint16_t mru = 1400;  ///< what we ask the peer to keep to: 128..1500
  bool pfc = true;
  bool acfc = true;
  Duration echo_interval = std::chrono::seconds(30);  ///< zero: no echoes; sent only after silence
  unsigned echo_failures = 4;

  /// The longest information field to be tried by Echo-Requests once the network is up, to find out
  /// what arrives; 0: nothing is tried.
  std::uint16_t probe_length = 0;

  bool tell_ready = false;  ///< PeerReady is wanted

  // authentication: methods that the client answers, or that the server asks for in turn (at least
  // one)
  std::vector<AuthMethod> methods = {AuthMethod::mschapv2};
  /// Client. None: the link ends where the peer asks for them (AuthenticationWanted).
  std::shared_ptr<const Credentials> credentials;
  /// Client: somebody can be asked for other credentials or a new password: see AnotherTry.
  bool may_try_again = false;
  std::string local_name = "pptpd-user";  ///< server
  unsigned retries = 0;  ///< server: how often a client that is refused may try again

  EncryptionConfig encryption;

  // IPCP, client: what to ask for
  Ipv4Address wanted_address;  ///< zero: whatever the server gives
  bool want_dns = true;
  bool want_wins = false;

  bool ipv6 = false;             ///< IPV6CP too, where the peer speaks it
  InterfaceId wanted_ipv6_id{};  ///< zero: a random one
};

/// RFC 1661 3.2.
enum class Phase : std::uint8_t { dead, establish, authenticate, network, terminate };

std::string_view name(Phase phase) noexcept;

// --- what a Link tells, oldest first ---

struct PhaseChanged {
  Phase phase = Phase::dead;
};

/// LCP opened: how frames are framed from now on. `peer_mru` bounds what we send.
struct FramingAgreed {
  std::uint16_t peer_mru = 1500;
  bool send_acfc = false;  ///< the peer accepts frames without FF 03
  bool send_pfc = false;   ///< and with one octet protocol fields
};

/// Client: the peer asks us to authenticate, and in this way.
struct AuthenticationWanted {
  AuthMethod method = AuthMethod::mschapv2;
};

/// Server: answer with Link::supply_secret().
struct SecretWanted {
  std::string user;
};

/// Server: `user`, whose password had expired, has chosen another: answer with
/// Link::password_stored().
struct NewPasswordChosen {
  std::string user;
  SecretText password;  ///< UTF-8
};

/// Client, with LinkConfig::may_try_again: the server refuses us and would take other credentials,
/// or a new password. Answer with Link::try_again(), or close it with `end`.
struct AnotherTry {
  bool change_password = false;
  End end;  ///< what it comes to otherwise
};

/// Authentication succeeded. Server: answer with Link::assign().
struct Authenticated {
  AuthMethod method = AuthMethod::mschapv2;
  std::string peer_name;
};

/// CCP opened, with encryption in both directions: give the keys to the paths. Comes again, after
/// EncryptionDown, when CCP is negotiated anew: with the same keys unless the peer has
/// authenticated us anew in between (interop note 3.34).
struct EncryptionUp {
  MppeParameters send;
  MppeParameters receive;
  StartKeys keys;
};

/// The keys are void. NetworkDown came before, if the network was up.
struct EncryptionDown {};

/// A CCP Reset-Request came in for stateful encryption: the sender must flush. (A Reset-Ack has
/// been queued.)
struct ResetRequested {};

/// Data may flow: IPCP is open, and encryption is up or not required.
struct NetworkUp {
  Ipv4Address local;
  Ipv4Address peer;
  std::array<Ipv4Address, 2> dns{};
  std::array<Ipv4Address, 2> wins{};
  std::optional<VjParameters> send_vj;  ///< TCP/IP header compression, where it was agreed
  std::optional<VjParameters> receive_vj;
};

struct NetworkDown {};

/// What LinkConfig::tell_ready asked for, once after each NetworkUp: the peer has not only agreed
/// to everything, but done what there is to do before it can pass packets on (interop note 3.46);
/// or Link::kReadyLimit has gone by.
struct PeerReady {};

/// What LinkConfig::probe_length asked for: the longest information field that arrived. Not told
/// where nothing did.
struct PathProbed {
  std::uint16_t longest = 0;
};

/// IPv6 may flow as well: IPV6CP is open, and the network is up.
struct Ipv6Up {
  InterfaceId local{};
  InterfaceId peer{};
};

/// Comes before NetworkDown.
struct Ipv6Down {};

/// The link is dead; nothing follows until lower_up().
struct LinkEnded {
  End end;
};

using LinkEvent =
    std::variant<PhaseChanged, FramingAgreed, AuthenticationWanted, SecretWanted, NewPasswordChosen,
                 AnotherTry, Authenticated, EncryptionUp, EncryptionDown, ResetRequested, NetworkUp,
                 NetworkDown, Ipv6Up, Ipv6Down, PeerReady, PathProbed, LinkEnded>;

/// A PPP frame that is not data: protocol and information field, without address, control and
/// protocol octets.
struct ControlFrame {
  PppProtocol protocol;
  std::vector<std::uint8_t> information;
};

/// One PPP link: walks RFC 1661's phases with LCP, an authentication method, CCP, IPCP and IPV6CP.
///
/// After any call poll frames and events until there are none; the queues hold what the calls led
/// to, in order. One call leads to a few of each at most.
///
/// With EncryptionPolicy::require there is no NetworkUp without an EncryptionUp in force, and the
/// link ends when there can be none. With prefer it goes on in clear where the peer will not
/// encrypt, but a link that has been encrypted does not fall back.
class Link {
 public:
  /// `entropy`, and what `log` writes to, must outlive the link.
  Link(LinkConfig config, Entropy& entropy, Log log);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// The call is there: LCP begins. Nothing unless the link is dead.
  void lower_up(TimePoint now);
  /// The call is gone: `end` says why, unless the link had ended by itself before. Frames not yet
  /// polled are lost.
  void lower_down(TimePoint now, End end);
  /// Terminate-Request, then LinkEnded with `end`: when the peer answers, or after kTerminateLimit.
  void close(TimePoint now, End end);

  /// Any frame that RxPath did not consume as data. Unknown control protocols are rejected here
  /// (rate limited). Returns why the frame was dropped, or nullopt when a protocol took it.
  std::optional<Drop> receive(TimePoint now, PppProtocol protocol, Bytes information);

  /// Data came in: proof of life for the echo timer.
  void note_traffic(TimePoint now) noexcept;

  /// RxPath cannot follow the cipher (stateful): send a CCP Reset-Request. False where the last was
  /// sent just now; it is then due when another may go, for who still cannot follow to ask again.
  bool request_reset(TimePoint now);

  /// RxPath can follow again.
  void reset_answered() noexcept {
    if (ccp_) ccp_->policy.reset_answered();
  }

  /// Server, after SecretWanted; nullptr: there is no such user. Ignored at any other time.
  void supply_secret(TimePoint now, const Credentials* credentials);
  /// Server, after NewPasswordChosen; false: it may not be. Ignored at any other time.
  void password_stored(TimePoint now, bool stored);
  /// Client, after AnotherTry: whom to be, or, with a new password, who we are from now on. Ignored
  /// at any other time.
  void try_again(TimePoint now, std::shared_ptr<const Credentials> credentials);
  /// Server, after Authenticated. Ignored at any other time.
  void assign(TimePoint now, const IpAssignment& assignment);

  void on_deadline(TimePoint now);
  Deadline next_deadline() const noexcept;

  std::optional<ControlFrame> poll_frame();
  std::optional<LinkEvent> poll_event();

  Phase phase() const noexcept { return phase_; }

  /// What it fails of if it is given up as it is: what the two ends have not agreed on yet.
  End unfinished() const;

  /// Of the last negotiation of CCP, which may be over.
  EncryptionOffers encryption_offers() const { return ccp_ ? ccp_->policy.offers() : past_offers_; }

  /// From the Terminate-Request on; RFC 1661's own bound is Max-Terminate times the Restart timer,
  /// which nobody wants to wait for.
  static constexpr Duration kTerminateLimit = std::chrono::seconds(1);
  /// From LCP Opened to the end of authentication (and, for a server, assign()).
  static constexpr Duration kAuthenticationLimit = std::chrono::seconds(30);
  /// The same, from where a human is asked for another password on.
  static constexpr Duration kAskingLimit = std::chrono::minutes(2);
  /// How often CCP may be negotiated anew on one link: mostly the key stream begins again, and so
  /// is used twice (interop note 3.26).
  static constexpr unsigned kMaxRekeys = 8;
  /// From NetworkUp to PeerReady at most: not everybody answers echoes.
  static constexpr Duration kReadyLimit = std::chrono::seconds(1);

 private:
  enum class Timer : std::uint8_t { echo, authentication, probe, ready, terminate, reset, count_ };
  enum class Authentication : std::uint8_t { running, wants_answer, succeeded };

  /// One control protocol: what it decides, and its automaton.
  template <class Policy>
  struct Layer {
    Layer(Policy made, NegotiatorConfig config, Log log)
        : policy(std::move(made)), negotiator(policy, config, log) {}

    Layer(const Layer&) = delete;
    Layer& operator=(const Layer&) = delete;

    Policy policy;
    Negotiator negotiator;
  };

  // Each call from outside ends with settle(), which lets what happened in one protocol have its
  // effect on the others, one thing at a time.
  void settle(TimePoint now);
  bool advance(TimePoint now);
  void collect();
  static bool has_ended(const Negotiator& negotiator) noexcept;
  std::optional<Drop> dispatch(TimePoint now, PppProtocol protocol, Bytes information);

  void enter(Phase phase);
  void terminate(TimePoint now, End end);
  void finish();
  void drop_upper_layers();
  void drop_ccp();

  void on_lcp(TimePoint now, LayerSignal signal);
  void lcp_up(TimePoint now);
  End lcp_end() const;
  End lcp_end(FinishReason reason) const;
  End explained(End end) const;
  void protocol_rejected(TimePoint now, PppProtocol protocol);
  void echo_due(TimePoint now);
  bool advance_probe(TimePoint now, std::optional<Identifier> replied);

  void authenticate(TimePoint now, AuthMethod method);
  bool advance_authentication(TimePoint now);
  void authentication_failed(TimePoint now, const AuthFailure& failure);
  End end_of(const AuthFailure& failure) const;
  void ask(LinkEvent question);
  bool take_answer() noexcept;
  Result<StartKeys> derive_keys(KeyBits bits) const noexcept;

  void enter_network(TimePoint now, IpcpPolicy ipcp);
  bool advance_network(TimePoint now);
  void on_ccp(TimePoint now, LayerSignal signal);
  void ccp_up(TimePoint now);
  void no_encryption(TimePoint now);
  void encryption_down();
  void start_ipcp(TimePoint now);
  void on_ipcp(TimePoint now, LayerSignal signal);
  void network_up_if_ready();
  void network_down();
  bool advance_readiness(TimePoint now, std::optional<Identifier> replied);
  void peer_ready();
  void start_ipv6cp(TimePoint now);
  bool advance_ipv6cp();
  void ipv6_down();

  LinkConfig config_;
  Entropy& entropy_;
  Log log_;

  Phase phase_ = Phase::dead;
  Deadlines<Timer> timers_;
  std::optional<End> end_;  ///< from the beginning of the Terminate phase on
  std::deque<ControlFrame> frames_;
  std::deque<LinkEvent> events_;

  std::optional<Layer<LcpPolicy>> lcp_;  ///< unless dead
  TimePoint last_heard_;
  RateCap protocol_rejects_;
  std::optional<MtuProbe> probe_;
  bool probed_ = false;  ///< once a link is enough

  std::unique_ptr<Method> method_;  ///< from the Authenticate phase on
  Authentication authentication_ = Authentication::running;

  std::optional<Layer<CcpPolicy>> ccp_;        ///< Network phase, where CCP is spoken
  std::optional<Layer<IpcpPolicy>> ipcp_;      ///< Network phase
  std::optional<Layer<Ipv6cpPolicy>> ipv6cp_;  ///< Network phase, while it is spoken
  bool ipv6cp_over_ = false;                   ///< one of the two ends does not want it
  bool ipv6_up_ = false;
  EncryptionOffers past_offers_;  ///< before CCP was dropped
  bool encrypted_ = false;
  bool was_encrypted_ = false;
  MppeKey last_send_key_;  ///< the start key, once was_encrypted_
  unsigned rekeys_ = 0;
  bool network_up_ = false;
  bool ready_ = false;                 ///< as PeerReady has it
  unsigned barriers_ = 0;              ///< Echo-Requests sent to find that out
  std::optional<Identifier> barrier_;  ///< of the latest
};

}  // namespace pptp
