#include "apps/call_history.h"

#include <algorithm>
#include <utility>
#include <variant>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "apps/config_error.h"
#include "diagnosis/words.h"

namespace pptp::app {
namespace {

using diagnosis::Step;
using diagnosis::Verdict;

std::string words(const MppeParameters& agreed) {
  return fmt::format("{} bits, {}", bit_count(agreed.bits),
                     agreed.mode == MppeMode::stateful ? "stateful" : "stateless");
}

}  // namespace

std::vector<std::string> offer_lines(const EncryptionOffers& offers) {
  std::vector<std::string> lines = {
      offers.ours ? "our offer: " + diagnosis::mppe_words(*offers.ours) : "our offer: none"};
  if (offers.asked) lines.push_back("the server's offer: " + diagnosis::mppe_words(*offers.asked));
  if (offers.suggested && offers.suggested != offers.asked)
    lines.push_back("the server's answer to ours: " + diagnosis::mppe_words(*offers.suggested));
  if (offers.rejected) lines.emplace_back("the server's answer to ours: it rejects MPPE");
  if (lines.size() == 1) lines.emplace_back("the server's offer: none");
  return lines;
}

void CallHistory::note(const EngineEvent& event, const Engine& engine, const std::string& user) {
  if (std::holds_alternative<CallConnected>(event)) {
    granted_ = true;
    passed(Step::start, "agreed");
    passed(Step::call, "granted");
  } else if (const auto* changed = std::get_if<PhaseChanged>(&event)) {
    if (changed->phase != Phase::network) return;
    heard_us_ = true;
    passed(Step::lcp, "agreed");
  } else if (const auto* wanted = std::get_if<AuthenticationWanted>(&event)) {
    heard_us_ = true;
    passed(Step::lcp, "agreed");
    if (!user.empty()) return;
    steps_.push_back({Step::authentication, Verdict::unknown,
                      fmt::format("the server asks for {}; without a profile nobody logs in",
                                  name(wanted->method))});
  } else if (const auto* authenticated = std::get_if<Authenticated>(&event)) {
    passed(Step::authentication,
           fmt::format("as {} by {}", printable(user), name(authenticated->method)));
  } else if (const auto* agreed = std::get_if<EncryptionAgreed>(&event)) {
    passed(Step::encryption, fmt::format("{}; {}", words(agreed->send),
                                         fmt::join(offer_lines(engine.encryption_offers()), "; ")));
  } else if (const auto* up = std::get_if<NetworkUp>(&event)) {
    came_up_ = true;
    passed(Step::encryption, "none, as the profile allows");
    passed(Step::addresses,
           fmt::format("ours {}, the server's {}", up->local.text(), up->peer.text()));
  }
}

/// What was told first of a step stays.
void CallHistory::passed(Step step, std::string evidence) {
  if (std::ranges::find(steps_, step, &diagnosis::CheckedStep::step) == steps_.end())
    steps_.push_back({step, Verdict::pass, std::move(evidence)});
}

void CallHistory::tell(const Engine& engine, const TxReport& sent, const std::string& ended,
                       diagnosis::Checkup& seen) const {
  seen.call = steps_;
  seen.call.push_back({Step::tcp, Verdict::pass, "connected"});
  if (!granted_) {
    if (diagnosis::step_of(ended) == Step::call)
      seen.call.push_back({Step::start, Verdict::pass, "agreed"});
    return;
  }
  seen.acknowledged = sent.was_acknowledged;
  seen.call.push_back(
      *seen.acknowledged || heard_us_
          ? diagnosis::CheckedStep{Step::gre_out, Verdict::pass, "the server has had our packets"}
          : diagnosis::CheckedStep{Step::gre_out, Verdict::unknown,
                                   "nothing says that our packets arrive"});
  if (engine.rx().receiver().highest_received())
    seen.call.push_back({Step::gre_back, Verdict::pass, "the server's packets arrive"});
}

}  // namespace pptp::app
