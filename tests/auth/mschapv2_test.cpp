#include "auth/mschapv2.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "auth/mschapv2_math.h"
#include "tests/auth/octets.h"
#include "tests/auth/script_entropy.h"

namespace pptp {
namespace {

using std::chrono::seconds;
using test::octets;
using test::ScriptEntropy;
using Octets = std::vector<std::uint8_t>;

constexpr TimePoint kStart{};

// An exchange between pppd 2.4.9 and itself: user alice, password secret.
constexpr std::string_view kAuthenticatorChallenge = "0f3bd41cbace13a2c82b835cd95f0360";
constexpr std::string_view kPeerChallenge = "d9047f4095e8b67a8519e944473c47c9";
const Octets kChallenge = octets("01c7001a10 0f3bd41cbace13a2c82b835cd95f0360 7070747064");
const Octets kResponse = octets(
    "02c7003b31 d9047f4095e8b67a8519e944473c47c9 0000000000000000"
    "e12860bfb70d3ab80267eeca339e54c417890b9000738701 00 616c696365");
const Octets kSuccess = octets(
    "03c7003f 533d34313337384243304235464443374242443832414139374530333230324132344233463645"
    "363434 204d3d416363657373206772616e746564");

const Credentials kAlice("alice", SecretText("secret"));

struct Client {
  explicit Client(std::string_view peer_challenge = kPeerChallenge,
                  const Credentials& credentials = kAlice)
      : entropy(peer_challenge), method({Role::client, &credentials}, entropy) {
    method.begin(kStart);
  }

  ScriptEntropy entropy;
  MsChapV2 method;
};

struct Server {
  explicit Server(std::string_view challenge_and_identifier = "0f3bd41cbace13a2c82b835cd95f0360c7")
      : entropy(challenge_and_identifier), method({Role::server, nullptr, "pptpd"}, entropy) {
    method.begin(kStart);
  }

