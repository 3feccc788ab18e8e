#pragma once

#include <expected>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "apps/address_text.h"
#include "apps/config_error.h"
#include "auth/credentials.h"
#include "lib/secret.h"
#include "tunnel/io/ipv4_prefix.h"

namespace pptp::app {

/// The fourth field of a secret and what follows: which addresses the user may have.
class AllowedAddresses {
 public:
  /// Anything.
  AllowedAddresses() = default;

  /// One word of the field: "*", "-", an address, a prefix, or one of the two with "!" before it.
  TextResult<void> add(std::string_view word);

  bool allows(Ipv4Address address) const noexcept;

  /// The address that is the user's own: where the field begins with one.
  std::optional<Ipv4Address> fixed() const noexcept;

 private:
  struct Rule {
    io::Ipv4Prefix prefix;
    bool allow = true;
  };

  std::vector<Rule> rules_;  // the first that matches decides
  bool others_ = true;       // where none does
};

struct SecretsWord;

/// A user who may connect; the credentials say whether only with a new password.
struct User {
  /// Whose it is: the first field of the line, or where that is "*", the name as it came. Who is
  /// known by several names has one account.
  std::string account;
  Credentials credentials;
  AllowedAddresses addresses;
};

/// pppd's chap-secrets: a line has client, server, secret and addresses, separated by blanks.
/// Quotes, escapes and comments are pppd's (see docs/manual.md); a secret "@/path" is the first
/// word of that file. Text is UTF-8.
class ChapSecrets {
 public:
  /// Lines that make no sense are left out and land in errors(); what is odd in warnings().
  static ChapSecrets parse(std::string_view text, const std::string& source);

  /// parse() of a file; one that cannot be read is an error.
  static std::expected<ChapSecrets, ConfigError> load(const std::string& path);

  /// Who `user`, the name as it came over the wire, is to `server` (empty: the second field does
  /// not matter). The whole name is looked for first, then the one without DOMAIN\, then "*". The
  /// Credentials carry the name as it came. nullopt: nobody we know.
  /// `kind`: what the secrets' octets stand for.
  std::optional<User> find(std::string_view user, std::string_view server,
                           PasswordText kind = PasswordText::utf8) const;

  /// parse()'s text with another secret for `user` in the place of the one that find() would take,
  /// which no longer counts as expired. The error says why not: there is no such user, "*" stands
  /// for anybody, or the secret cannot be written down.
  static std::expected<std::string, std::string> with_secret(const std::string& text,
                                                             std::string_view user,
                                                             std::string_view server,
                                                             std::string_view secret);

  /// The addresses that belong to one user each.
  std::set<Ipv4Address> fixed_addresses() const;

  std::size_t size() const noexcept { return entries_.size(); }

  const ConfigErrors& errors() const noexcept { return errors_; }

  const ConfigErrors& warnings() const noexcept { return warnings_; }

 private:
  struct Entry {
    std::string client;
    std::string server;
    SecretText secret;
    AllowedAddresses addresses;
    bool expired = false;
    unsigned line = 0;
  };

  void add_line(const std::vector<SecretsWord>& words, const std::string& source, unsigned line);
  const Entry* entry_of(std::string_view user, std::string_view server) const;
  const Entry* best(std::string_view client, std::string_view server) const;

  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::vector<std::size_t>> by_client_;
  ConfigErrors errors_;
  ConfigErrors warnings_;
};

}  // namespace pptp::app
