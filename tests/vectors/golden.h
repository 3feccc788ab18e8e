#pragma once

// The recorded conversations with their side files, and what several golden tests read from them.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "auth/chap_packet.h"
#include "auth/mschap_message.h"
#include "auth/nt_hash.h"
#include "ppp/frame.h"
#include "tests/vectors/conversation.h"

namespace pptp::test {

using nlohmann::json;
using Octets = std::vector<std::uint8_t>;

struct Capture {
  std::string name;
  json side;
  Conversation conversation;
};

/// All of them, in no order.
const std::vector<Capture>& captures();

/// Each of the figures found must be in the side file, and be the same.
void check_figures(const json& found, const json& side);

Frame frame_of(const Octets& octets);

/// The method of authentication, as the side files name it: "mschap-v2", "mschap", "chap-md5" or
/// "pap".
std::string method(const Capture& capture);

NtHash nt_hash(const json& password);

/// The CHAP packet in a frame, if it is one of this kind; refers into the frame.
template <class T>
std::optional<T> chap(const Octets& octets) {
  const Frame frame = frame_of(octets);
  if (frame.protocol != protocol::kChap) return std::nullopt;
  const auto packet = parse_chap(frame.information);
  REQUIRE(packet);
  const T* const kind = std::get_if<T>(&*packet);
  return kind != nullptr ? std::optional(*kind) : std::nullopt;
}

/// One exchange by MS-CHAPv2.
struct Exchange {
  AuthenticatorChallenge challenge;
  std::string user;
  MsChapV2Response response;
  std::optional<AuthenticatorResponse> proof;
};

/// Challenge, Response and Success as they came, one exchange after the other.
std::vector<Exchange> exchanges(const Conversation& conversation);

/// Challenge, Response and result of a capture with one exchange by CHAP.
struct ChapExchange {
  std::uint8_t identifier = 0;
  Octets challenge;
  Octets response;
  std::string user;
  std::string message;
  bool succeeded = false;
};

ChapExchange chap_exchange(const Conversation& conversation);

}  // namespace pptp::test
