#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "auth/method.h"
#include "tests/auth/octets.h"
#include "tests/auth/script_entropy.h"

namespace pptp::test {

/// A method in both roles, joined by a wire that loses what it is told to, in virtual time.
class MethodPair {
 public:
  using Octets = std::vector<std::uint8_t>;

  /// `self` is who the client is; `retries` are the server's.
  MethodPair(AuthMethod kind, const Credentials& self, unsigned retries = 0)
      : client_(make_method(kind, {Role::client, &self}, client_entropy_)),
        server_(make_method(kind, config(retries), server_entropy_)) {}

  /// The numbers of packets, in order of sending, that are lost.
  std::vector<int> lost;
  /// What the client tries next when it may; the first goes first.
  std::vector<const Credentials*> tries;
  /// Whether the server takes a new password.
  bool takes_password = true;
  std::vector<std::string> stored;
  std::vector<std::string> asked;
  /// What went over the wire, lost or not.
  std::vector<std::pair<Role, Octets>> sent;

  /// Runs until both are done and nothing is left to do. `account` is whom the server knows.
  void run(const Credentials* account) {
    if (!std::exchange(begun_, true)) {
      client_->begin(now_);
      server_->begin(now_);
    }
    for (int step = 0; step < 400; ++step) {
      while (carry(Role::server) || carry(Role::client) || answer(account) || try_again()) {
      }
      const Deadline next = earliest(client_->next_deadline(), server_->next_deadline());
      if (!next) return;
      now_ = *next;
      client_->on_deadline(now_);
      server_->on_deadline(now_);
    }
  }

  Method& client() { return *client_; }

  Method& server() { return *server_; }

  template <class Alternative>
  const Alternative* client_is() const {
    return std::get_if<Alternative>(&client_->outcome());
  }

  template <class Alternative>
  const Alternative* server_is() const {
    return std::get_if<Alternative>(&server_->outcome());
  }

  TimePoint now() const { return now_; }

 private:
  static MethodConfig config(unsigned retries) {
    MethodConfig config;
    config.role = Role::server;
    config.local_name = "pptpd";
    config.retries = retries;
    return config;
  }

  bool carry(Role from) {
    const auto packet = (from == Role::client ? *client_ : *server_).poll();
    if (!packet) return false;
    const auto number = static_cast<int>(sent.size());
    sent.emplace_back(from, *packet);
    if (std::ranges::find(lost, number) == lost.end()) {
      (void)(from == Role::client ? *server_ : *client_).receive(now_, *packet);
    }
    return true;
  }

  bool answer(const Credentials* account) {
    if (const auto* wants = server_is<AuthWantsSecret>()) {
      asked.push_back(wants->user);
      server_->supply(now_, account);
      return true;
    }
    if (const auto* wants = server_is<AuthWantsPasswordStored>()) {
      stored.emplace_back(wants->password.view());
      server_->password_stored(now_, takes_password);
      return true;
    }
    return false;
  }

  bool try_again() {
    const auto* failure = client_is<AuthFailure>();
    if (failure == nullptr || tries.empty()) return false;
    if (!failure->retry_allowed && !failure->change_password) return false;
    const Credentials* next = tries.front();
    tries.erase(tries.begin());
    client_->try_again(now_, *next);
    return true;
  }

  TimePoint now_{};
  bool begun_ = false;
  ScriptEntropy client_entropy_{"a1a2a3a4a5a6a7a8a9aaabacadaeaf"};
  ScriptEntropy server_entropy_{"51525354555657585960616263646566"};
  std::unique_ptr<Method> client_;
  std::unique_ptr<Method> server_;
};

inline constexpr AuthMethod kAllMethods[] = {AuthMethod::pap, AuthMethod::chap_md5,
                                             AuthMethod::mschapv1, AuthMethod::mschapv2,
                                             AuthMethod::eap_mschapv2};

}  // namespace pptp::test
