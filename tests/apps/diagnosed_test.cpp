// Servers that do one thing wrong: what a call to each of them ends with.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "apps/ending.h"
#include "auth/chap_packet.h"
#include "tests/tunnel/manual_peer.h"

using namespace pptp;
using namespace pptp::app;
using namespace pptp::test;

namespace {

constexpr std::uint8_t kChallenge = 1;
constexpr std::uint8_t kResponse = 2;
constexpr std::uint8_t kFailure = 4;

std::string digits_of(std::string_view text) {
  return hex(as_bytes(text));
}

CallConfig call_as(std::string user) {
  CallConfig config = ManualPeer::config_for_client();
  config.link.credentials =
      std::make_shared<const Credentials>(std::move(user), SecretText("secret"));
  return config;
}

/// Up to our Response, which is returned.
SentFrame log_in(ManualPeer& server) {
  server.grant_call();
  server.ack(protocol::kLcp);
  server.ask(protocol::kLcp, "0305c22381 0506deadbeef");
  server.say(protocol::kChap, kChallenge, 1, "10" + std::string(32, '5') + digits_of("server"));
  const auto response = server.take(protocol::kChap, kResponse);
  REQUIRE(response);
  return *response;
}

void refuse(ManualPeer& server, std::uint8_t id, unsigned number) {
  const std::string text =
      "E=" + std::to_string(number) + " R=0 C=" + std::string(32, '0') + " V=3 M=no";
  server.say(protocol::kChap, kFailure, id, digits_of(text));
}

/// What `connect` says of it.
Ending ending_at(const ManualPeer& server, const EndingContext& context = {}) {
  REQUIRE(server.ended);
  return ending_of(*server.ended, context);
}

/// As Windows ends a link: its magic number, 003CCD74, and why.
std::string windows_goodbye(std::uint32_t number) {
  Octets octets(12);
  Writer out{MutableBytes(octets)};
  out.u32(0xdeadbeef);
  out.u32(0x003ccd74);
  out.u32(number);
  return hex(octets);
}

/// The end of a call whose server says goodbye with these octets once it knows us.
Ending after_goodbye(std::string_view digits, CallConfig config = call_as("alice")) {
  ManualPeer server(std::move(config));
  server.grant_call();
  server.authenticate();
  server.say(protocol::kLcp, kTermReq, 9, digits);
  server.wait(std::chrono::seconds(5));
  return ending_at(server);
}

}  // namespace

TEST_CASE("diagnosed: a server that refuses us by number is told by it") {
  struct Refusal {
    unsigned number;
    std::string_view id;
  };

  for (const Refusal& refusal :
       {Refusal{646, "chap-e646-logon-hours"}, Refusal{647, "chap-e647-disabled"},
        Refusal{649, "chap-e649-no-dialin"}, Refusal{700, "chap-auth-failed"}}) {
    CAPTURE(refusal.number);
    ManualPeer server;
    const SentFrame response = log_in(server);
    refuse(server, response.id(), refusal.number);
    server.wait(std::chrono::seconds(5));
    const Ending ending = ending_at(server);
    CHECK(ending.status() == 19);
    CHECK(ending.id == refusal.id);
    const std::string number = "E=" + std::to_string(refusal.number);
    CHECK(to_json(ending).dump().find(number) != std::string::npos);
  }
}

TEST_CASE("diagnosed: a server that does not take the new password is told as 709") {
  CallConfig config = call_as("alice");
  config.link.may_try_again = true;
  ManualPeer server(std::move(config));
  server.grant_call();
  server.ack(protocol::kLcp);
  server.ask(protocol::kLcp, "0305c22381 0506deadbeef");
  Credentials account("alice", SecretText("secret"));
  account.expire();
  const auto method =
      make_method(AuthMethod::mschapv2, {Role::server, nullptr, "server"}, server.entropy_);
  method->begin(server.now);
  for (int round = 0; round < 6; ++round) {
    while (const auto octets = method->poll())
      server.say(protocol::kChap, *octets);
    if (server.story.ends_with("again?")) {
      server.story += " yes";
      server.engine.try_again(server.now,
                              std::make_shared<const Credentials>("alice", SecretText("new")));
      server.drain();
    }
    while (!server.frames.empty()) {
      method->receive(server.now, server.frames.front().information);
      server.frames.pop_front();
    }
    if (std::holds_alternative<AuthWantsSecret>(method->outcome())) {
      method->supply(server.now, &account);
    } else if (std::holds_alternative<AuthWantsPasswordStored>(method->outcome())) {
      method->password_stored(server.now, false);
    }
  }
  server.wait(std::chrono::seconds(5));
  const Ending ending = ending_at(server);
  CHECK(ending.status() == 19);
  CHECK(ending.id == "chap-e709-password-change");
}

