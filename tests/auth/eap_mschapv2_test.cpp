#include "auth/eap_mschapv2.h"

#include <string>

#include <doctest/doctest.h>

#include "tests/auth/method_pair.h"

namespace pptp {
namespace {

using Octets = std::vector<std::uint8_t>;
using std::chrono::seconds;
using test::octets;

const Credentials kAlice("OFFICE\\alice", SecretText("secret"));

// RFC 2759 9.2's challenge inside EAP.
const Octets kChallenge =
    octets("0109001f1a 0107001a10 5b5d7c7d7b3f2f3e3c2c602132262628 7070747064");

struct Client {
  Client() : method({Role::client, &kAlice}, entropy) { method.begin({}); }

  Octets answer_to(const Octets& request) {
    (void)method.receive({}, request);
    return method.poll().value_or(Octets());
  }

  template <class Alternative>
  const Alternative* is() const {
    return std::get_if<Alternative>(&method.outcome());
  }

  test::ScriptEntropy entropy{"21402324255e262a28295f2b3a337c7e"};
  EapMsChapV2 method;
};

TEST_CASE("rfc3748/5.1 client: the whole name is the identity") {
  Client client;
  CHECK(client.answer_to(octets("0101000501")) == octets("02010011 01 4f46464943455c616c696365"));
}

TEST_CASE("rfc3748/5.2 client: a notification is answered with nothing in it") {
  Client client;
  CHECK(client.answer_to(octets("0102000a02 68656c6c6f")) == octets("0202000502"));
}

TEST_CASE("rfc3748/5.3 client: any other type is declined, and nothing is said to it") {
  for (const int type : {4, 5, 6, 13, 21, 25, 26 + 1, 254}) {
    CAPTURE(type);
    Client client;
    Octets request = octets("0103000a04 0401020304");
    request[4] = static_cast<std::uint8_t>(type);
    CHECK(client.answer_to(request) == octets("020300060 31a"));
    CHECK(client.is<AuthPending>());
    (void)client.method.receive({}, octets("04030004"));
    REQUIRE(client.is<AuthFailure>());
    CHECK(client.is<AuthFailure>()->reason == AuthFailure::Reason::no_common_method);
  }
}

TEST_CASE("eap-mschapv2/client: MS-CHAPv2's packets, and the server's proof acknowledged") {
  Client client;
  const Octets response = client.answer_to(kChallenge);
  REQUIRE(response.size() == 5 + 4 + 1 + 49 + 12);
  CHECK(hex(Bytes(response).first(10)) == "020900471a0207004231");
  // RFC 2759 9.2 with the user "alice" in the place of "User": made by MS-CHAPv2's own tests.
  CHECK(as_text(Bytes(response).last(12)) == "OFFICE\\alice");
  CHECK(client.is<AuthPending>());
}

TEST_CASE("rfc3748/4.1 client: a request that comes again gets the same response again") {
  Client client;
  const Octets first = client.answer_to(kChallenge);
  CHECK(client.answer_to(kChallenge) == first);
  CHECK(client.entropy.drawn() == 16);
  // The same challenge in a request of its own is answered for that.
  Octets later = kChallenge;
  later[1] = 10;
  Octets second = client.answer_to(later);
  second[1] = 9;
  CHECK(second == first);
}

TEST_CASE("rfc3748/4.2 client: a success without the proof of MS-CHAPv2 is none") {
  for (const bool challenged : {false, true}) {
    Client client;
    if (challenged) (void)client.answer_to(kChallenge);
    (void)client.method.receive({}, octets("03090004"));
    REQUIRE(client.is<AuthFailure>());
    CHECK(client.is<AuthFailure>()->reason == AuthFailure::Reason::peer_not_authentic);
  }
  Client client;
  (void)client.answer_to(kChallenge);
  const std::string forged = "S=0000000000000000000000000000000000000000";
  Octets request = octets("010a00331a 0307002e");
  request.insert(request.end(), forged.begin(), forged.end());
  CHECK(client.answer_to(request).empty());
  REQUIRE(client.is<AuthFailure>());
  CHECK(client.is<AuthFailure>()->reason == AuthFailure::Reason::peer_not_authentic);
}

TEST_CASE("eap-mschapv2/client: a refusal that leaves no other try is acknowledged") {
  Client client;
  (void)client.answer_to(kChallenge);
  const std::string message = "E=691 R=0 C=5B5D7C7D7B3F2F3E3C2C602132262628 V=3 M=No";
  Octets request = octets("010a003f1a 0407003a");
  request.insert(request.end(), message.begin(), message.end());
  request[3] = static_cast<std::uint8_t>(request.size());
  request[8] = static_cast<std::uint8_t>(request.size() - 5);
  CHECK(client.answer_to(request) == octets("020a0006 1a04"));
  REQUIRE(client.is<AuthFailure>());
  CHECK(client.is<AuthFailure>()->code == 691);
  CHECK(client.is<AuthFailure>()->message == "No");
}

TEST_CASE("eap-mschapv2/client: the server's word of success may be lost") {
  test::MethodPair pair(AuthMethod::eap_mschapv2, kAlice);
  pair.lost = {6};
  pair.run(&kAlice);
  REQUIRE(pair.sent.size() == 7);
  CHECK(hex(pair.sent[6].second).starts_with("03"));
  CHECK(pair.client_is<AuthSuccess>());
  CHECK(pair.now() == TimePoint() + seconds(2));
}

TEST_CASE("eap-mschapv2/server: a peer that declines the type is refused for that") {
  test::ScriptEntropy entropy("00");
  EapMsChapV2 server({Role::server}, entropy);
  server.begin({});
  CHECK(server.poll() == octets("0101000501"));
  (void)server.receive({}, octets("0201000a01 616c696365"));
  const auto challenge = server.poll();
  REQUIRE(challenge);
  CHECK((*challenge)[1] == 2);
  (void)server.receive({}, octets("020200060 304"));
  CHECK(server.poll() == octets("04020004"));
  REQUIRE(std::holds_alternative<AuthFailure>(server.outcome()));
  CHECK(std::get<AuthFailure>(server.outcome()).reason == AuthFailure::Reason::no_common_method);
}

TEST_CASE("eap-mschapv2/server: responses to other requests, and requests, are ignored") {
  test::ScriptEntropy entropy("00");
  EapMsChapV2 server({Role::server}, entropy);
  server.begin({});
  CHECK(server.poll());
  for (const std::string_view packet : {"0202000a01 616c696365", "0101000a01 616c696365",
                                        "03010004", "04010004", "0201000602 61"}) {
    (void)server.receive({}, octets(packet));
    CHECK_FALSE(server.poll());
    CHECK(std::holds_alternative<AuthPending>(server.outcome()));
  }
}

TEST_CASE("eap-mschapv2/server: who does not want the other try that is offered is told so") {
  const Credentials wrong("alice", SecretText("wrong"));
  test::MethodPair pair(AuthMethod::eap_mschapv2, wrong, 1);
  pair.client().begin({});
  pair.server().begin({});
  const auto to_client = [&] { (void)pair.client().receive({}, pair.server().poll().value()); };
  const auto to_server = [&] { (void)pair.server().receive({}, pair.client().poll().value()); };
  to_client();
  to_server();
  to_client();
  to_server();
  pair.server().supply({}, &kAlice);
  const auto failure = pair.server().poll().value();
  (void)pair.server().receive(
      {}, build(EapPacket{EapCode::response, Identifier(failure[1]), 26, octets("04")}));
  CHECK(hex(pair.server().poll().value()).starts_with("04"));
  REQUIRE(pair.server_is<AuthFailure>());
  CHECK(pair.server_is<AuthFailure>()->code == 691);
}

TEST_CASE("rfc3748/4 packets survive the round trip, and lengths that lie are refused") {
  for (const std::string_view packet :
       {"0101000501", "0202000a01 616c696365", "03090004", "04090004"}) {
    CHECK(build(parse_eap(octets(packet)).value()) == octets(packet));
  }
  for (const std::string_view packet : {"01010004", "01010003", "0101000601", "010100", ""}) {
    CAPTURE(packet);
    CHECK_FALSE(parse_eap(octets(packet)));
  }
  CHECK(parse_eap(octets("05010004")).error() == Error::unsupported);
  CHECK(parse_eap(octets("0301000501ffff")).value().data.empty());
}

TEST_CASE("eap-mschapv2/client: a flood of requests makes it compute and send a few") {
  Client client;
  int sent = 0;
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    Octets request = kChallenge;
    request[1] = static_cast<std::uint8_t>(i);
    request[12] = static_cast<std::uint8_t>(i >> 8);
    (void)client.method.receive({}, request);
    if (client.method.poll()) ++sent;
  }
  CHECK(sent <= 16);
}

}  // namespace
}  // namespace pptp
