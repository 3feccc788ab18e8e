// The Authenticate phase of a Link by every method, and what each means for encryption.
#include <chrono>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/ppp/link_pair.h"

namespace pptp {
namespace {

using std::chrono::seconds;
using namespace test;

constexpr AuthMethod kMethods[] = {AuthMethod::pap, AuthMethod::chap_md5, AuthMethod::mschapv1,
                                   AuthMethod::mschapv2, AuthMethod::eap_mschapv2};

/// Both ends with one method, and a policy for encryption.
std::pair<LinkConfig, LinkConfig> ends(AuthMethod method, EncryptionPolicy policy) {
  auto pair = std::pair(client_config(), server_config());
  for (LinkConfig* config : {&pair.first, &pair.second}) {
    config->methods = {method};
    config->encryption.policy = policy;
  }
  return pair;
}

/// Frames with a credential of the client in them, or a protocol for it.
int spoken(const LinkPair& pair) {
  int count = 0;
  for (int code = 0; code < 256; ++code) {
    for (const PppProtocol protocol : {protocol::kPap, protocol::kChap, protocol::kEap})
      count += pair.sent(pair.client, protocol, static_cast<std::uint8_t>(code));
  }
  return count;
}

TEST_CASE("link comes up by every method, without encryption") {
  for (const AuthMethod method : kMethods) {
    CAPTURE(name(method));
    const auto [client, server] = ends(method, EncryptionPolicy::off);
    LinkPair pair(client, server);
    REQUIRE(pair.up());
    CHECK(pair.client.method == method);
    CHECK(pair.authenticated_name == "alice");
    CHECK(pair.violations().empty());
  }
}

TEST_CASE("link without credentials learns the method, says nothing of itself and goodbye") {
  for (const AuthMethod method : kMethods) {
    CAPTURE(name(method));
    auto [client, server] = ends(method, EncryptionPolicy::off);
    client.credentials.reset();
    LinkPair pair(client, server);
    pair.start();
    pair.run(seconds(5));
    CHECK(pair.client.wanted == method);
    REQUIRE(pair.client.ended);
    CHECK(pair.client.ended->cause == Cause::closed_locally);
    REQUIRE(pair.server.ended);
    CHECK(pair.server.ended->cause == Cause::peer_terminated);
    CHECK(pair.authenticated_name.empty());
    CHECK(pair.violations().empty());
    CHECK(spoken(pair) == 0);
  }
}

TEST_CASE("link comes up by every method on a wire that loses, repeats and reorders") {
  for (const AuthMethod method : kMethods) {
    for (std::uint32_t seed = 1; seed <= 20; ++seed) {
      CAPTURE(name(method));
      CAPTURE(seed);
      const auto [client, server] =
          ends(method, makes_keys(method) ? EncryptionPolicy::require : EncryptionPolicy::off);
      Pair::Wire wire;
      wire.delay = std::chrono::milliseconds(20);
      wire.jitter = std::chrono::milliseconds(30);
      wire.loss = 0.1;
      wire.repeat = 0.1;
      LinkPair pair(client, server, wire, seed);
      pair.start();
      pair.run(seconds(60));
      CHECK(pair.client.network);
      CHECK(pair.server.network);
      CHECK(keys_match(pair) == makes_keys(method));
      CHECK(pair.violations().empty());
    }
  }
}

TEST_CASE("link by MS-CHAPv1, v2 and EAP-MSCHAPv2 has the same keys at both ends, of any length") {
  for (const AuthMethod method : kMethods) {
    if (!makes_keys(method)) continue;
    for (const KeyBits bits : {KeyBits::k40, KeyBits::k56, KeyBits::k128}) {
      CAPTURE(name(method));
      CAPTURE(bit_count(bits));
      auto [client, server] = ends(method, EncryptionPolicy::require);
      for (LinkConfig* config : {&client, &server}) {
        config->encryption.allow_40 = bits == KeyBits::k40;
        config->encryption.allow_56 = bits == KeyBits::k56;
        config->encryption.allow_128 = bits == KeyBits::k128;
      }
      LinkPair pair(client, server);
      REQUIRE(pair.up());
      CHECK(keys_match(pair));
      CHECK(pair.client.encryption->send.bits == bits);
    }
  }
}

TEST_CASE("link by a method without keys ends before anything is said where MPPE is required") {
  for (const AuthMethod method : {AuthMethod::pap, AuthMethod::chap_md5}) {
    CAPTURE(name(method));
    auto [client, server] = ends(method, EncryptionPolicy::require);
    client.methods = {AuthMethod::mschapv2, method};
    server.encryption.policy = EncryptionPolicy::off;
    LinkPair pair(client, server);
    CHECK_FALSE(pair.up());
    REQUIRE(pair.client.ended);
    CHECK(pair.client.ended->cause == Cause::mppe_no_keys);
    CHECK(spoken(pair) == 0);
  }
}

TEST_CASE("link by a method without keys goes on in clear where encryption is only preferred") {
  for (const AuthMethod method : {AuthMethod::pap, AuthMethod::chap_md5}) {
    const auto [client, server] = ends(method, EncryptionPolicy::prefer);
    LinkPair pair(client, server);
    REQUIRE(pair.up());
    CHECK_FALSE(pair.client.encryption);
    CHECK(pair.client.log.warnings.size() == 1);
  }
}

TEST_CASE("link by MS-CHAPv1 with a hash alone has keys of 128 bits and no others") {
  for (const bool strong : {true, false}) {
    auto [client, server] = ends(AuthMethod::mschapv1, EncryptionPolicy::require);
    const Credentials account("alice", SecretText("secret"));
    client.credentials = std::make_shared<Credentials>("alice", account.nt_hash());
    for (LinkConfig* config : {&client, &server}) {
      config->encryption.allow_128 = strong;
      config->encryption.allow_40 = !strong;
    }
    LinkPair pair(client, server);
    CHECK(pair.up() == strong);
    if (strong) continue;
    REQUIRE(pair.client.ended);
    CHECK(pair.client.ended->cause == Cause::mppe_no_keys);
    CHECK(pair.client.story.find(" up") == std::string::npos);
  }
}

TEST_CASE("link answers no method but those it may, and says nothing of itself") {
  for (const AuthMethod asked : kMethods) {
    for (const AuthMethod allowed : kMethods) {
      if (asked == allowed) continue;
      CAPTURE(name(asked));
      CAPTURE(name(allowed));
      auto [client, server] = ends(asked, EncryptionPolicy::off);
      client.methods = {allowed};
      LinkPair pair(client, server);
      CHECK_FALSE(pair.up());
      pair.run(seconds(60));
      REQUIRE(pair.client.ended);
      CHECK(pair.client.ended->cause == Cause::auth_no_common_method);
      CHECK(pair.client.ended->code == auth_protocol(asked).protocol.value());
      CHECK(spoken(pair) == 0);
    }
  }
}

TEST_CASE("link takes the method that both have, whatever each begins with") {
  auto [client, server] = ends(AuthMethod::mschapv2, EncryptionPolicy::off);
  server.methods = {AuthMethod::eap_mschapv2, AuthMethod::mschapv2, AuthMethod::mschapv1,
                    AuthMethod::chap_md5, AuthMethod::pap};
  client.methods = {AuthMethod::chap_md5, AuthMethod::mschapv1};
  LinkPair pair(client, server);
  REQUIRE(pair.up());
  CHECK(pair.client.method == AuthMethod::mschapv1);
}

TEST_CASE("link by EAP ends as without a common method when the server has other types only") {
  auto [client, server] = ends(AuthMethod::eap_mschapv2, EncryptionPolicy::require);
  LinkPair pair(client, server);
  pair.filter = [](const LinkEnd&, ControlFrame& frame) {
    // EAP-MD5 in the place of what our server asks for, and its Failure for the Nak.
    if (frame.protocol == protocol::kEap && frame.information.at(0) == 1 &&
        frame.information.at(4) == 26) {
      frame.information = {1, frame.information[1], 0, 10, 4, 4, 1, 2, 3, 4};
    }
    return true;
  };
  CHECK_FALSE(pair.up());
  REQUIRE(pair.client.ended);
  CHECK(pair.client.ended->cause == Cause::auth_no_common_method);
  CHECK(pair.client.ended->code == protocol::kEap.value());
}

// --- another try

struct TryAgain {
  explicit TryAgain(AuthMethod method, unsigned retries = 1)
      : configs(ends(method, EncryptionPolicy::require)) {
    configs.first.credentials = std::make_shared<Credentials>("alice", SecretText("wrong"));
    configs.first.may_try_again = true;
    configs.second.retries = retries;
  }

