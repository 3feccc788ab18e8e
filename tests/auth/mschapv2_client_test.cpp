// MS-CHAPv2 as the client.
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

TEST_CASE("mschapv2/client: each of some recorded re-challenges brings a new seed (note 3.34)") {
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
    CHECK(hex(std::get<MsChapV2Seed>(done->seed).nt_response) == exchange.nt_response);
  }
}

TEST_CASE("mschapv2/client: what is no CHAP packet is dropped by name") {
  Client client;
  damaged(kChallenge, [&](const Octets& packet) {
    const bool malformed = !parse_chap(packet);
    CHECK(client.method.receive(kStart, packet) ==
          (malformed ? std::optional(Drop::ppp_control_malformed) : std::nullopt));
  });
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

}  // namespace
}  // namespace pptp
