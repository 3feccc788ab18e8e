#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "auth/mschapv2.h"
#include "tests/auth/octets.h"
#include "tests/auth/script_entropy.h"

namespace pptp::test {

using Octets = std::vector<std::uint8_t>;

inline constexpr TimePoint kStart{};

// An exchange between pppd 2.4.9 and itself: user alice, password secret.
inline constexpr std::string_view kAuthenticatorChallenge = "0f3bd41cbace13a2c82b835cd95f0360";
inline constexpr std::string_view kPeerChallenge = "d9047f4095e8b67a8519e944473c47c9";
inline const Octets kChallenge = octets("01c7001a10 0f3bd41cbace13a2c82b835cd95f0360 7070747064");
inline const Octets kResponse = octets(
    "02c7003b31 d9047f4095e8b67a8519e944473c47c9 0000000000000000"
    "e12860bfb70d3ab80267eeca339e54c417890b9000738701 00 616c696365");
inline const Octets kSuccess = octets(
    "03c7003f 533d34313337384243304235464443374242443832414139374530333230324132344233463645"
    "363434 204d3d416363657373206772616e746564");

inline const Credentials kAlice("alice", SecretText("secret"));

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

inline bool pending(const Method& method) {
  return get<AuthPending>(method) != nullptr;
}

inline std::string message_of(const std::optional<Octets>& packet) {
  if (!packet) return "(nothing)";
  const auto parsed = parse_chap(*packet).value();
  if (const auto* success = std::get_if<ChapSuccess>(&parsed)) return std::string(success->message);
  return std::string(std::get<ChapFailure>(parsed).message);
}

inline Octets success(std::string_view message, int identifier = 0xc7) {
  return build(ChapSuccess{Identifier(static_cast<std::uint8_t>(identifier)), message});
}

inline Octets failure(std::string_view message, int identifier = 0xc7) {
  return build(ChapFailure{Identifier(static_cast<std::uint8_t>(identifier)), message});
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

}  // namespace pptp::test
