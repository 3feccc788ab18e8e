// How the recorded conversations authenticate, compared with what the passwords make.
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <variant>

#include <doctest/doctest.h>

#include "auth/mschap_message.h"
#include "auth/mschapv2_math.h"
#include "auth/pap_packet.h"
#include "lib/legacy_crypto.h"
#include "tests/vectors/golden.h"
#include "tests/vectors/vectors.h"

namespace pptp {
namespace {

using namespace test;

TEST_CASE("golden/ms-chapv2 responses and proofs are what the password makes them") {
  unsigned succeeded = 0;
  unsigned refused = 0;
  for (const Capture& capture : captures()) {
    if (method(capture) != "mschap-v2") continue;
    CAPTURE(capture.name);
    const NtHash client_hash = nt_hash(capture.side.at("client_password"));
    const NtHash server_hash = nt_hash(capture.side.at("password"));
    const json& expected = capture.side.at("auth").at("exchanges");
    const std::vector<Exchange> found = exchanges(capture.conversation);
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      const Exchange& one = found[i];
      const json& side = expected[i];
      check_figures({{"user_on_wire", one.user},
                     {"auth_challenge", hex(one.challenge.octets)},
                     {"peer_challenge", hex(one.response.peer_challenge.octets)},
                     {"nt_response", hex(one.response.nt_response)},
                     {"challenge_hash",
                      hex(challenge_hash(one.response.peer_challenge, one.challenge, one.user))}},
                    side);
      CHECK(generate_nt_response(one.challenge, one.response.peer_challenge, one.user,
                                 client_hash) == one.response.nt_response);
      const bool right = generate_nt_response(one.challenge, one.response.peer_challenge, one.user,
                                              server_hash) == one.response.nt_response;
      CHECK(right == side.at("response_matches_password"));
      const AuthenticatorResponse proof =
          generate_authenticator_response(server_hash, one.response.nt_response,
                                          one.response.peer_challenge, one.challenge, one.user);
      const std::string digits = side.at("expected_S").get<std::string>().substr(2);
      CHECK(std::ranges::equal(proof, test::octets(digits)));
      CHECK(one.proof.has_value() == (side.value("result", "") == "success"));
      if (one.proof) {
        CHECK(check_authenticator_response(client_hash, one.response.nt_response,
                                           one.response.peer_challenge, one.challenge, one.user,
                                           *one.proof));
        ++succeeded;
      } else if (!right) {
        ++refused;
      }
    }
  }
  CHECK(succeeded > 20);
  CHECK(refused >= 1);
}

void check_exchange(const ChapExchange& found, const json& side) {
  check_figures({{"id", found.identifier},
                 {"auth_challenge", hex(found.challenge)},
                 {"user_on_wire", found.user},
                 {"message", found.message},
                 {"result", found.succeeded ? "success" : "failure"}},
                side);
}

TEST_CASE("golden/ms-chapv1 responses are what the password makes them, and no LAN Manager ones") {
  unsigned compared = 0;
  for (const Capture& capture : captures()) {
    if (method(capture) != "mschap") continue;
    CAPTURE(capture.name);
    const json& side = capture.side.at("auth").at("exchanges").at(0);
    const ChapExchange found = chap_exchange(capture.conversation);
    check_exchange(found, side);
    const auto response = parse_mschapv1_response(found.response);
    REQUIRE(response);
    CHECK(response->use_nt);
    CHECK(hex(response->nt_response) == side.at("nt_response").get<std::string>());
    const auto build_again = build(*response);
    CHECK(std::ranges::equal(build_again, found.response));
    const auto challenge = Reader(found.challenge).array<8>();
    const auto made_with = [&](const char* whose) {
      return challenge_response(challenge, nt_hash(capture.side.at(whose))) ==
             response->nt_response;
    };
    CHECK(made_with("client_password"));
    CHECK(made_with("password") == found.succeeded);
    ++compared;
  }
  CHECK(compared == 2);
}

TEST_CASE("golden/chap-md5 responses are what the password makes them") {
  unsigned compared = 0;
  for (const Capture& capture : captures()) {
    if (method(capture) != "chap-md5") continue;
    CAPTURE(capture.name);
    const json& side = capture.side.at("auth").at("exchanges").at(0);
    const ChapExchange found = chap_exchange(capture.conversation);
    check_exchange(found, side);
    CHECK(hex(found.response) == side.at("md5_response").get<std::string>());
    const auto made_with = [&](const char* whose) {
      const std::string password = capture.side.at(whose);
      const std::array identifier = {found.identifier};
      return std::ranges::equal(md5({identifier, as_bytes(password), found.challenge}),
                                found.response);
    };
    CHECK(made_with("client_password"));
    CHECK(made_with("password") == found.succeeded);
    ++compared;
  }
  CHECK(compared == 2);
}

TEST_CASE("golden/pap requests and results") {
  unsigned compared = 0;
  for (const Capture& capture : captures()) {
    if (method(capture) != "pap") continue;
    CAPTURE(capture.name);
    json found;
    for (const auto& [direction, octets] : capture.conversation.arrived) {
      const Frame frame = frame_of(octets);
      if (frame.protocol != protocol::kPap) continue;
      const auto packet = parse_pap(frame.information);
      REQUIRE(packet);
      CHECK(build(*packet) == Octets(frame.information.begin(), frame.information.end()));
      if (const auto* request = std::get_if<PapRequest>(&*packet)) {
        found["user"] = request->user;
        found["password_on_wire"] = request->password;
      } else if (const auto* ack = std::get_if<PapAck>(&*packet)) {
        found["message"] = ack->message;
        found["result"] = "ack";
      } else if (const auto* nak = std::get_if<PapNak>(&*packet)) {
        found["message"] = nak->message;
        found["result"] = "nak";
      }
    }
    CHECK(found == capture.side.at("auth").at("pap"));
    ++compared;
  }
  CHECK(compared == 2);
}

}  // namespace
}  // namespace pptp
