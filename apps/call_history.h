#pragma once

#include <string>
#include <vector>

#include "diagnosis/checkup.h"
#include "tunnel/engine.h"

namespace pptp::app {

/// How far one call comes, in a checkup's steps. Told of the engine's events, and asked in the end.
class CallHistory {
 public:
  /// `user`: who logs in; empty: nobody does.
  void note(const EngineEvent& event, const Engine& engine, const std::string& user);

  /// The network was up.
  bool came_up() const noexcept { return came_up_; }

  /// What a call whose control connection stands has got through, and what was seen there.
  /// `ended`: the id that it ended with.
  void tell(const Engine& engine, const TxReport& sent, const std::string& ended,
            diagnosis::Checkup& seen) const;

 private:
  void passed(diagnosis::Step step, std::string evidence);

  std::vector<diagnosis::CheckedStep> steps_;  ///< from the granted call on, but for GRE's
  bool granted_ = false;
  bool heard_us_ = false;  ///< the link is agreed on
  bool came_up_ = false;
};

/// Both sides' offers of encryption, each as a line.
std::vector<std::string> offer_lines(const EncryptionOffers& offers);

}  // namespace pptp::app
