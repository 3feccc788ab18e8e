#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "diagnosis/facts.h"
#include "diagnosis/ppp_text.h"

namespace pptp::diagnosis {

/// CCP as it was printed: what each side asked for and what became of it.
class CcpTalk {
 public:
  void note(const PrintedPacket& packet);

  /// The peer's last request had no key length in it, and was not answered.
  bool peer_asked_for_nothing() const { return peer_asked_for_nothing_; }

  std::vector<Fact> take() { return std::exchange(facts_, {}); }

 private:
  void request_sent(const PrintedPacket& packet, std::optional<std::uint32_t> bits);
  void request_received(std::uint32_t bits);
  void nak_received(std::uint32_t bits);
  void ack(bool sent, std::uint32_t bits);
  void compare_with_ours(std::uint32_t bits);

  std::vector<Fact> facts_;
  std::uint32_t our_bits_ = 0;  ///< of all our requests
  unsigned empty_naked_ = 0;
  bool our_request_empty_ = false;
  bool peer_asked_for_nothing_ = false;
  bool ack_sent_ = false;
  bool ack_received_ = false;
};

}  // namespace pptp::diagnosis
