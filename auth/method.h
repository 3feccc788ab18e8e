#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "auth/credentials.h"
#include "lib/bytes.h"
#include "lib/drops.h"
#include "lib/entropy.h"
#include "lib/key_seed.h"
#include "lib/role.h"
#include "lib/time.h"

namespace pptp {

/// In ascending order of preference.
enum class AuthMethod : std::uint8_t { pap, chap_md5, mschapv1, mschapv2, eap_mschapv2 };

/// The word for it in profiles and status: "pap", "chap-md5", "mschapv1", "mschapv2",
/// "eap-mschapv2".
std::string_view name(AuthMethod method) noexcept;
std::optional<AuthMethod> auth_method_from_name(std::string_view word) noexcept;

/// RFC 3079: whether start keys for MPPE can come out of it.
bool makes_keys(AuthMethod method) noexcept;

/// Whether it needs the password itself, so that an NT hash will not do.
bool needs_password(AuthMethod method) noexcept;

struct AuthPending {};

/// Server: somebody claims to be `user` (the name as it came); answer with Method::supply().
struct AuthWantsSecret {
  std::string user;
};

/// Server: `user`, whose password had expired, has proven to know it and chosen another; answer
/// with Method::password_stored().
struct AuthWantsPasswordStored {
  std::string user;
  SecretText password;  ///< UTF-8, not empty
};

struct AuthSuccess {
  KeySeed seed;
  std::string peer_name;  ///< server: who it is, as it came; client: the name in the Challenge
  std::string message;    ///< the peer's words, as they came
};

struct AuthFailure {
  enum class Reason : std::uint8_t {
    refused,             ///< client: the peer said no; server: we did
    peer_not_authentic,  ///< client: S= missing or wrong
    timed_out,
    malformed,         ///< the peer broke the protocol in a way that leaves no way on
    no_common_method,  ///< EAP: the peers have no type in common
  };
  Reason reason = Reason::refused;
  std::uint32_t code = 0;  ///< E= number; 691 where the peer gave none
  /// Client: Method::try_again() may give other credentials.
  bool retry_allowed = false;
  /// Client: Method::try_again() may give a new password.
  bool change_password = false;
  std::string message;  ///< the peer's words, as they came
};

using AuthOutcome =
    std::variant<AuthPending, AuthWantsSecret, AuthWantsPasswordStored, AuthSuccess, AuthFailure>;

/// One authentication in one role. Packets are those of the method's PPP protocol from the Code
/// field on; the method checks and applies Length itself.
///
/// A server goes on answering after success (repeated Responses get the same result), and so does a
/// client (a repeated or new Challenge gets an answer). outcome() is that of the last round that
/// got a result: a new success brings a new seed (interop note 3.34). A round without one changes
/// nothing.
class Method {
 public:
  virtual ~Method() = default;

  virtual AuthMethod kind() const noexcept = 0;

  /// The link is established. A server sends its Challenge.
  virtual void begin(TimePoint now) = 0;

  /// Returns why the packet was dropped, where it is malformed.
  virtual std::optional<Drop> receive(TimePoint now, Bytes packet) = 0;

  virtual void on_deadline(TimePoint now) = 0;

  virtual Deadline next_deadline() const noexcept = 0;

  /// The next packet to send, from the Code field on.
  virtual std::optional<std::vector<std::uint8_t>> poll() = 0;

  virtual const AuthOutcome& outcome() const noexcept = 0;

  /// Server: the answer to AuthWantsSecret; nullptr: no such user, which the peer cannot tell from
  /// a wrong password.
  virtual void supply(TimePoint now, const Credentials* credentials) = 0;

  /// Server: the answer to AuthWantsPasswordStored; false: the new password may not be.
  virtual void password_stored(TimePoint now, bool stored);

  /// Client, after a failure that says so: the password of `credentials`, which must outlive the
  /// method, becomes the new one (change_password), or they are tried instead of those before.
  /// Nothing at any other time, nor where the method needs a password and they have none.
  virtual void try_again(TimePoint now, const Credentials& credentials);
};

struct MethodConfig {
  Role role = Role::client;
  /// Client: what to answer with; must outlive the method. Server: nullptr.
  const Credentials* credentials = nullptr;
  /// Server: the name in its Challenge.
  std::string local_name = "pptpd-user";
  /// How often a Challenge (server) or an unanswered Response (client, interop note 3.23) is
  /// repeated.
  Duration repeat_after = std::chrono::seconds(3);
  unsigned max_repeats = 10;
  /// Server: how often a peer that is refused may try again, where the method has a way to.
  unsigned retries = 0;
};

/// The registry of methods; nullptr for one that is not built in, and for a client that has no
/// credentials the method could use. `entropy` must outlive the method.
std::unique_ptr<Method> make_method(AuthMethod kind, MethodConfig config, Entropy& entropy);

}  // namespace pptp
