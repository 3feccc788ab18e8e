#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "diagnosis/facts.h"
#include "diagnosis/ppp_text.h"

namespace pptp::diagnosis {

/// LCP's negotiation as it was printed: who asks, who answers, and what is refused.
class LcpTalk {
 public:
  /// `times`: how often, `line`: where the log has it.
  void note(const PrintedPacket& packet, unsigned times, std::size_t line);

  std::vector<Fact> take() { return std::exchange(facts_, {}); }

  /// What the whole of it means; `given_up`: somebody did not wait any longer, `received`: whether
  /// anything came from the peer at all.
  std::vector<Fact> judge(bool open, bool given_up, bool received) const;

  /// We asked so often that an answer is missing.
  bool asked_often() const;

  bool auth_asked_by_us() const { return auth_asked_by_us_; }

  /// Of our last request.
  std::size_t line() const { return line_; }

 private:
  void request(const PrintedPacket& packet, unsigned times, std::size_t line);
  void ack(bool sent);
  void refusal(const PrintedPacket& packet, unsigned times);

  std::vector<Fact> facts_;
  std::size_t line_ = 0;
  unsigned requests_sent_ = 0;
  unsigned requests_received_ = 0;
  unsigned answers_ = 0;
  unsigned refusals_ = 0;
  unsigned mru_naks_ = 0;
  bool ack_sent_ = false;
  bool ack_received_ = false;
  bool auth_asked_by_us_ = false;
};

}  // namespace pptp::diagnosis
