#include "tests/vectors/golden.h"

#include <filesystem>
#include <fstream>

#include "auth/credentials.h"
#include "tests/vectors/vectors.h"

namespace pptp::test {

const std::vector<Capture>& captures() {
  static const std::vector<Capture> all = [] {
    std::vector<Capture> read;
    for (const auto& entry : std::filesystem::directory_iterator(vectors_folder() + "captures")) {
      if (entry.path().extension() != ".json") continue;
      std::ifstream in(entry.path());
      std::filesystem::path pcap = entry.path();
      pcap.replace_extension(".pcap");
      read.push_back({entry.path().stem(), json::parse(in), read_conversation(pcap)});
    }
    return read;
  }();
  return all;
}

void check_figures(const json& found, const json& side) {
  for (const auto& [figure, value] : found.items()) {
    CAPTURE(figure);
    CHECK(value == side.at(figure));
  }
}

Frame frame_of(const Octets& octets) {
  const auto frame = parse_frame(octets);
  REQUIRE(frame);
  return *frame;
}

std::string method(const Capture& capture) {
  return capture.side.at("auth").at("method");
}

NtHash nt_hash(const json& password) {
  return Credentials("", SecretText(password.get<std::string>())).nt_hash();
}

std::vector<Exchange> exchanges(const Conversation& conversation) {
  std::vector<Exchange> found;
  std::optional<AuthenticatorChallenge> challenge;
  for (const auto& [direction, octets] : conversation.arrived) {
    if (const auto packet = chap<ChapChallenge>(octets)) {
      REQUIRE(packet->value.size() == 16);
      challenge = AuthenticatorChallenge{Reader(packet->value).array<16>()};
    } else if (const auto response = chap<ChapResponse>(octets)) {
      const auto parsed = parse_mschapv2_response(response->value);
      REQUIRE(parsed);
      REQUIRE(challenge);
      found.push_back({*challenge, std::string(response->name), *parsed, std::nullopt});
    } else if (const auto success = chap<ChapSuccess>(octets)) {
      const auto parsed = parse_mschapv2_success(success->message);
      REQUIRE(parsed);
      REQUIRE_FALSE(found.empty());
      found.back().proof = parsed->authenticator_response;
    }
  }
  return found;
}

ChapExchange chap_exchange(const Conversation& conversation) {
  ChapExchange found;
  for (const auto& [direction, octets] : conversation.arrived) {
    if (const auto challenge = chap<ChapChallenge>(octets)) {
      found.identifier = challenge->identifier.value();
      found.challenge.assign(challenge->value.begin(), challenge->value.end());
    } else if (const auto response = chap<ChapResponse>(octets)) {
      CHECK(response->identifier == Identifier(found.identifier));
      found.response.assign(response->value.begin(), response->value.end());
      found.user = response->name;
    } else if (const auto success = chap<ChapSuccess>(octets)) {
      found.message = success->message;
      found.succeeded = true;
    } else if (const auto failure = chap<ChapFailure>(octets)) {
      found.message = failure->message;
    }
  }
  return found;
}

}  // namespace pptp::test
