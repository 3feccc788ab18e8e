// MS-CHAPv2, one role against the other.
#include "auth/mschapv2.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "tests/auth/mschapv2_fixture.h"

namespace pptp {
namespace {

using std::chrono::seconds;
using namespace test;

/// A client and a server joined by a wire that loses what it is told to.
class Wire {
 public:
  explicit Wire(std::vector<int> lost) : lost_(std::move(lost)) { client_.method.begin(now_); }

  /// Runs until both are done and nothing is left to do.
  void run(const Credentials* secret) {
    for (int step = 0; step < 200; ++step) {
      while (carry(server_.method, client_.method) || carry(client_.method, server_.method) ||
             supply(secret)) {
      }
      const Deadline next =
          earliest(client_.method.next_deadline(), server_.method.next_deadline());
      if (!next) return;
      now_ = *next;
      client_.method.on_deadline(now_);
      server_.method.on_deadline(now_);
    }
  }

  const Method& client() const { return client_.method; }

  const Method& server() const { return server_.method; }

  TimePoint now() const { return now_; }

 private:
  bool carry(Method& from, Method& to) {
    const auto packet = from.poll();
    if (!packet) return false;
    if (std::ranges::find(lost_, sent_++) == lost_.end()) to.receive(now_, *packet);
    return true;
  }

  bool supply(const Credentials* secret) {
    if (get<AuthWantsSecret>(server_.method) == nullptr) return false;
    server_.method.supply(now_, secret);
    return true;
  }

  std::vector<int> lost_;
  int sent_ = 0;
  TimePoint now_ = kStart;
  Client client_;
  Server server_;
};

TEST_CASE("mschapv2/both roles: the loss of any one or two packets costs time only") {
  for (int first = -1; first < 6; ++first) {
    for (int second = first; second < 6; ++second) {
      CAPTURE(first);
      CAPTURE(second);
      Wire wire({first, second});
      wire.run(&kAlice);
      const auto* client = get<AuthSuccess>(wire.client());
      const auto* server = get<AuthSuccess>(wire.server());
      REQUIRE(client);
      REQUIRE(server);
      const auto& ours = std::get<MsChapV2Seed>(client->seed);
      const auto& theirs = std::get<MsChapV2Seed>(server->seed);
      CHECK(ours.nt_response == theirs.nt_response);
      CHECK(equal_secret(ours.password_hash_hash.bytes(), theirs.password_hash_hash.bytes()));
      CHECK(wire.now() - kStart <= seconds(9));
    }
  }
}

TEST_CASE("mschapv2/both roles: a refusal arrives though any packet is lost") {
  const Credentials other("alice", SecretText("Secret"));
  for (int lost = -1; lost < 4; ++lost) {
    for (const Credentials* secret : {&other, static_cast<const Credentials*>(nullptr)}) {
      Wire wire({lost});
      wire.run(secret);
      REQUIRE(get<AuthFailure>(wire.client()));
      CHECK(get<AuthFailure>(wire.client())->code == 691);
      CHECK(get<AuthFailure>(wire.server()));
    }
  }
}

TEST_CASE("mschapv2/both roles: a wire that carries nothing ends in time") {
  std::vector<int> everything(100);
  for (int i = 0; i < 100; ++i)
    everything[static_cast<std::size_t>(i)] = i;
  Wire wire(everything);
  wire.run(&kAlice);
  for (const Method* method : {&wire.client(), &wire.server()}) {
    REQUIRE(get<AuthFailure>(*method));
    CHECK(get<AuthFailure>(*method)->reason == AuthFailure::Reason::timed_out);
  }
  CHECK(wire.now() == kStart + seconds(33));
}

TEST_CASE("mschapv2/both roles: DOMAIN\\user is named whole and hashed without its domain") {
  const Credentials credentials("CORP\\alice", SecretText("secret"));
  Client client(kPeerChallenge, credentials);
  client.method.receive(kStart, kChallenge);
  const auto response = client.method.poll().value();
  const auto parsed = std::get<ChapResponse>(parse_chap(response).value());
  CHECK(parsed.name == "CORP\\alice");
  CHECK(hex(parsed.value) == hex(Bytes(kResponse).subspan(5, 49)));

  Server server;
  server.method.receive(kStart, response);
  CHECK(get<AuthWantsSecret>(server.method)->user == "CORP\\alice");
  server.method.supply(kStart, &credentials);
  const auto result = server.method.poll();
  CHECK(result == kSuccess);
  client.method.receive(kStart, *result);
  CHECK(get<AuthSuccess>(client.method));
}

TEST_CASE("mschapv2/both roles: what comes back from a mirror authenticates nobody") {
  Client client;
  client.method.receive(kStart, kChallenge);
  Server server;
  TimePoint now = kStart;
  while (client.method.next_deadline() || server.method.next_deadline()) {
    for (MsChapV2* method : {&client.method, &server.method}) {
      if (const auto packet = method->poll()) method->receive(now, *packet);
      CHECK(get<AuthWantsSecret>(*method) == nullptr);
      CHECK(get<AuthSuccess>(*method) == nullptr);
    }
    now = earliest(client.method.next_deadline(), server.method.next_deadline()).value_or(now);
    client.method.on_deadline(now);
    server.method.on_deadline(now);
  }
  CHECK(get<AuthFailure>(client.method));
  CHECK(get<AuthFailure>(server.method));
}

}  // namespace
}  // namespace pptp
