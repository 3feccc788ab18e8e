// MS-CHAPv2 as the server.
#include <chrono>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "auth/mschapv2.h"
#include "tests/auth/mschapv2_fixture.h"

namespace pptp {
namespace {

using std::chrono::seconds;
using namespace test;

TEST_CASE("mschapv2/server: the same exchange, octet for octet") {
  Server server;
  CHECK(server.method.poll() == kChallenge);
  server.method.receive(kStart, kResponse);
  const auto* wants = get<AuthWantsSecret>(server.method);
  REQUIRE(wants);
  CHECK(wants->user == "alice");
  CHECK_FALSE(server.method.next_deadline());
  server.method.supply(kStart, &kAlice);
  CHECK(server.method.poll() == kSuccess);
  const auto* done = get<AuthSuccess>(server.method);
  REQUIRE(done);
  CHECK(done->peer_name == "alice");
  const auto& seed = std::get<MsChapV2Seed>(done->seed);
  CHECK(hex(seed.password_hash_hash.bytes()) == "25ee06323ac15264cf82397711ef38df");
  CHECK(hex(seed.nt_response) == "e12860bfb70d3ab80267eeca339e54c417890b9000738701");
}

TEST_CASE("mschapv2/server: the same wrong password") {
  Server server("3c964f85bd47a0bae02281db7f7404b7c2");
  CHECK(server.method.poll());
  server.method.receive(kStart,
                        octets("02c2003b31 59a3a72de8689af59be779b737ce9a6c 0000000000000000"
                               "065ab02431b4a7a1d21c702a6effb17b81dc46e9fada77f9 00 616c696365"));
  server.method.supply(kStart, &kAlice);
  CHECK(message_of(server.method.poll()) ==
        "E=691 R=0 C=3C964F85BD47A0BAE02281DB7F7404B7 V=3 M=Access denied");
  const auto* refused = get<AuthFailure>(server.method);
  REQUIRE(refused);
  CHECK(refused->reason == AuthFailure::Reason::refused);
  CHECK(refused->code == 691);
}

TEST_CASE("rfc1994/4.1 server: the challenge is repeated unchanged until a response comes") {
  Server server;
  CHECK(server.method.poll() == kChallenge);
  TimePoint now = kStart;
  for (int repeat = 1; repeat <= 10; ++repeat) {
    now += seconds(3);
    server.method.on_deadline(now);
    CHECK(server.method.poll() == kChallenge);
  }
  now += seconds(3);
  server.method.on_deadline(now);
  REQUIRE(get<AuthFailure>(server.method));
  CHECK(get<AuthFailure>(server.method)->reason == AuthFailure::Reason::timed_out);
  server.method.receive(now, kResponse);
  CHECK_FALSE(server.method.poll());
  CHECK(get<AuthFailure>(server.method));
}

TEST_CASE("rfc1994/4.2 server: a repeated response gets the same result, whatever it says now") {
  Octets other = kResponse;
  other[40] = static_cast<std::uint8_t>(other[40] ^ 1);
  for (const bool right_first : {true, false}) {
    Server server;
    CHECK(server.method.poll());
    server.method.receive(kStart, right_first ? kResponse : other);
    server.method.receive(kStart, right_first ? other : kResponse);  // while it is being decided
    CHECK_FALSE(server.method.poll());
    server.method.supply(kStart, &kAlice);
    const auto result = server.method.poll();
    REQUIRE(result);
    CHECK((get<AuthSuccess>(server.method) != nullptr) == right_first);
    for (const Octets& response : {kResponse, other}) {
      server.method.receive(kStart + seconds(3), response);
      CHECK(server.method.poll() == result);
    }
    CHECK((get<AuthSuccess>(server.method) != nullptr) == right_first);
  }
}

TEST_CASE("mschapv2/server: a flood of responses is answered by a few results") {
  Server server;
  server.method.receive(kStart, kResponse);
  server.method.supply(kStart, &kAlice);
  int sent = 0;
  for (int i = 0; i < 10'000; ++i) {
    server.method.receive(kStart, kResponse);
    if (server.method.poll()) ++sent;
  }
  CHECK(sent == 8);
}

TEST_CASE("mschapv2/server: an unknown user cannot be told from a wrong password") {
  const Credentials other("alice", SecretText("Secret"));
  Server unknown;
  Server wrong;
  for (Server* server : {&unknown, &wrong}) {
    CHECK(server->method.poll());
    server->method.receive(kStart, kResponse);
    server->method.supply(kStart, server == &unknown ? nullptr : &other);
  }
  CHECK(unknown.method.poll() == wrong.method.poll());
  CHECK(get<AuthFailure>(unknown.method)->code == 691);
}

TEST_CASE("mschapv2/server: an unknown user has no hash that one could guess") {
  // What is computed in its place, for the sake of time, is under a hash of zeros.
  const Credentials zeros("alice", NtHash());
  Client client(kPeerChallenge, zeros);
  client.method.receive(kStart, kChallenge);
  Server server;
  server.method.receive(kStart, client.method.poll().value());
  server.method.supply(kStart, nullptr);
  CHECK(get<AuthFailure>(server.method));
}

TEST_CASE("mschapv2/server: a response to another challenge or without one is ignored") {
  ScriptEntropy entropy("");
  MsChapV2 not_begun({Role::server}, entropy);
  not_begun.receive(kStart, octets("02000006 01 00"));
  CHECK(pending(not_begun));
  Server server;
  Octets other_identifier = kResponse;
  other_identifier[1] = 0xc6;
  server.method.receive(kStart, other_identifier);
  CHECK(pending(server.method));
  server.method.supply(kStart, &kAlice);
  CHECK(pending(server.method));
}

TEST_CASE("mschapv2/server: a response of 48 or 50 octets is refused without asking for a secret") {
  for (const std::size_t size : {1U, 16U, 48U, 50U, 255U}) {
    Server server;
    CHECK(server.method.poll());
    const Octets value(size, 0);
    server.method.receive(kStart, build(ChapResponse{Identifier(0xc7), value, "alice"}));
    REQUIRE(get<AuthFailure>(server.method));
    CHECK(get<AuthFailure>(server.method)->reason == AuthFailure::Reason::malformed);
    CHECK(message_of(server.method.poll()) ==
          "E=691 R=0 C=0F3BD41CBACE13A2C82B835CD95F0360 V=3 M=Access denied");
  }
}

TEST_CASE("mschapv2/server: Windows 98 gets its success without M= (note 3.20)") {
  Server server;
  CHECK(server.method.poll());
  Octets response = kResponse;
  response[5 + 48] = 0x04;
  server.method.receive(kStart, response);
  server.method.supply(kStart, &kAlice);
  CHECK(message_of(server.method.poll()) == "S=41378BC0B5FDC7BBD82AA97E03202A24B3F6E644");
}

TEST_CASE("mschapv2/server: a name that is longer than names are is cut") {
  Server server;
  const Octets value(49, 0);
  Octets response = build(ChapResponse{Identifier(0xc7), value, std::string(1400, 'n')});
  server.method.receive(kStart, response);
  CHECK(get<AuthWantsSecret>(server.method)->user == std::string(1024, 'n'));
}

TEST_CASE(
    "mschapv2/server: a damaged response is right only if the damage is in what is reserved") {
  int accepted = 0;
  damaged(kResponse, [&accepted](const Octets& octets) {
    Server server;
    server.method.receive(kStart, octets);
    server.method.supply(kStart, &kAlice);
    const auto packet = of_exchange<ChapResponse>(octets);
    const auto value = packet ? parse_mschapv2_response(packet->value)
                              : Result<MsChapV2Response>(std::unexpected(Error::unexpected));
    const bool right =
        value && packet->name == "alice" && hex(value->peer_challenge.octets) == kPeerChallenge &&
        hex(value->nt_response) == "e12860bfb70d3ab80267eeca339e54c417890b9000738701";
    CHECK((get<AuthSuccess>(server.method) != nullptr) == right);
    accepted += right ? 1 : 0;
  });
  CHECK(accepted == 9 * 8);
}

}  // namespace
}  // namespace pptp