TEST_CASE("diagnosed: a server that wants the domain is told with both forms of the name") {
  for (const std::string_view user : {"alice", "OFFICE\\alice"}) {
    ManualPeer server(call_as(std::string(user)));
    const SentFrame response = log_in(server);
    const std::string_view sent = as_text(Bytes(response.information).subspan(4 + 1 + 49));
    CHECK(sent == user);
    // It has the name in the other form alone.
    refuse(server, response.id(), 691);
    server.wait(std::chrono::seconds(5));
    EndingContext context;
    context.user = user;
    const Ending ending = ending_at(server, context);
    CHECK(ending.id == "chap-e691-bad-password");
    const std::string text = describe(ending);
    const bool with_domain = user != "alice";
    CHECK((text.find("without a domain") != std::string::npos) == with_domain);
    CHECK((text.find("DOMAIN\\alice") != std::string::npos) == !with_domain);
  }
}

TEST_CASE("diagnosed: a server that goes as we do not encrypt is told as such, its words quoted") {
  CallConfig config = call_as("alice");
  config.link.encryption.policy = EncryptionPolicy::off;
  for (const std::string_view words :
       {"MPPE required but not available", "MPPE required but peer refused"}) {
    const Ending ending = after_goodbye(digits_of(words), config);
    CHECK(ending.status() == 36);
    CHECK(ending.id == "mppe-required-not-available");
    CHECK(to_json(ending).dump().find(words) != std::string::npos);
  }
  CHECK(after_goodbye(digits_of("User request"), config).id == "peer-terminated");
}

TEST_CASE("diagnosed: a server that has none of our key lengths is told with those that it has") {
  ManualPeer server;
  server.grant_call();
  server.authenticate();
  server.ask(protocol::kIpcp, "0306c0a84d01");
  // 56 and 40 bits, whatever we ask for (RFC 3078 2.1: M and L).
  for (std::uint8_t round = 0; round < 20 && !server.ended; ++round) {
    while (const auto request = server.take(protocol::kCcp, kConfReq))
      server.say(protocol::kCcp, kConfNak, request->id(), "1206010000a0");
    server.wait(std::chrono::seconds(3));
  }
  const Ending ending = ending_at(server);
  CHECK(ending.status() == 36);
  CHECK(ending.id == "mppe-no-common-key-length");
  CHECK(describe(ending).find("56 and 40 bits") != std::string::npos);
}

TEST_CASE("diagnosed: what a server of Windows' says in its Terminate-Request is decoded") {
  const Ending encryption = after_goodbye(windows_goodbye(742));
  CHECK(encryption.status() == 36);
  CHECK(encryption.id == "win-742-no-encryption");
  const Ending protocols = after_goodbye(windows_goodbye(720));
  CHECK(protocols.id == "peer-terminated");
  CHECK(describe(protocols).find("720") != std::string::npos);
  const Ending rubbish = after_goodbye("0102ff00 1b5b324a");
  CHECK(rubbish.id == "peer-terminated");
  CHECK(describe(rubbish).find("\\x01\\x02\\xff\\x00\\x1b[2J") != std::string::npos);
}

TEST_CASE("diagnosed: a server that never answers our requests for an address is told as such") {
  ManualPeer server;
  server.grant_call();
  server.authenticate();
  server.open_ccp();
  server.wait(std::chrono::minutes(2));
  const Ending ending = ending_at(server);
  CHECK(ending.status() == 10);
  CHECK(ending.id == "ipcp-timeout");
}

TEST_CASE("diagnosed: a server that insists on other options of the link is told as such") {
  ManualPeer server;
  server.grant_call();
  for (int round = 0; round < 50 && !server.ended; ++round) {
    while (const auto request = server.take(protocol::kLcp, kConfReq))
      server.say(protocol::kLcp, kConfNak, request->id(), round % 2 == 0 ? "01040200" : "01040300");
    server.wait(std::chrono::seconds(1));
  }
  const Ending ending = ending_at(server);
  CHECK(ending.status() == 10);
  CHECK(ending.id == "lcp-no-agreement");
}

TEST_CASE("diagnosed: a server that enciphers with keys of another length is seen in the drops") {
  ManualPeer server;
  server.bring_up();
  check_traffic(server, 1);
  const std::size_t before = server.delivered.size();
  server.seal_with(KeyBits::k40);
  for (std::uint32_t number = 2; number < 12; ++number)
    server.say_frame(server.seal_ip(ip_from_server(number)));
  CHECK(server.delivered.size() == before);
  CHECK(server.drops(Drop::mppe_implausible) + server.drops(Drop::mppe_late) == 10);
}
