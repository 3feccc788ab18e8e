// Exchanges of pppd 2.4.9 with itself by PAP, CHAP-MD5 and MS-CHAPv1, octet for octet.
#include <string>

#include <doctest/doctest.h>

#include "auth/chap_md5.h"
#include "auth/mschapv1.h"
#include "auth/pap.h"
#include "tests/auth/octets.h"
#include "tests/auth/script_entropy.h"
#include "tests/vectors/vectors.h"

namespace pptp {
namespace {

using Octets = std::vector<std::uint8_t>;
using test::octet_array;

const Credentials kAlice("alice", SecretText("secret"));
const Credentials kWrong("alice", SecretText("wrongpass"));

Octets response(int identifier, std::string_view value) {
  const Octets octets = test::octets(value);
  return build(ChapResponse{Identifier(static_cast<std::uint8_t>(identifier)), octets, "alice"});
}

Octets challenge(int identifier, std::string_view value) {
  const Octets octets = test::octets(value);
  return build(ChapChallenge{Identifier(static_cast<std::uint8_t>(identifier)), octets, "pptpd"});
}

TEST_CASE("chap-md5/client and server: a recorded exchange") {
  test::ScriptEntropy entropy("07a923bb9586d15f20d66b49f01dbd83 5a");
  ChapMd5 client({Role::client, &kAlice}, entropy);
  client.begin({});
  // 22 octets, as pppd has challenges of any length from 16 to 24.
  (void)client.receive({}, challenge(90, "07a923bb9586d15f20d66b49f01dbd835963192fbcac"));
  CHECK(client.poll() == response(90, "bc64412ca0906f2e762b65b682d98e86"));
  (void)client.receive({}, build(ChapSuccess{Identifier(90), "Access granted"}));
  REQUIRE(std::holds_alternative<AuthSuccess>(client.outcome()));
  CHECK(std::get<AuthSuccess>(client.outcome()).peer_name == "pptpd");
  CHECK(std::get<AuthSuccess>(client.outcome()).message == "Access granted");

  ChapMd5 refused({Role::client, &kWrong}, entropy);
  refused.begin({});
  (void)refused.receive({}, challenge(27, "c8774fd0afb0e36d57228848d5a88dc47bf111"));
  CHECK(refused.poll() == response(27, "0dbced580a6dc1a6937b6621e0042ad4"));
  (void)refused.receive({}, build(ChapFailure{Identifier(27), "E=648 R=1 Access denied"}));
  // What MS-CHAP would read there are words like any others.
  REQUIRE(std::holds_alternative<AuthFailure>(refused.outcome()));
  CHECK(std::get<AuthFailure>(refused.outcome()).code == 691);
  CHECK(std::get<AuthFailure>(refused.outcome()).message == "E=648 R=1 Access denied");
}

TEST_CASE("rfc1994/4.1 digests over identifier, secret and challenge") {
  int rows = 0;
  for (const auto& row : test::vector_rows("authentication.txt")) {
    if (row.front() != "md5") continue;
    ++rows;
    const int identifier = std::stoi(row.at(1), nullptr, 16);
    const Octets secret = test::octets(row.at(2));
    const Credentials self("alice", SecretText(as_text(secret)));
    test::ScriptEntropy entropy("");
    ChapMd5 client({Role::client, &self}, entropy);
    client.begin({});
    (void)client.receive({}, challenge(identifier, row.at(3)));
    CHECK(client.poll() == response(identifier, row.at(4)));
  }
  CHECK(rows == 3);
}

TEST_CASE("chap-md5/server: a response of another length is refused, and one needs the password") {
  test::ScriptEntropy entropy("07a923bb9586d15f20d66b49f01dbd83 5a");
  ChapMd5 server({Role::server}, entropy);
  server.begin({});
  CHECK(server.poll());
  (void)server.receive({}, response(0x5a, "00112233445566778899aabbccddeeff00"));
  REQUIRE(std::holds_alternative<AuthFailure>(server.outcome()));
  CHECK(std::get<AuthFailure>(server.outcome()).reason == AuthFailure::Reason::malformed);

  // Of a hash alone there is no digest, also not one as if the password were nothing.
  const Credentials nothing("alice", SecretText(""));
  const Credentials hash("alice", kAlice.nt_hash());
  test::ScriptEntropy same("07a923bb9586d15f20d66b49f01dbd83 5a");
  ChapMd5 asks({Role::server}, same);
  ChapMd5 client({Role::client, &nothing}, entropy);
  asks.begin({});
  client.begin({});
  (void)client.receive({}, asks.poll().value());
  (void)asks.receive({}, client.poll().value());
  asks.supply({}, &hash);
  CHECK(std::holds_alternative<AuthFailure>(asks.outcome()));
}

constexpr std::string_view kV1Response =
    "000000000000000000000000000000000000000000000000"
    "20199e574e2e2349819876fa02612a99c220d2cd399f4767 01";

TEST_CASE("mschapv1/client and server: a recorded exchange") {
  test::ScriptEntropy entropy("e99522d1edeee9ee bf");
  MsChapV1 client({Role::client, &kAlice}, entropy);
  client.begin({});
  (void)client.receive({}, challenge(191, "e99522d1edeee9ee"));
  CHECK(client.poll() == response(191, kV1Response));
  (void)client.receive({}, build(ChapSuccess{Identifier(191), "Access granted"}));
  REQUIRE(std::holds_alternative<AuthSuccess>(client.outcome()));
  const auto& seed = std::get<MsChapV1Seed>(std::get<AuthSuccess>(client.outcome()).seed);
  CHECK(hex(seed.challenge) == "e99522d1edeee9ee");
  CHECK(hex(seed.lm_password_hash.value().bytes()) == "552902031bede9ef");

  MsChapV1 server({Role::server, nullptr, "pptpd"}, entropy);
  server.begin({});
  CHECK(server.poll() == challenge(191, "e99522d1edeee9ee"));
  (void)server.receive({}, response(191, kV1Response));
  server.supply({}, &kAlice);
  CHECK(std::holds_alternative<AuthSuccess>(server.outcome()));
}

TEST_CASE("mschapv1/client: a recorded refusal may be tried again") {
  test::ScriptEntropy entropy("");
  MsChapV1 client({Role::client, &kWrong}, entropy);
  client.begin({});
  (void)client.receive({}, challenge(199, "eb625bd60c1b46c2"));
  CHECK(client.poll() == response(199,
                                  "000000000000000000000000000000000000000000000000"
                                  "6cbe373a476d303230365d3f6cd29d79f875bc102554decc 01"));
  (void)client.receive({}, build(ChapFailure{Identifier(199), "E=691 R=1 C=eb625bd60c1b46c2 V=0"}));
  REQUIRE(std::holds_alternative<AuthFailure>(client.outcome()));
  CHECK(std::get<AuthFailure>(client.outcome()).retry_allowed);
}

TEST_CASE("rfc2433/4 server: a response by the LAN Manager hash does not count, right or not") {
  test::ScriptEntropy entropy("e99522d1edeee9ee bf");
  MsChapV1 server({Role::server, nullptr, "pptpd"}, entropy);
  server.begin({});
  CHECK(server.poll());
  Octets packet = response(191, kV1Response);
  packet[4 + 1 + 48] = 0;
  (void)server.receive({}, packet);
  server.supply({}, &kAlice);
  CHECK(std::holds_alternative<AuthFailure>(server.outcome()));
}

TEST_CASE("mschapv1/client: a challenge of another length, as version 2 has it, gets no answer") {
  for (const std::size_t size : {1U, 7U, 9U, 16U}) {
    test::ScriptEntropy entropy("");
    MsChapV1 client({Role::client, &kAlice}, entropy);
    client.begin({});
    const Octets value(size, 0x5a);
    (void)client.receive({}, build(ChapChallenge{Identifier(1), value, "server"}));
    CHECK_FALSE(client.poll());
  }
}

TEST_CASE("pap/client and server: recorded packets") {
  const Octets request = test::octets("01010011 05616c696365 06736563726574");
  Pap client({Role::client, &kAlice});
  client.begin({});
  auto sent = client.poll();
  REQUIRE(sent);
  CHECK(*sent == request);
  (void)client.receive({}, test::octets("0201000d 08 4c6f67696e206f6b"));
  REQUIRE(std::holds_alternative<AuthSuccess>(client.outcome()));
  CHECK(std::get<AuthSuccess>(client.outcome()).message == "Login ok");
  CHECK_FALSE(client.next_deadline());

  Pap server({Role::server});
  server.begin({});
  CHECK_FALSE(server.poll());
  (void)server.receive({}, request);
  REQUIRE(std::holds_alternative<AuthWantsSecret>(server.outcome()));
  CHECK(std::get<AuthWantsSecret>(server.outcome()).user == "alice");
  server.supply({}, &kAlice);
  const auto ack = server.poll();
  CHECK(ack == test::octets("02010013 0e 416363657373206772616e746564"));
  (void)server.receive({}, request);
  CHECK(server.poll() == ack);
}

TEST_CASE("pap/client: a refusal, with words or without, and a result for another identifier") {
  for (const std::string_view nak :
       {"03010014 0f 4c6f67696e20696e636f7272656374", "03010004", "03010005 00"}) {
    Pap client({Role::client, &kWrong});
    client.begin({});
    (void)client.receive({}, test::octets("02020005 00"));
    CHECK(std::holds_alternative<AuthPending>(client.outcome()));
    (void)client.receive({}, test::octets(nak));
    REQUIRE(std::holds_alternative<AuthFailure>(client.outcome()));
    CHECK(std::get<AuthFailure>(client.outcome()).code == 691);
    // Too late.
    (void)client.receive({}, test::octets("02010005 00"));
    CHECK(std::holds_alternative<AuthFailure>(client.outcome()));
  }
}

TEST_CASE("rfc1334/2.2 packets survive the round trip, and lengths that lie are refused") {
  for (const std::string_view packet :
       {"0107000f 05616c696365 0473656372", "02070007 026f6b", "03070005 00", "01ff0006 00 00"}) {
    CHECK(build(parse_pap(test::octets(packet)).value()) == test::octets(packet));
  }
  for (const std::string_view packet :
       {"01070004", "01070005 00", "01070006 01 61", "01070006 00 01", "02070006 02 61", "01070003",
        "0107ffff 00 00"}) {
    CAPTURE(packet);
    CHECK_FALSE(parse_pap(test::octets(packet)));
  }
  CHECK(parse_pap(test::octets("04010004")).error() == Error::unsupported);
  const std::string long_text(300, 'x');
  const auto cut = build(PapRequest{Identifier(1), long_text, long_text});
  CHECK(cut.size() == 4 + 2 * 256);
  CHECK(std::get<PapRequest>(parse_pap(cut).value()).password.size() == 255);
}

}  // namespace
}  // namespace pptp