  ScriptEntropy entropy;
  MsChapV2 method;
};

template <class Alternative>
const Alternative* get(const Method& method) {
  return std::get_if<Alternative>(&method.outcome());
}

bool pending(const Method& method) {
  return get<AuthPending>(method) != nullptr;
}

std::string message_of(const std::optional<Octets>& packet) {
  if (!packet) return "(nothing)";
  const auto parsed = parse_chap(*packet).value();
  if (const auto* success = std::get_if<ChapSuccess>(&parsed)) return std::string(success->message);
  return std::string(std::get<ChapFailure>(parsed).message);
}

Octets success(std::string_view message, int identifier = 0xc7) {
  return build(ChapSuccess{Identifier(static_cast<std::uint8_t>(identifier)), message});
}

Octets failure(std::string_view message, int identifier = 0xc7) {
  return build(ChapFailure{Identifier(static_cast<std::uint8_t>(identifier)), message});
}

TEST_CASE("mschapv2/client: a recorded exchange, octet for octet") {
  Client client;
  CHECK_FALSE(client.method.poll());
  client.method.receive(kStart, kChallenge);
  CHECK(client.method.poll() == kResponse);
  CHECK(pending(client.method));
  client.method.receive(kStart, kSuccess);
  const auto* done = get<AuthSuccess>(client.method);
  REQUIRE(done);
  CHECK(done->peer_name == "pptpd");
  CHECK(done->message == "Access granted");
  const auto& seed = std::get<MsChapV2Seed>(done->seed);
  CHECK(hex(seed.password_hash_hash.bytes()) == "25ee06323ac15264cf82397711ef38df");
  CHECK(hex(seed.nt_response) == "e12860bfb70d3ab80267eeca339e54c417890b9000738701");
  CHECK_FALSE(client.method.next_deadline());
  CHECK_FALSE(client.method.poll());
}

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

TEST_CASE("mschapv2/client: a recorded refusal") {
  const Credentials wrong("alice", SecretText("wrongpass"));
  Client client("59a3a72de8689af59be779b737ce9a6c", wrong);
  client.method.receive(kStart, octets("01c2001a10 3c964f85bd47a0bae02281db7f7404b7 7070747064"));
  CHECK(client.method.poll() ==
        octets("02c2003b31 59a3a72de8689af59be779b737ce9a6c 0000000000000000"
               "065ab02431b4a7a1d21c702a6effb17b81dc46e9fada77f9 00 616c696365"));
  client.method.receive(
      kStart, failure("E=691 R=1 C=3c964f85bd47a0bae02281db7f7404b7 V=0 M=Access denied", 0xc2));
  const auto* refused = get<AuthFailure>(client.method);
  REQUIRE(refused);
  CHECK(refused->reason == AuthFailure::Reason::refused);
  CHECK(refused->code == 691);
  CHECK(refused->retry_allowed);
  CHECK_FALSE(refused->change_password);
  CHECK(refused->message == "Access denied");
  CHECK_FALSE(client.method.next_deadline());
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

TEST_CASE("mschapv2/client: recorded re-challenges keep the outcome of the first round") {
  Client client(
      "499d0fb8dd2b3f3cf2308732fb57e555 fb45aaf98b033a94a0f5119eda66996a"
      "8cebf437da49d08bd1fba7d0a69d5a2b");

  struct Exchange {
    std::string_view challenge;
    std::string_view nt_response;
    std::string_view success;
  };

  const Exchange exchanges[] = {
      {"015a001a10 032628eba5937edda1b1cd667f88ae39 7070747064",
       "b89e14e20c6da93febf3ee3410c885ae867d8283192cf3de",
       "S=E6444AEE9775463F97CF6F7B77E59095C33533E0 M=Access granted"},
      {"015b001a10 920b81f8e2120f4b465599bff506b0a8 7070747064",
       "2c7b0664daa63f180138946645ee9243885b4a690ed97fbc",
       "S=03FA3E50B0D42153868F3E7598FEB2E79BC7926B M=Access granted"},
      {"015c001a10 b4f4a07b00fc7358bae5ec7a8a5f0302 7070747064",
       "c79b193c877a6c724fb7e28ae962b3778921322fb71ecea3",
       "S=691B1F70B0131E7968701D60FA44561D589576C1 M=Access granted"},
  };
  int identifier = 0x5a;
  for (const Exchange& exchange : exchanges) {
    client.method.receive(kStart, octets(exchange.challenge));
    const auto response = client.method.poll();
    REQUIRE(response);
    const auto value =
        parse_mschapv2_response(std::get<ChapResponse>(parse_chap(*response).value()).value);
    CHECK(hex(value.value().nt_response) == exchange.nt_response);
    client.method.receive(kStart, success(exchange.success, identifier++));
    const auto* done = get<AuthSuccess>(client.method);
    REQUIRE(done);
    CHECK(hex(std::get<MsChapV2Seed>(done->seed).nt_response) == exchanges[0].nt_response);
  }
}

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

TEST_CASE("mschapv2/client: the response is repeated unchanged until it is given up (note 3.23)") {
  Client client;
  client.method.receive(kStart, kChallenge);
  CHECK(client.method.poll() == kResponse);
  TimePoint now = kStart;
  for (int repeat = 1; repeat <= 10; ++repeat) {
    now += seconds(3);
    CHECK(client.method.next_deadline() == now);
    client.method.on_deadline(now - seconds(1));
    CHECK_FALSE(client.method.poll());
    client.method.on_deadline(now);
    CHECK(client.method.poll() == kResponse);
    CHECK(pending(client.method));
  }
  client.method.on_deadline(now + seconds(3));
  CHECK_FALSE(client.method.poll());
  CHECK_FALSE(client.method.next_deadline());
  REQUIRE(get<AuthFailure>(client.method));
  CHECK(get<AuthFailure>(client.method)->reason == AuthFailure::Reason::timed_out);
  // Too late for either.
  client.method.receive(now, kChallenge);
  CHECK_FALSE(client.method.poll());
  client.method.receive(now, kSuccess);
  CHECK(get<AuthFailure>(client.method));
}

TEST_CASE("mschapv2/client: gives up when no challenge comes") {
  Client client;
  CHECK(client.method.next_deadline() == kStart + seconds(33));
  client.method.on_deadline(kStart + seconds(33));
  REQUIRE(get<AuthFailure>(client.method));
  CHECK(get<AuthFailure>(client.method)->reason == AuthFailure::Reason::timed_out);
}

TEST_CASE("mschapv2/client: a challenge that came before begin() is answered") {
  ScriptEntropy entropy(kPeerChallenge);
  MsChapV2 method({Role::client, &kAlice}, entropy);
  method.receive(kStart, kChallenge);
  method.begin(kStart);
  CHECK(method.poll() == kResponse);
  CHECK(method.next_deadline() == kStart + seconds(3));
}

TEST_CASE("mschapv2/client: a repeated challenge gets the same response, so either success fits") {
  Client client;
  client.method.receive(kStart, kChallenge);
  CHECK(client.method.poll() == kResponse);
  client.method.receive(kStart + seconds(1), kChallenge);
  CHECK(client.method.poll() == kResponse);
  CHECK(client.entropy.drawn() == 16);
  client.method.receive(kStart + seconds(1), kSuccess);
  REQUIRE(get<AuthSuccess>(client.method));
  // And once more after the end, for the server that has not seen it.
  client.method.receive(kStart + seconds(2), kChallenge);
  CHECK(client.method.poll() == kResponse);
  CHECK_FALSE(client.method.next_deadline());
  client.method.receive(kStart + seconds(2), kSuccess);
  CHECK(get<AuthSuccess>(client.method));
}

TEST_CASE("mschapv2/client: a new challenge before the result starts a new round") {
  Client client;
  client.method.receive(kStart, kChallenge);
  const auto first = client.method.poll();
  const Octets same_value_other_identifier =
      octets("01c8001a10 0f3bd41cbace13a2c82b835cd95f0360 7070747064");
  client.method.receive(kStart, same_value_other_identifier);
  const auto second = client.method.poll();
  REQUIRE(second);
  CHECK(*second != *first);
  client.method.receive(kStart, kSuccess);  // for the first
  CHECK(pending(client.method));
}

TEST_CASE("mschapv2/client: a success or failure nobody asked for is ignored") {
  Client client;
  client.method.receive(kStart, kSuccess);
  client.method.receive(kStart, failure("E=691 R=0"));
  client.method.receive(kStart, success("S=0000000000000000000000000000000000000000", 0));
  CHECK(pending(client.method));
  client.method.receive(kStart, kChallenge);
  Octets other_identifier = kSuccess;
  other_identifier[1] = 0xc6;
  client.method.receive(kStart, other_identifier);
  client.method.receive(kStart, failure("E=691 R=0", 0xc6));
  CHECK(pending(client.method));
  client.method.receive(kStart, kSuccess);
  REQUIRE(get<AuthSuccess>(client.method));
  client.method.receive(kStart, failure("E=691 R=0"));
  CHECK(get<AuthSuccess>(client.method));
}

TEST_CASE("rfc2759/5 client: a server without the right S= is not authentic") {
  for (const std::string_view message :
       {"", "Access granted", "S=", "S=41378BC0B5FDC7BBD82AA97E03202A24B3F6E64 M=Access granted",
        "S=41378BC0B5FDC7BBD82AA97E03202A24B3F6E6440",
        "M=x S=41378BC0B5FDC7BBD82AA97E03202A24B3F6E644",
        "S=41378BC0B5FDC7BBD82AA97E03202A24B3F6E645 M=Access granted",
        "S=0000000000000000000000000000000000000000 M=Access granted"}) {
    CAPTURE(message);
    Client client;
    client.method.receive(kStart, kChallenge);
    client.method.receive(kStart, success(message));
    REQUIRE(get<AuthFailure>(client.method));
    CHECK(get<AuthFailure>(client.method)->reason == AuthFailure::Reason::peer_not_authentic);
    CHECK(get<AuthFailure>(client.method)->message == message);
    CHECK_FALSE(client.method.next_deadline());
  }
}

TEST_CASE("mschapv2/client: the right S= in the ways that servers write it (note 3.20)") {
  for (const std::string_view message :
       {"S=41378BC0B5FDC7BBD82AA97E03202A24B3F6E644", "S=41378bc0b5fdc7bbd82aa97e03202a24b3f6e644",
        "S=41378BC0B5FDC7BBD82AA97E03202A24B3F6E644M=hello",
        "S=41378BC0B5FDC7BBD82AA97E03202A24B3F6E644 M=hello"}) {
    CAPTURE(message);
    Client client;
    client.method.receive(kStart, kChallenge);
    client.method.receive(kStart, success(message));
    CHECK(get<AuthSuccess>(client.method));
  }
}

TEST_CASE("mschapv2/client: a challenge without a name is answered (note 3.19)") {
  Client client;
  client.method.receive(kStart, octets("01c7001510 0f3bd41cbace13a2c82b835cd95f0360"));
  CHECK(client.method.poll() == kResponse);
  client.method.receive(kStart, kSuccess);
  CHECK(get<AuthSuccess>(client.method)->peer_name == "");
}

TEST_CASE("rfc2759/3 client: a challenge that has not 16 octets is no challenge") {
  Client client;
  for (const std::size_t size : {1U, 8U, 15U, 17U, 255U}) {
    const Octets value(size, 0x5a);
    client.method.receive(kStart, build(ChapChallenge{Identifier(1), value, "server"}));
    CHECK_FALSE(client.method.poll());
  }
  CHECK(client.entropy.drawn() == 0);
  CHECK(pending(client.method));
}

TEST_CASE(
    "rfc2759/6 client: an expired password can be changed where there is a challenge for it") {
  struct Case {
    std::string_view message;
    bool change;
  };

  for (const Case& example :
       {Case{"E=648 R=0 C=5B5D7C7D7B3F2F3E3C2C602132262628 V=3 M=Expired", true},
        Case{"E=648 R=1 C=5B5D7C7D7B3F2F3E3C2C602132262628 V=3 M=Expired", true},
        Case{"E=648 R=1 V=3 M=Expired", false},
        Case{"E=648 R=1 C=5B5D7C7D7B3F2F3E3C2C60213226262 V=3 M=Expired", false},
        Case{"E=647 R=1 C=5B5D7C7D7B3F2F3E3C2C602132262628 V=3 M=Expired", false}}) {
    CAPTURE(example.message);
    Client client;
    client.method.receive(kStart, kChallenge);
    client.method.receive(kStart, failure(example.message));
    REQUIRE(get<AuthFailure>(client.method));
    CHECK(get<AuthFailure>(client.method)->change_password == example.change);
    CHECK(get<AuthFailure>(client.method)->message == "Expired");
  }
}

TEST_CASE("mschapv2/client: a failure in words alone counts as 691, and long ones are cut") {
  Client client;
  client.method.receive(kStart, kChallenge);
  Octets packet = octets("04c7ea64");
  packet.resize(60'004, 'x');
  client.method.receive(kStart, packet);
  REQUIRE(get<AuthFailure>(client.method));
  CHECK(get<AuthFailure>(client.method)->code == 691);
  CHECK(get<AuthFailure>(client.method)->message == std::string(1024, 'x'));
}

TEST_CASE("mschapv2/client: a failed later round fails, one without a result does not") {
  const Octets later = octets("01c8001a10 000102030405060708090a0b0c0d0e0f 7070747064");
  for (const auto& result :
       {success("S=0000000000000000000000000000000000000000", 0xc8), failure("E=691 R=0", 0xc8)}) {
    Client client;
    client.method.receive(kStart, kChallenge);
    client.method.receive(kStart, kSuccess);
    REQUIRE(get<AuthSuccess>(client.method));
    client.method.receive(kStart, later);
    CHECK(client.method.poll());
    CHECK(get<AuthSuccess>(client.method));
    client.method.receive(kStart, result);
    CHECK(get<AuthFailure>(client.method));
  }
  Client client;
  client.method.receive(kStart, kChallenge);
  client.method.receive(kStart, kSuccess);
  client.method.receive(kStart, later);
  int sent = 0;
  TimePoint now = kStart;
  while (client.method.next_deadline()) {
    now = *client.method.next_deadline();
    client.method.on_deadline(now);
    if (client.method.poll()) ++sent;
  }
  CHECK(sent == 10);
  CHECK(get<AuthSuccess>(client.method));
  // The server may still ask for it.
  client.method.receive(now, later);
  CHECK(client.method.poll());
}

TEST_CASE("mschapv2/client: a flood of challenges makes it compute and send a few") {
  for (const bool each_is_new : {false, true}) {
    Client client;
    int sent = 0;
    for (std::uint32_t i = 0; i < 10'000; ++i) {
      Octets challenge = kChallenge;
      if (each_is_new) challenge[5] = static_cast<std::uint8_t>(i);
      client.method.receive(kStart + std::chrono::milliseconds(i / 10), challenge);
      if (client.method.poll()) ++sent;
    }
    CHECK(sent == 8);
    CHECK(client.entropy.drawn() == (each_is_new ? 8 * 16 : 16));
    client.method.receive(kStart + seconds(60), kChallenge);
    CHECK(client.method.poll());
  }
}

TEST_CASE("mschapv2/client: however many challenges come, one response waits to be sent") {
  Client client;
  client.method.receive(kStart, kChallenge);
  client.method.receive(kStart, kChallenge);
  client.method.receive(kStart, kChallenge);
  CHECK(client.method.poll() == kResponse);
  CHECK_FALSE(client.method.poll());
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

/// Calls `check` with every truncation of a packet and with each of its bits flipped.
template <class Check>
void damaged(const Octets& packet, Check&& check) {
  for (std::size_t size = 0; size < packet.size(); ++size)
    check(Octets(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(size)));
  for (std::size_t bit = 0; bit < packet.size() * 8; ++bit) {
    Octets flipped = packet;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ 1U << bit % 8);
    check(flipped);
  }
}

/// The packet in `octets` if it is of this kind and belongs to the recorded exchange.
template <class Packet>
std::optional<Packet> of_exchange(const Octets& octets) {
  const auto parsed = parse_chap(octets);
  if (!parsed || !std::holds_alternative<Packet>(*parsed)) return std::nullopt;
  const auto packet = std::get<Packet>(*parsed);
  if (packet.identifier != Identifier(0xc7)) return std::nullopt;
  return packet;
}

TEST_CASE("mschapv2/client: a damaged success is one only if the damage is in what humans read") {
  int accepted = 0;
  damaged(kSuccess, [&accepted](const Octets& octets) {
    Client client;
    client.method.receive(kStart, kChallenge);
    client.method.receive(kStart, octets);
    const auto packet = of_exchange<ChapSuccess>(octets);
    const auto message = packet ? parse_mschapv2_success(packet->message)
                                : Result<MsChapV2Success>(std::unexpected(Error::unexpected));
    const bool right = message && hex(message->authenticator_response) ==
                                      "41378bc0b5fdc7bbd82aa97e03202a24b3f6e644";
    CHECK((get<AuthSuccess>(client.method) != nullptr) == right);
    accepted += right ? 1 : 0;
  });
  CHECK(accepted > 100);
}

TEST_CASE("mschapv2/client: a damaged challenge is that challenge only if its name was damaged") {
  int accepted = 0;
  damaged(kChallenge, [&accepted](const Octets& octets) {
    Client client;
    client.method.receive(kStart, octets);
    client.method.receive(kStart, kSuccess);
    const auto packet = of_exchange<ChapChallenge>(octets);
    const bool right = packet && hex(packet->value) == kAuthenticatorChallenge;
    CHECK((get<AuthSuccess>(client.method) != nullptr) == right);
    accepted += right ? 1 : 0;
  });
  CHECK(accepted > 30);
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
