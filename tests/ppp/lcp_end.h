#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "ppp/lcp.h"
#include "tests/auth/script_entropy.h"
#include "tests/ppp/negotiation.h"

namespace pptp::test {

inline constexpr std::uint8_t kProtoRej = 8;
inline constexpr std::uint8_t kEchoReq = 9;
inline constexpr std::uint8_t kEchoReply = 10;

// Magic numbers come out of this: a0a1a2a3 first, then 01020304, 05060708 and so on.
inline constexpr std::string_view kEntropy = "a0a1a2a3";

inline LcpConfig lcp_client(std::vector<AuthMethod> methods = {AuthMethod::mschapv2}) {
  LcpConfig config;
  config.methods = std::move(methods);
  return config;
}

inline LcpConfig lcp_server(std::vector<AuthMethod> methods = {AuthMethod::mschapv2}) {
  LcpConfig config;
  config.role = Role::server;
  config.methods = std::move(methods);
  return config;
}

struct Lcp {
  explicit Lcp(LcpConfig config, std::string_view script = kEntropy)
      : entropy(script), policy(std::move(config), entropy, Log{}) {
    negotiator.open(now);
    negotiator.lower_up(now);
    request = sent(negotiator);
    (void)signals(negotiator);
  }

  ScriptEntropy entropy;
  LcpPolicy policy;
  Negotiator negotiator{policy, NegotiatorConfig{}, Log{}};
  TimePoint now = kStart;
  std::string request;

  /// What the packet is answered with.
  std::string receive(const Octets& packet) {
    negotiator.receive(now, packet);
    return sent(negotiator);
  }

  std::string receive(std::uint8_t code, std::uint8_t id, std::string_view digits = "") {
    return receive(control_packet(code, id, digits));
  }

  /// Acks our last request, and has the peer send one with these options.
  void open(std::string_view peer_options) {
    const std::string octets = from_hex(request.substr(request.rfind(' ') + 1)).value();
    Octets ack(as_bytes(octets).begin(), as_bytes(octets).end());
    ack[0] = kConfAck;
    (void)receive(ack);
    (void)receive(kConfReq, 1, peer_options);
    REQUIRE(negotiator.state() == State::opened);
  }
};

}  // namespace pptp::test
