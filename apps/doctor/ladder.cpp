#include "apps/doctor/ladder.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace pptp::app {
namespace {

using diagnosis::CheckedStep;
using diagnosis::Diagnosis;
using diagnosis::Problem;
using diagnosis::Step;
using diagnosis::Verdict;

/// What a step of the call is done with.
struct StepPackets {
  Step step;
  Layer layer;
  Way way;                   ///< of what is missing when nothing comes
  std::string_view answer;   ///< the label that decides; empty: any of the layer
  std::string_view missing;  ///< its label
};

constexpr StepPackets kPackets[] = {
    {Step::tcp, Layer::control, Way::sent, "", "TCP SYN to the PPTP port"},
    {Step::start, Layer::control, Way::received, "Start-Control-Connection-Reply",
     "Start-Control-Connection-Reply"},
    {Step::call, Layer::control, Way::received, "Outgoing-Call-Reply", "Outgoing-Call-Reply"},
    {Step::gre_out, Layer::lcp, Way::received, "", "GRE acknowledgement"},
    {Step::gre_back, Layer::lcp, Way::received, "", "GRE from the server"},
    {Step::lcp, Layer::lcp, Way::received, "", "LCP Configure-Ack"},
    {Step::authentication, Layer::authentication, Way::received, "", "the server's answer"},
    {Step::encryption, Layer::ccp, Way::received, "", "CCP Configure-Ack"},
    {Step::addresses, Layer::ipcp, Way::received, "", "IPCP Configure-Ack"},
    {Step::mtu, Layer::lcp, Way::received, "", "LCP Echo-Reply"},
};

/// Findings that tell of something that did not come, by what their ids begin with.
constexpr std::string_view kSilences[] = {"ctrl-refused",
                                          "ctrl-unreachable-1723",
                                          "ctrl-net-unreachable",
                                          "ctrl-no-route",
                                          "ctrl-no-answer",
                                          "hosts-allow-denied",
                                          "gre-blocked",
                                          "gre-eperm",
                                          "gre-protocol-not-available",
                                          "lcp-timeout-",
                                          "auth-timeout",
                                          "ccp-timeout",
                                          "ipcp-timeout",
                                          "peer-not-responding",
                                          "tcp-freeze-"};

/// Findings that tell of a server that ended the call.
constexpr std::string_view kEndedByServer[] = {"peer-terminated", "server-shutdown",
                                               "call-replaced", "win-742-"};

constexpr std::string_view kEndings[] = {"LCP Terminate-Request",
                                         "LCP Terminate-Ack",
                                         "Call-Clear-Request",
                                         "Call-Disconnect-Notify",
                                         "Stop-Control-Connection-Request",
                                         "Stop-Control-Connection-Reply"};

template <class Beginnings>
bool tells_of(const Diagnosis& diagnosis, const Beginnings& beginnings) {
  return std::ranges::any_of(diagnosis.findings, [&](const Problem& problem) {
    return std::ranges::any_of(
        beginnings, [&](std::string_view beginning) { return problem.id.starts_with(beginning); });
  });
}

bool is_echo(const Exchange& exchange) {
  return exchange.label.starts_with("LCP Echo-");
}

/// The stage that a packet leads to, when the call was at `stage` before it.
Stage stage_after(Stage stage, const Exchange& exchange) {
  if (std::ranges::find(kEndings, exchange.label) != std::end(kEndings)) return Stage::end;
  switch (exchange.layer) {
    case Layer::lcp:
      return stage >= Stage::network && is_echo(exchange) ? std::max(stage, Stage::path)
                                                          : std::max(stage, Stage::link);
    case Layer::authentication:
      return std::max(stage, Stage::authentication);
    case Layer::ccp:
    case Layer::ipcp:
      return std::max(stage, Stage::network);
    case Layer::tcp:
    case Layer::control:
    case Layer::gre:
    case Layer::other:
    case Layer::data:
      return stage;
  }
  return stage;
}

std::vector<Rung> rungs_of(const Timeline& timeline) {
  std::vector<Rung> rungs;
  Stage stage = Stage::control_connection;
  for (Exchange& exchange : timeline.exchanges()) {
    stage = stage_after(stage, exchange);
    rungs.push_back({.stage = stage, .exchange = std::move(exchange)});
  }
  return rungs;
}

/// The step that the call failed at.
const CheckedStep* failed_step(const Diagnosis& diagnosis) {
  const auto found = std::ranges::find_if(diagnosis.steps, [](const CheckedStep& step) {
    return step.step >= Step::tcp && step.verdict == Verdict::fail;
  });
  return found == diagnosis.steps.end() ? nullptr : &*found;
}

class Marking {
 public:
  Marking(std::vector<Rung>& rungs, const CheckedStep& step, const Diagnosis& diagnosis)
      : rungs_(rungs),
        step_(step),
        diagnosis_(diagnosis),
        packets_(*std::ranges::find(kPackets, step.step, &StepPackets::step)) {
    // A server that closes at once has taken the connection.
    if (step.step == Step::tcp && !rungs.empty()) packets_ = kPackets[1];
    if (step.step == Step::tcp) packets_.answer = {};
  }

