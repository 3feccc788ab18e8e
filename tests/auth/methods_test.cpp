// What holds for every method, one role against the other.
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "auth/method.h"
#include "mppe/keys.h"
#include "tests/auth/method_pair.h"

namespace pptp {
namespace {

using std::chrono::seconds;
using test::kAllMethods;
using test::MethodPair;

const Credentials kAlice("OFFICE\\alice", SecretText("secret"));
const Credentials kWrong("OFFICE\\alice", SecretText("Secret"));
const Credentials kOther("OFFICE\\alice", SecretText("unlike it"));

bool same_seed(const AuthSuccess& a, const AuthSuccess& b) {
  if (a.seed.index() != b.seed.index()) return false;
  if (const auto* ours = std::get_if<MsChapV1Seed>(&a.seed)) {
    const auto& theirs = std::get<MsChapV1Seed>(b.seed);
    return ours->challenge == theirs.challenge &&
           equal_secret(ours->lm_password_hash.value().bytes(),
                        theirs.lm_password_hash.value().bytes()) &&
           equal_secret(ours->password_hash_hash.bytes(), theirs.password_hash_hash.bytes());
  }
  if (const auto* ours = std::get_if<MsChapV2Seed>(&a.seed)) {
    const auto& theirs = std::get<MsChapV2Seed>(b.seed);
    return ours->nt_response == theirs.nt_response &&
           equal_secret(ours->password_hash_hash.bytes(), theirs.password_hash_hash.bytes());
  }
  return true;
}

/// Whether the octets of a text are anywhere in what the client has sent.
bool client_sent(const MethodPair& pair, std::string_view text) {
  return std::ranges::any_of(pair.sent, [text](const auto& one) {
    return one.first == Role::client && as_text(one.second).find(text) != std::string_view::npos;
  });
}

TEST_CASE("methods/both roles: who knows the password comes in, and both have the same keys") {
  for (const AuthMethod kind : kAllMethods) {
    CAPTURE(name(kind));
    MethodPair pair(kind, kAlice);
    pair.run(&kAlice);
    const auto* client = pair.client_is<AuthSuccess>();
    const auto* server = pair.server_is<AuthSuccess>();
    REQUIRE(client);
    REQUIRE(server);
    CHECK(server->peer_name == "OFFICE\\alice");
    CHECK(same_seed(*client, *server));
    CHECK(makes_keys(kind) == !std::holds_alternative<std::monostate>(client->seed));
    CHECK(start_keys(client->seed, KeyBits::k128, Role::client).has_value() == makes_keys(kind));
    CHECK(pair.now() == TimePoint());
  }
}

TEST_CASE("methods/both roles: the password goes over the wire with PAP alone") {
  for (const AuthMethod kind : kAllMethods) {
    CAPTURE(name(kind));
    MethodPair pair(kind, kAlice);
    pair.run(&kAlice);
    CHECK(client_sent(pair, "secret") == (kind == AuthMethod::pap));
    CHECK(client_sent(pair, "OFFICE\\alice"));
  }
}

TEST_CASE("methods/both roles: a wrong password and an unknown user are refused alike") {
  for (const AuthMethod kind : kAllMethods) {
    CAPTURE(name(kind));
    std::vector<std::uint8_t> words;
    for (const Credentials* account : {&kAlice, static_cast<const Credentials*>(nullptr)}) {
      MethodPair pair(kind, kWrong);
      pair.run(account);
      REQUIRE(pair.client_is<AuthFailure>());
      CHECK(pair.client_is<AuthFailure>()->reason == AuthFailure::Reason::refused);
      CHECK(pair.client_is<AuthFailure>()->code == 691);
      REQUIRE(pair.server_is<AuthFailure>());
      CHECK(pair.server_is<AuthFailure>()->code == 691);
      const auto last =
          std::ranges::find_if(pair.sent.rbegin(), pair.sent.rend(),
                               [](const auto& one) { return one.first == Role::server; });
      if (words.empty()) words = last->second;
      CHECK(words == last->second);
    }
  }
}

TEST_CASE("methods/both roles: an account that has only a hash of zeros lets nobody in") {
  const Credentials zeros("alice", NtHash());
  for (const AuthMethod kind :
       {AuthMethod::mschapv1, AuthMethod::mschapv2, AuthMethod::eap_mschapv2}) {
    MethodPair pair(kind, zeros);
    pair.run(nullptr);
    CHECK(pair.server_is<AuthFailure>());
  }
}

TEST_CASE("methods/both roles: the loss of any one or two packets costs time only") {
  for (const AuthMethod kind : kAllMethods) {
    CAPTURE(name(kind));
    for (int first = -1; first < 10; ++first) {
      for (int second = first; second < 10; ++second) {
        CAPTURE(first);
        CAPTURE(second);
        MethodPair pair(kind, kAlice);
        pair.lost = {first, second};
        pair.run(&kAlice);
        REQUIRE(pair.client_is<AuthSuccess>());
        REQUIRE(pair.server_is<AuthSuccess>());
        CHECK(same_seed(*pair.client_is<AuthSuccess>(), *pair.server_is<AuthSuccess>()));
        CHECK(pair.now() - TimePoint() <= seconds(9));
      }
    }
  }
}

TEST_CASE("methods/both roles: a refusal arrives though any packet is lost") {
  for (const AuthMethod kind : kAllMethods) {
    CAPTURE(name(kind));
    for (int lost = -1; lost < 6; ++lost) {
      CAPTURE(lost);
      MethodPair pair(kind, kWrong);
      pair.lost = {lost};
      pair.run(&kAlice);
      REQUIRE(pair.client_is<AuthFailure>());
      CHECK(pair.client_is<AuthFailure>()->code == 691);
      CHECK(pair.server_is<AuthFailure>());
    }
  }
}

TEST_CASE("methods/both roles: a wire that carries nothing ends in time") {
  for (const AuthMethod kind : kAllMethods) {
    CAPTURE(name(kind));
    MethodPair pair(kind, kAlice);
    for (int i = 0; i < 100; ++i)
      pair.lost.push_back(i);
    pair.run(&kAlice);
    REQUIRE(pair.client_is<AuthFailure>());
    CHECK(pair.client_is<AuthFailure>()->reason == AuthFailure::Reason::timed_out);
    REQUIRE(pair.server_is<AuthFailure>());
    CHECK(pair.server_is<AuthFailure>()->reason == AuthFailure::Reason::timed_out);
    CHECK(pair.now() == TimePoint() + seconds(33));
  }
}

TEST_CASE("methods/both roles: what comes back from a mirror authenticates nobody") {
  for (const AuthMethod kind : kAllMethods) {
    CAPTURE(name(kind));
    MethodPair pair(kind, kAlice);
    TimePoint now;
    pair.client().begin(now);
    pair.server().begin(now);
    for (Method* method : {&pair.client(), &pair.server()}) {
      while (method->next_deadline()) {
        if (const auto packet = method->poll()) (void)method->receive(now, *packet);
        CHECK_FALSE(std::holds_alternative<AuthWantsSecret>(method->outcome()));
        CHECK_FALSE(std::holds_alternative<AuthSuccess>(method->outcome()));
        now = method->next_deadline().value_or(now);
        method->on_deadline(now);
      }
      CHECK(std::holds_alternative<AuthFailure>(method->outcome()));
    }
  }
}

TEST_CASE("methods/both roles: damaged packets bring nobody in who should not be") {
  for (const AuthMethod kind : kAllMethods) {
    CAPTURE(name(kind));
    MethodPair clean(kind, kOther);
    clean.run(&kAlice);
    for (const auto& [from, packet] : clean.sent) {
      for (std::size_t bit = 0; bit < packet.size() * 8; ++bit) {
        auto damaged = packet;
        damaged[bit / 8] = static_cast<std::uint8_t>(damaged[bit / 8] ^ 1U << bit % 8);
        MethodPair pair(kind, kOther);
        pair.client().begin({});
        pair.server().begin({});
        Method& to = from == Role::client ? pair.server() : pair.client();
        (void)to.receive({}, damaged);
        pair.run(&kAlice);
        CHECK_FALSE(pair.server_is<AuthSuccess>());
        // PAP, CHAP-MD5 and MS-CHAPv1 take the server's word for it.
        if (kind == AuthMethod::mschapv2 || kind == AuthMethod::eap_mschapv2) {
          CHECK_FALSE(pair.client_is<AuthSuccess>());
        }
      }
    }
  }
}

TEST_CASE("methods/every truncation of every packet is dropped as malformed or says nothing new") {
  for (const AuthMethod kind : kAllMethods) {
    CAPTURE(name(kind));
    MethodPair clean(kind, kAlice);
    clean.run(&kAlice);
    for (const auto& [from, packet] : clean.sent) {
      for (std::size_t size = 0; size < packet.size(); ++size) {
        MethodPair pair(kind, kAlice);
        pair.client().begin({});
        pair.server().begin({});
        Method& to = from == Role::client ? pair.server() : pair.client();
        CHECK(to.receive({}, Bytes(packet).first(size)) == Drop::ppp_control_malformed);
      }
    }
  }
}

TEST_CASE("methods/server: an expired password does not let in by methods that cannot change it") {
  Credentials expired("alice", SecretText("secret"));
  expired.expire();
  const Credentials alice("alice", SecretText("secret"));
  for (const AuthMethod kind : {AuthMethod::pap, AuthMethod::chap_md5}) {
    CAPTURE(name(kind));
    MethodPair pair(kind, alice);
    pair.run(&expired);
    REQUIRE(pair.server_is<AuthFailure>());
    CHECK(pair.server_is<AuthFailure>()->code == 648);
    REQUIRE(pair.client_is<AuthFailure>());
    CHECK_FALSE(pair.client_is<AuthFailure>()->change_password);
  }
}

TEST_CASE("pap/a password beyond ASCII is compared as its user's password is read (note 3.27)") {
  const SecretText utf8(
      "Gr\xc3\xbc\xc3\x9f"
      "e");
  const SecretText latin1(
      "Gr\xfc\xdf"
      "e");
  const auto comes_in = [](const SecretText& sent, const SecretText& known, PasswordText kind) {
    const Credentials self("alice", sent.clone());
    const Credentials account("alice", known.clone(), kind);
    MethodPair pair(AuthMethod::pap, self);
    pair.run(&account);
    CHECK((pair.client_is<AuthSuccess>() != nullptr) == (pair.server_is<AuthSuccess>() != nullptr));
    return pair.server_is<AuthSuccess>() != nullptr;
  };
  for (const PasswordText kind : {PasswordText::utf8, PasswordText::octets}) {
    CHECK(comes_in(utf8, utf8, kind));
    CHECK(comes_in(latin1, latin1, kind));
  }
  CHECK_FALSE(comes_in(utf8, latin1, PasswordText::octets));
  CHECK_FALSE(comes_in(latin1, utf8, PasswordText::octets));
  // The same characters.
  CHECK(comes_in(latin1, utf8, PasswordText::utf8));
}

TEST_CASE("methods/client: a hash is enough for MS-CHAP, and for nothing else") {
  const Credentials hash("alice", Credentials("alice", SecretText("secret")).nt_hash());
  test::ScriptEntropy entropy("");
  for (const AuthMethod kind : kAllMethods) {
    CAPTURE(name(kind));
    CHECK((make_method(kind, {Role::client, &hash}, entropy) == nullptr) == needs_password(kind));
    CHECK_FALSE(make_method(kind, {Role::client}, entropy));
    if (needs_password(kind)) continue;
    MethodPair pair(kind, hash);
    pair.run(&kAlice);
    CHECK(pair.client_is<AuthSuccess>());
  }
}

}  // namespace
}  // namespace pptp
