#pragma once

#include <cstddef>
#include <optional>

#include "diagnosis/facts.h"

namespace pptp::diagnosis {

/// LCP's echoes: who asks, and whether anybody answers.
class EchoTalk {
 public:
  /// `line`: where the log has it, `times`: how often.
  void asked_by_us(unsigned times, std::size_t line);

  void asked_by_peer() { peer_asks_ = true; }

  void answered(unsigned times);

  /// What that means; `given_up`: pppd says that nobody answers.
  std::optional<Fact> judge(bool given_up) const;

  /// Of the last one that nobody has answered.
  std::size_t line() const { return line_; }

 private:
  unsigned unanswered_ = 0;
  unsigned answers_ = 0;
  std::size_t line_ = 0;
  bool peer_asks_ = false;
};

}  // namespace pptp::diagnosis