  void mark() {
    if (step_.step == Step::mtu) {
      mark_echoes();
    } else if (Rung* const rung = verdict()) {
      fail(*rung);
      rung->note = note();
    } else {
      mark_silence();
    }
  }

 private:
  /// The packet that decided, if one did.
  Rung* verdict() {
    if (tells_of(diagnosis_, kSilences)) return nullptr;
    if (tells_of(diagnosis_, kEndedByServer)) return latest(Way::received, is_ending);
    if (Rung* const answer = latest(Way::received, [this](const Rung& rung) {
          return is_of_step(rung) &&
                 (packets_.answer.empty() || rung.exchange.label == packets_.answer);
        })) {
      return answer;
    }
    if (Rung* const asked = latest(Way::received, wants_authentication);
        asked != nullptr && step_.step == Step::authentication) {
      return asked;
    }
    return latest(Way::received, is_ending);
  }

  /// What was asked last has no answer.
  void mark_silence() {
    if (Rung* const asked = latest(Way::sent, [this](const Rung& r) { return is_of_step(r); })) {
      fail(*asked);
    }
    if (step_.step == Step::gre_out) lose_what_was_sent();
    Rung missing{.kind = Rung::Kind::missing, .failing = true, .note = note()};
    missing.exchange.way = packets_.way;
    missing.exchange.layer = packets_.layer;
    missing.exchange.label = packets_.missing;
    const auto at = std::ranges::find_if(rungs_, is_ending);
    if (at != rungs_.begin()) missing.stage = std::prev(at)->stage;
    rungs_.insert(at, std::move(missing));
  }

  /// None of our GRE arrives.
  void lose_what_was_sent() {
    for (Rung& rung : rungs_) {
      const Layer layer = rung.exchange.layer;
      if (rung.exchange.way == Way::sent && layer != Layer::tcp && layer != Layer::control)
        rung.kind = Rung::Kind::lost;
    }
  }

  /// The ones that were too long have no reply.
  void mark_echoes() {
    Rung* unanswered = nullptr;
    Rung* lost = nullptr;
    for (Rung& rung : rungs_) {
      if (!is_echo(rung.exchange) && !is_ending(rung)) continue;
      if (unanswered != nullptr && rung.exchange.way == Way::sent) {
        lost = unanswered;
        lost->kind = Rung::Kind::lost;
        fail(*lost);
      }
      const bool asks =
          is_echo(rung.exchange) && rung.exchange.way == Way::sent && rung.stage == Stage::path;
      unanswered = asks ? &rung : nullptr;
    }
    if (lost != nullptr) lost->note = note();
  }

  static void fail(Rung& rung) { rung.failing = true; }

  std::string note() const {
    return fmt::format("{}: {}", diagnosis::name(step_.step), step_.evidence);
  }

  bool is_of_step(const Rung& rung) const {
    return rung.exchange.layer == packets_.layer && !is_ending(rung);
  }

  static bool is_ending(const Rung& rung) { return rung.stage == Stage::end; }

  static bool wants_authentication(const Rung& rung) {
    return rung.exchange.layer == Layer::lcp &&
           rung.exchange.words.find("<auth ") != std::string::npos;
  }

  /// The one that fits and was repeated last; nullptr: none fits.
  template <class Fits>
  Rung* latest(Way way, Fits&& fits) {
    Rung* found = nullptr;
    for (Rung& rung : rungs_) {
      if (rung.exchange.way != way || !fits(rung)) continue;
      if (found == nullptr || rung.exchange.last >= found->exchange.last) found = &rung;
    }
    return found;
  }

  std::vector<Rung>& rungs_;
  const CheckedStep& step_;
  const Diagnosis& diagnosis_;
  StepPackets packets_;
};

/// Something is wrong, and it is not in what was said.
std::string remark_on(const std::vector<Rung>& rungs, const Diagnosis& diagnosis) {
  if (!rungs.empty()) return "The call came through. What is wrong is on this host.";
  const auto failed = std::ranges::find(diagnosis.steps, Verdict::fail, &CheckedStep::verdict);
  if (failed == diagnosis.steps.end()) return "No packet went to the server.";
  return fmt::format("No packet went to the server. {}: {}", diagnosis::name(failed->step),
                     failed->evidence);
}

}  // namespace

std::string_view name(Stage stage) {
  switch (stage) {
    case Stage::control_connection:
      return "Control connection";
    case Stage::link:
      return "Link, in GRE";
    case Stage::authentication:
      return "Authentication";
    case Stage::network:
      return "Encryption and addresses";
    case Stage::path:
      return "Length of packets";
    case Stage::end:
      return "End of the call";
  }
  return "";
}

Ladder ladder_of(const Timeline& timeline, const Diagnosis& diagnosis) {
  Ladder ladder;
  ladder.rungs = rungs_of(timeline);
  if (const CheckedStep* const failed = failed_step(diagnosis)) {
    Marking(ladder.rungs, *failed, diagnosis).mark();
  } else if (!diagnosis.findings.empty()) {
    ladder.remark = remark_on(ladder.rungs, diagnosis);
  }
  return ladder;
}

}  // namespace pptp::app
