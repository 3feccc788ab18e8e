#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "auth/method.h"
#include "lib/cause.h"
#include "lib/ipv4.h"
#include "lib/log.h"
#include "mppe/cipher.h"
#include "mppe/keys.h"
#include "ppp/negotiator.h"
#include "ppp/protocol.h"

namespace pptp {

enum class EncryptionPolicy : std::uint8_t { off, prefer, require };

struct EncryptionConfig {
  EncryptionPolicy policy = EncryptionPolicy::require;
  bool allow_40 = false;
  bool allow_56 = false;
  bool allow_128 = true;
  bool allow_stateful = false;  ///< where the peer insists
  bool ask_stateful = false;
};

struct LinkConfig {
  Role role = Role::client;
  NegotiatorConfig negotiation;

  // LCP
  std::uint16_t mru = 1400;  ///< what we ask the peer to keep to: 128..1500
  bool pfc = true;
  bool acfc = true;
  Duration echo_interval = std::chrono::seconds(30);  ///< zero: no echoes; sent only after silence
  unsigned echo_failures = 4;

  // authentication: methods that the client answers, or that the server asks for in turn
  std::vector<AuthMethod> methods = {AuthMethod::mschapv2};
  std::shared_ptr<const Credentials> credentials;  ///< client
  std::string local_name = "pptpd-user";           ///< server

  EncryptionConfig encryption;

  // IPCP, client: what to ask for
  Ipv4Address wanted_address;  ///< zero: whatever the server gives
  bool want_dns = true;
  bool want_wins = false;
};

/// Server: what IPCP gives to an authenticated peer. DNS and WINS may be zero: none.
struct IpAssignment {
  Ipv4Address local;
  Ipv4Address peer;
  std::array<Ipv4Address, 2> dns{};
  std::array<Ipv4Address, 2> wins{};
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

/// Server: answer with Link::supply_secret().
struct SecretWanted {
  std::string user;
};

/// Authentication succeeded. Server: answer with Link::assign().
struct Authenticated {
  AuthMethod method = AuthMethod::mschapv2;
  std::string peer_name;
};

/// CCP opened: give the keys to the paths. Either direction may be without.
struct EncryptionUp {
  MppeParameters send;
  MppeParameters receive;
  StartKeys keys;
};

struct EncryptionDown {};

/// CCP Reset-Request came in: the sender must flush. (A Reset-Ack has been queued.)
struct ResetRequested {};

/// Data may flow: IPCP is open, and encryption is up or not required.
struct NetworkUp {
  Ipv4Address local;
  Ipv4Address peer;
  std::array<Ipv4Address, 2> dns{};
  std::array<Ipv4Address, 2> wins{};
};

struct NetworkDown {};

/// The link is dead; nothing follows until lower_up().
struct LinkEnded {
  End end;
};

using LinkEvent =
    std::variant<PhaseChanged, FramingAgreed, SecretWanted, Authenticated, EncryptionUp,
                 EncryptionDown, ResetRequested, NetworkUp, NetworkDown, LinkEnded>;

/// A PPP frame that is not data: protocol and information field, without address, control and
/// protocol octets.
struct ControlFrame {
  PppProtocol protocol;
  std::vector<std::uint8_t> information;
};

/// One PPP link: walks RFC 1661's phases with LCP, an authentication method, CCP and IPCP.
class Link {
 public:
  Link(LinkConfig config, Entropy& entropy, Log log);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link();

  /// The call is there: LCP begins.
  void lower_up(TimePoint now);
  /// The call is gone: `end` says why, unless the link had ended by itself before.
  void lower_down(TimePoint now, End end);
  /// Terminate-Request, then LinkEnded with `end`: when the peer answers or after Max-Terminate.
  void close(TimePoint now, End end);

  /// Any frame that RxPath did not consume as data; unknown protocols are rejected here (rate
  /// limited).
  void receive(TimePoint now, PppProtocol protocol, Bytes information);

  /// Data came in: proof of life for the echo timer.
  void note_traffic(TimePoint now) noexcept;

  /// RxPath could not follow the cipher (stateful): send a CCP Reset-Request, rate limited.
  void request_reset(TimePoint now);

  void supply_secret(TimePoint now, const Credentials* credentials);
  void assign(TimePoint now, const IpAssignment& assignment);

  void on_deadline(TimePoint now);
  Deadline next_deadline() const noexcept;

  std::optional<ControlFrame> poll_frame();
  std::optional<LinkEvent> poll_event();

  Phase phase() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pptp
