// Another try after a refusal, and the change of an expired password: one role against the other.
#include <string>

#include <doctest/doctest.h>

#include "auth/chap_packet.h"
#include "auth/method.h"
#include "auth/mschap_message.h"
#include "auth/password_change.h"
#include "tests/auth/method_pair.h"

namespace pptp {
namespace {

using std::chrono::seconds;
using test::MethodPair;

constexpr AuthMethod kRetrying[] = {AuthMethod::mschapv1, AuthMethod::mschapv2,
                                    AuthMethod::eap_mschapv2};
constexpr AuthMethod kChanging[] = {AuthMethod::mschapv1, AuthMethod::mschapv2,
                                    AuthMethod::eap_mschapv2};

const Credentials kAlice("alice", SecretText("secret"));
const Credentials kWrong("alice", SecretText("Secret"));
const Credentials kWorse("alice", SecretText("SECRET"));
const Credentials kNew("alice", SecretText("n\xc3\xa4"
                                           "chstes"));

Credentials expired() {
  Credentials credentials = kAlice.clone();
  credentials.expire();
  return credentials;
}

TEST_CASE("retry/both roles: the right password at the second or third try comes in") {
  for (const AuthMethod kind : kRetrying) {
    CAPTURE(name(kind));
    for (const bool twice : {false, true}) {
      MethodPair pair(kind, kWrong, 2);
      if (twice) pair.tries.push_back(&kWorse);
      pair.tries.push_back(&kAlice);
      pair.run(&kAlice);
      CHECK(pair.client_is<AuthSuccess>());
      CHECK(pair.server_is<AuthSuccess>());
      CHECK(pair.asked.size() == (twice ? 3 : 2));
    }
  }
}

TEST_CASE("retry/both roles: no more tries than the server allows") {
  for (const AuthMethod kind : kRetrying) {
    CAPTURE(name(kind));
    MethodPair pair(kind, kWrong, 2);
    pair.tries = {&kWrong, &kWrong, &kAlice};
    pair.run(&kAlice);
    CHECK(pair.tries.size() == 1);
    REQUIRE(pair.client_is<AuthFailure>());
    CHECK_FALSE(pair.client_is<AuthFailure>()->retry_allowed);
    CHECK(pair.server_is<AuthFailure>());
  }
}

TEST_CASE("retry/both roles: another name may be tried as well") {
  for (const AuthMethod kind : kRetrying) {
    const Credentials bob("bob", SecretText("secret"));
    MethodPair pair(kind, kWrong, 1);
    pair.tries = {&bob};
    pair.run(&kAlice);
    CHECK(pair.asked == std::vector<std::string>{"alice", "bob"});
    REQUIRE(pair.server_is<AuthSuccess>());
    CHECK(pair.server_is<AuthSuccess>()->peer_name == "bob");
  }
}

TEST_CASE("retry/both roles: the loss of any packet costs time only") {
  for (const AuthMethod kind : kRetrying) {
    CAPTURE(name(kind));
    for (int lost = -1; lost < 9; ++lost) {
      CAPTURE(lost);
      MethodPair pair(kind, kWrong, 1);
      pair.lost = {lost};
      pair.tries = {&kAlice};
      pair.run(&kAlice);
      CHECK(pair.client_is<AuthSuccess>());
      CHECK(pair.server_is<AuthSuccess>());
      CHECK(pair.now() - TimePoint() <= seconds(6));
    }
  }
}

TEST_CASE("rfc2759/6 another try is an answer to the challenge of the Failure, one identifier on") {
  MethodPair pair(AuthMethod::mschapv2, kWrong, 1);
  pair.tries = {&kAlice};
  pair.run(&kAlice);
  REQUIRE(pair.sent.size() == 5);
  const auto first = std::get<ChapResponse>(parse_chap(pair.sent[1].second).value());
  const auto refusal = std::get<ChapFailure>(parse_chap(pair.sent[2].second).value());
  const auto second = std::get<ChapResponse>(parse_chap(pair.sent[3].second).value());
  const MsChapFailure failure = parse_mschap_failure(refusal.message);
  CHECK(failure.code == 691);
  CHECK(failure.retry_allowed);
  CHECK(second.identifier == next(first.identifier));
  const auto response = parse_mschapv2_response(second.value).value();
  CHECK(response.nt_response == generate_nt_response(failure.challenge.value(),
                                                     response.peer_challenge, "alice",
                                                     kAlice.nt_hash()));
  const auto before = parse_mschapv2_response(first.value).value();
  CHECK(before.peer_challenge != response.peer_challenge);
}

TEST_CASE("retry/client: without the challenge for it there is no other try") {
  for (const std::string_view message : {"E=691 R=1 V=3", "E=691 R=1 C=0011223344556677 V=3",
                                         "E=691 R=0 C=5B5D7C7D7B3F2F3E3C2C602132262628 V=3"}) {
    CAPTURE(message);
    test::ScriptEntropy entropy("");
    const auto client = make_method(AuthMethod::mschapv2, {Role::client, &kWrong}, entropy);
    client->begin({});
    (void)client->receive({},
                          test::octets("01c7001a10 0f3bd41cbace13a2c82b835cd95f0360 7070747064"));
    CHECK(client->poll());
    (void)client->receive({}, build(ChapFailure{Identifier(0xc7), message}));
    REQUIRE(std::holds_alternative<AuthFailure>(client->outcome()));
    CHECK_FALSE(std::get<AuthFailure>(client->outcome()).retry_allowed);
    client->try_again({}, kAlice);
    CHECK_FALSE(client->poll());
    CHECK(std::holds_alternative<AuthFailure>(client->outcome()));
  }
}

const Secret<16>& password_hash_hash(const KeySeed& seed) {
  const auto* first = std::get_if<MsChapV1Seed>(&seed);
  return first != nullptr ? first->password_hash_hash
                          : std::get<MsChapV2Seed>(seed).password_hash_hash;
}

TEST_CASE("rfc2759/7 both roles: an expired password is changed, and the keys are the new one's") {
  for (const AuthMethod kind : kChanging) {
    CAPTURE(name(kind));
    const Credentials account = expired();
    MethodPair pair(kind, kAlice);
    pair.tries = {&kNew};
    pair.run(&account);
    CHECK(pair.stored == std::vector<std::string>{"n\xc3\xa4"
                                                  "chstes"});
    const auto* client = pair.client_is<AuthSuccess>();
    const auto* server = pair.server_is<AuthSuccess>();
    REQUIRE(client);
    REQUIRE(server);
    const NtHashHash hash = hash_nt_password_hash(kNew.nt_hash());
    for (const KeySeed* seed : {&client->seed, &server->seed}) {
      CHECK(equal_secret(password_hash_hash(*seed).bytes(), hash.bytes()));
    }
    if (kind == AuthMethod::mschapv1) {
      CHECK(std::get<MsChapV1Seed>(client->seed).challenge ==
            std::get<MsChapV1Seed>(server->seed).challenge);
    } else {
      CHECK(std::get<MsChapV2Seed>(client->seed).nt_response ==
            std::get<MsChapV2Seed>(server->seed).nt_response);
    }
  }
}

TEST_CASE("rfc2759/7 the packet has code 7, 586 octets and the Failure's identifier plus 1") {
  const Credentials account = expired();
  MethodPair pair(AuthMethod::mschapv2, kAlice);
  pair.tries = {&kNew};
  pair.run(&account);
  REQUIRE(pair.sent.size() == 5);
  const auto refusal = std::get<ChapFailure>(parse_chap(pair.sent[2].second).value());
  CHECK(refusal.message.starts_with("E=648 R=0 C="));
  CHECK(refusal.message.ends_with(" V=3 M=Password expired"));
  const auto& packet = pair.sent[3].second;
  CHECK(packet.size() == 586);
  CHECK(packet[0] == 7);
  CHECK(Identifier(packet[1]) == next(refusal.identifier));
  const auto change =
      parse_mschapv2_change(std::get<ChapChangePassword>(parse_chap(packet).value()).data).value();
  const auto challenge = parse_mschap_failure(refusal.message).challenge.value();
  CHECK(change.response.nt_response ==
        generate_nt_response(challenge, change.response.peer_challenge, "alice", kNew.nt_hash()));
}

TEST_CASE("rfc2433/10 the packet has code 6, 1118 octets and the Failure's identifier plus 1") {
  const Credentials account = expired();
  MethodPair pair(AuthMethod::mschapv1, kAlice);
  pair.tries = {&kNew};
  pair.run(&account);
  REQUIRE(pair.sent.size() == 5);
  const auto refusal = std::get<ChapFailure>(parse_chap(pair.sent[2].second).value());
  CHECK(refusal.message.starts_with("E=648 R=0 C="));
  CHECK(refusal.message.ends_with(" V=2 M=Password expired"));
  const auto& packet = pair.sent[3].second;
  CHECK(packet.size() == 1118);
  CHECK(packet[0] == 6);
  CHECK(Identifier(packet[1]) == next(refusal.identifier));
  const auto change =
      parse_mschapv1_change(std::get<ChapChangePasswordV2>(parse_chap(packet).value()).data)
          .value();
  const auto challenge = parse_mschap_failure(refusal.message).version1_challenge.value();
  CHECK(change.response.nt_response == challenge_response(challenge, kNew.nt_hash()));
  CHECK(change.response.use_nt);
}

TEST_CASE("rfc2433/10 both roles: the new password makes keys of 40 bits as well") {
  const Credentials account = expired();
  const Credentials ascii("alice", SecretText("newPass"));
  MethodPair pair(AuthMethod::mschapv1, kAlice);
  pair.tries = {&ascii};
  pair.run(&account);
  const auto* client = pair.client_is<AuthSuccess>();
  const auto* server = pair.server_is<AuthSuccess>();
  REQUIRE(client);
  REQUIRE(server);
  const auto& ours = std::get<MsChapV1Seed>(client->seed);
  const auto& theirs = std::get<MsChapV1Seed>(server->seed);
  REQUIRE(ours.lm_password_hash);
  REQUIRE(theirs.lm_password_hash);
  CHECK(equal_secret(ours.lm_password_hash->bytes(), theirs.lm_password_hash->bytes()));
}

TEST_CASE("rfc2433/8 client: who takes version 1 of the packet alone is not told a new password") {
  for (const std::string_view message :
       {"E=648 R=0 C=0011223344556677 V=1 M=x", "E=648 R=0 C=0011223344556677"}) {
    test::ScriptEntropy entropy("");
    const auto client = make_method(AuthMethod::mschapv1, {Role::client, &kAlice}, entropy);
    client->begin({});
    (void)client->receive({}, test::octets("01c7001208 0f3bd41cbace13a2 7070747064"));
    CHECK(client->poll());
    (void)client->receive({}, build(ChapFailure{Identifier(0xc7), message}));
    REQUIRE(std::holds_alternative<AuthFailure>(client->outcome()));
    CHECK_FALSE(std::get<AuthFailure>(client->outcome()).change_password);
    client->try_again({}, kNew);
    CHECK_FALSE(client->poll());
  }
}

/// How often a change of password is stored, of all times that one bit of its packet is damaged.
int stored_though_damaged(AuthMethod kind) {
  const Credentials account = expired();
  MethodPair clean(kind, kAlice);
  clean.tries = {&kNew};
  clean.run(&account);
  const auto packet = clean.sent[3].second;
  int stored = 0;
  for (std::size_t bit = 32; bit < packet.size() * 8; ++bit) {
    MethodPair pair(kind, kAlice);
    pair.run(&account);
    auto damaged = packet;
    damaged[bit / 8] = static_cast<std::uint8_t>(damaged[bit / 8] ^ 1U << bit % 8);
    (void)pair.server().receive({}, damaged);
    pair.run(&account);
    // What is not right all through is not stored either.
    CHECK(pair.stored.empty() == (pair.server_is<AuthSuccess>() == nullptr));
    if (pair.stored.empty()) continue;
    ++stored;
    CHECK(pair.stored.front() == clean.stored.front());
  }
  return stored;
}

TEST_CASE("rfc2433/10 server: any bit of the packet damaged changes nothing, but in filler") {
  // 496 octets before the password, 556 for LAN Manager, and flags but for one bit.
  CHECK(stored_though_damaged(AuthMethod::mschapv1) == (496 + 556) * 8 + 15);
}

TEST_CASE("rfc2759/7 both roles: the loss of any packet costs time only, and stores it once") {
  for (const AuthMethod kind : kChanging) {
    CAPTURE(name(kind));
    for (int lost = -1; lost < 10; ++lost) {
      CAPTURE(lost);
      const Credentials account = expired();
      MethodPair pair(kind, kAlice);
      pair.lost = {lost};
      pair.tries = {&kNew};
      pair.run(&account);
      CHECK(pair.client_is<AuthSuccess>());
      CHECK(pair.server_is<AuthSuccess>());
      CHECK(pair.stored.size() == 1);
    }
  }
}

TEST_CASE("rfc2759/7 both roles: a server that does not take the new password says 709") {
  for (const AuthMethod kind : kChanging) {
    CAPTURE(name(kind));
    const Credentials account = expired();
    MethodPair pair(kind, kAlice);
    pair.takes_password = false;
    pair.tries = {&kNew};
    pair.run(&account);
    REQUIRE(pair.client_is<AuthFailure>());
    CHECK(pair.client_is<AuthFailure>()->code == 709);
    REQUIRE(pair.server_is<AuthFailure>());
    CHECK(pair.server_is<AuthFailure>()->code == 709);
  }
}

TEST_CASE("rfc2759/7 an expired password does not come in, and a wrong one is not told of it") {
  for (const AuthMethod kind : kChanging) {
    CAPTURE(name(kind));
    const Credentials account = expired();
    MethodPair wrong(kind, kWrong);
    wrong.run(&account);
    CHECK(wrong.client_is<AuthFailure>()->code == 691);
    MethodPair right(kind, kAlice);
    right.run(&account);
    REQUIRE(right.client_is<AuthFailure>());
    CHECK(right.client_is<AuthFailure>()->code == 648);
    CHECK(right.client_is<AuthFailure>()->change_password);
    CHECK_FALSE(right.server_is<AuthSuccess>());
  }
}

TEST_CASE("rfc2759/7 client: a new password has to be one") {
  const Credentials account = expired();
  const Credentials hash("alice", kNew.nt_hash());
  MethodPair pair(AuthMethod::mschapv2, kAlice);
  pair.tries = {&hash};
  pair.run(&account);
  CHECK(pair.client_is<AuthFailure>());
  CHECK(pair.stored.empty());
}

TEST_CASE("rfc2759/7 server: any bit of the packet damaged changes nothing, but in filler") {
  // 496 octets before the password, 8 reserved ones, 2 of flags.
  CHECK(stored_though_damaged(AuthMethod::mschapv2) == 506 * 8);
}

}  // namespace
}  // namespace pptp