  std::pair<LinkConfig, LinkConfig> configs;
  std::shared_ptr<const Credentials> right =
      std::make_shared<Credentials>("alice", SecretText("secret"));
};

TEST_CASE("link asks for other credentials where the server allows another try, and comes up") {
  for (const AuthMethod method :
       {AuthMethod::mschapv1, AuthMethod::mschapv2, AuthMethod::eap_mschapv2}) {
    CAPTURE(name(method));
    TryAgain with(method);
    LinkPair pair(with.configs.first, with.configs.second);
    pair.start();
    pair.run(seconds(20));  // its user takes a while
    REQUIRE(pair.client.another_try);
    CHECK_FALSE(pair.client.another_try->change_password);
    CHECK(pair.client.another_try->end.cause == Cause::auth_failed);
    CHECK(pair.client.another_try->end.code == 691);
    pair.tries = {with.right};
    pair.run(seconds(5));
    CHECK(pair.client.network);
    CHECK(keys_match(pair));
  }
}

TEST_CASE("link does not ask where nobody can be asked, or the server allows no other try") {
  for (const bool may : {false, true}) {
    TryAgain with(AuthMethod::mschapv2, may ? 0 : 1);
    with.configs.first.may_try_again = may;
    LinkPair pair(with.configs.first, with.configs.second);
    CHECK_FALSE(pair.up());
    CHECK_FALSE(pair.client.another_try);
    REQUIRE(pair.client.ended);
    CHECK(pair.client.ended->cause == Cause::auth_failed);
    CHECK(pair.client.ended->code == 691);
  }
}

TEST_CASE("link ends with the refusal when the server does not wait for the other try") {
  TryAgain with(AuthMethod::mschapv2);
  LinkPair pair(with.configs.first, with.configs.second);
  pair.start();
  pair.run(seconds(1));
  REQUIRE(pair.client.another_try);
  pair.server.link.close(pair.now(), {Cause::auth_peer_failed, 691, {}});
  pair.run(seconds(2));
  REQUIRE(pair.client.ended);
  CHECK(pair.client.ended->cause == Cause::auth_failed);
  CHECK(pair.client.ended->code == 691);
}

TEST_CASE("link waits two minutes for another try, and then ends with the refusal") {
  TryAgain with(AuthMethod::mschapv2);
  LinkPair pair(with.configs.first, with.configs.second);
  pair.start();
  pair.run(seconds(110));
  CHECK(pair.client.another_try);
  CHECK_FALSE(pair.client.ended);
  pair.run(seconds(30));
  REQUIRE(pair.client.ended);
  CHECK(pair.client.ended->cause == Cause::auth_failed);
  REQUIRE(pair.server.ended);
}

TEST_CASE(
    "link changes an expired password in the middle, and is encrypted with the new one's keys") {
  for (const AuthMethod method : {AuthMethod::mschapv2, AuthMethod::eap_mschapv2}) {
    CAPTURE(name(method));
    auto [client, server] = ends(method, EncryptionPolicy::require);
    client.may_try_again = true;
    LinkPair pair(client, server);
    pair.account.expire();
    pair.tries = {std::make_shared<Credentials>("alice", SecretText("quite new"))};
    REQUIRE(pair.up());
    CHECK(pair.stored == "quite new");
    CHECK(keys_match(pair));
    CHECK(pair.client.story.find("new-password?") != std::string::npos);
  }
}

TEST_CASE("link ends with 648 where nobody can be asked for a new password") {
  auto [client, server] = ends(AuthMethod::mschapv2, EncryptionPolicy::require);
  LinkPair pair(client, server);
  pair.account.expire();
  CHECK_FALSE(pair.up());
  REQUIRE(pair.client.ended);
  CHECK(pair.client.ended->cause == Cause::auth_failed);
  CHECK(pair.client.ended->code == 648);
}

}  // namespace
}  // namespace pptp
