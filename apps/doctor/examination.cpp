#include "apps/doctor/examination.h"

#include <algorithm>
#include <csignal>
#include <string>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "apps/password.h"
#include "apps/terminal.h"
#include "diagnosis/words.h"
#include "tunnel/io/netlink.h"
#include "tunnel/io/taken_address.h"

namespace pptp::app {
namespace {

using diagnosis::Step;
using diagnosis::Verdict;

/// What we would encrypt with, as CCP's bits say it.
std::string offer_words(const EncryptionConfig& config) {
  if (config.policy == EncryptionPolicy::off) return "none";
  std::uint32_t bits = config.ask_stateful ? 0 : mppe_bits::kStateless;
  if (config.allow_128) bits |= mppe_bits::k128;
  if (config.allow_56) bits |= mppe_bits::k56;
  if (config.allow_40) bits |= mppe_bits::k40;
  return diagnosis::mppe_words(bits);
}

std::string words(const MppeParameters& agreed) {
  return fmt::format("{} bits, {}", bit_count(agreed.bits),
                     agreed.mode == MppeMode::stateful ? "stateful" : "stateless");
}

bool is_taken_here(Ipv4Address address) {
  io::IoResult<io::Netlink> netlink = io::Netlink::open();
  if (!netlink) return false;
  const io::IoResult<bool> taken = io::is_taken(*netlink, address, 0);
  return taken && *taken;
}

}  // namespace

Examination::Examination(Profile profile, std::shared_ptr<const Credentials> credentials,
                         LogSink& log, Progress& progress, CallRecorder& recorder)
    : profile_(std::move(profile)),
      credentials_(std::move(credentials)),
      log_(&log),
      progress_(progress),
      recorder_(recorder),
      limit_(loop_, [this] { out_of_time(); }) {
  // The path is to be measured, not to be fitted into what was set by hand.
  profile_.network.mtu.reset();
  profile_.network.probe_mtu = true;
}

diagnosis::Checkup Examination::run() {
  progress_.phase("looking at this host");
  seen_.local = missing_here(profile_);
  seen_.firewall = look_at_firewall();
  bool can_call = true;
  for (const auto& [step, problem] : seen_.local)
    can_call = can_call && step == Step::tun;
  if (can_call) call();
  return std::move(seen_);
}

void Examination::call() {
  loop_.on_signals({SIGINT, SIGTERM, SIGHUP}, [this](int) {
    interrupted_ = true;
    call_->close(ending_of(Trouble::interrupted));
  });
  call_.emplace(ClientCall::Surroundings{.loop = loop_,
                                         .entropy = entropy_,
                                         .pool = pool_,
                                         .log = log_,
                                         .progress = progress_,
                                         .recorder = recorder_,
                                         .owner = *this},
                profile_, credentials_,
                ClientCall::Request{.at = {.server = profile_.servers.front(), .known = {}}});
  ends_ = loop_.now() + kLimit;
  limit_.set(ends_);
  if (const io::IoResult<void> dialled = call_->dial(); !dialled) {
    seen_.ended = problem_of(ending_of(dialled.error()));
    return;
  }
  loop_.run();
}

// --- how far it comes ---

io::IoResult<void> Examination::call_trying(Ipv4Address server) {
  reached_ = Reached::address;
  seen_.resolved = server.text();
  seen_.other_tunnels = connections_to({server, profile_.servers.front().port});
  const std::optional<WayToServer> way = look_at_route(server);
  if (!way) return {};
  seen_.route = way->route;
  seen_.nat = is_private(way->source) && !is_private(server);
  return {};
}

void Examination::call_event(const EngineEvent& event) {
  if (std::holds_alternative<CallConnected>(event)) {
    reached_ = Reached::connected;
    passed(Step::start, "agreed");
    passed(Step::call, "granted");
    progress_.phase("waiting for GRE");
    limit_.set(std::min(ends_, loop_.now() + kLcpLimit));
  } else if (const auto* changed = std::get_if<PhaseChanged>(&event)) {
    if (changed->phase == Phase::establish) reached_ = Reached::link;
    if (changed->phase != Phase::network) return;
    reached_ = Reached::network;
    limit_.set(ends_);
    passed(Step::lcp, "agreed");
    progress_.phase("negotiating encryption and addresses");
  } else if (const auto* asked = std::get_if<AuthenticationWanted>(&event)) {
    wanted(*asked);
  } else if (const auto* authenticated = std::get_if<Authenticated>(&event)) {
    passed(Step::authentication, fmt::format("as {} by {}", printable(credentials_->user()),
                                             name(authenticated->method)));
  } else if (const auto* agreed = std::get_if<EncryptionAgreed>(&event)) {
    passed(Step::encryption, fmt::format("{}; our offer was {}", words(agreed->send),
                                         offer_words(profile_.encryption)));
  } else if (const auto* up = std::get_if<NetworkUp>(&event)) {
    network_up(*up);
  } else if (std::holds_alternative<PathProbed>(event)) {
    path_probed();
  }
}

void Examination::wanted(const AuthenticationWanted& wanted) {
  reached_ = Reached::authenticating;
  limit_.set(ends_);
  passed(Step::lcp, "agreed");
  if (credentials_) {
    progress_.phase(fmt::format("authenticating as {}", printable(credentials_->user())));
    return;
  }
  seen_.call.push_back({Step::authentication, Verdict::unknown,
                        fmt::format("the server asks for {}; without a profile nobody logs in",
                                    name(wanted.method))});
}

void Examination::network_up(const NetworkUp& up) {
  if (is_taken_here(up.local)) {
    return call_->close(
        ending_of(End{Cause::ipcp_address_refused, up.local.value(), {}}, call_->context()));
  }
  reached_ = Reached::up;
  if (!call_->encryption()) passed(Step::encryption, "none, as the profile allows");
  passed(Step::addresses, fmt::format("ours {}, the server's {}", up.local.text(), up.peer.text()));
  progress_.phase("measuring the path");
}

void Examination::path_probed() {
  seen_.mtu = diagnosis::SeenMtu{call_->probed().value_or(call_->path_mtu()), call_->path_mtu()};
  call_->close(Ending{});
}

void Examination::passed(Step step, std::string evidence) {
  seen_.call.push_back({step, Verdict::pass, std::move(evidence)});
}

// --- its end ---

/// What the call waits for in vain is what it fails of.
Ending Examination::unfinished() const {
  const EndingContext context = call_->context();
  switch (reached_) {
    case Reached::nothing:
      return ending_of(Trouble::name_no_answer, {}, context);
    case Reached::address:
      if (call_->engine() == nullptr) return ending_of(Trouble::ctrl_unreachable_1723, {}, context);
      return ending_of(End{Cause::control_timeout, 0, {}}, context);
    case Reached::connected:
    case Reached::link:
      return call_->ending_for(End{Cause::lcp_timeout, 0, {}});
    case Reached::authenticating:
      return ending_of(End{Cause::auth_timeout, 0, {}}, context);
    case Reached::network:
      if (!call_->encryption() && profile_.encryption.policy == EncryptionPolicy::require)
        return ending_of(End{Cause::mppe_timeout, 0, {}}, context);
      return ending_of(End{Cause::ipcp_timeout, 0, {}}, context);
    case Reached::up:
      return {};
  }
  return {};
}

void Examination::out_of_time() {
  call_->close(unfinished());
}

/// What can be told of the first steps only in the end.
void Examination::listened() {
  const Engine* const engine = call_->engine();
  if (engine == nullptr) return;
  passed(Step::tcp, "connected");
  if (reached_ < Reached::connected) {
    if (seen_.ended && diagnosis::step_of(seen_.ended->id) == Step::call)
      passed(Step::start, "agreed");
    return;
  }
  seen_.acknowledged = engine->tx().sender().was_acknowledged();
  if (*seen_.acknowledged || reached_ >= Reached::authenticating) {
    passed(Step::gre_out, "the server has had our packets");
  } else {
    seen_.call.push_back({Step::gre_out, Verdict::unknown, "nothing says that our packets arrive"});
  }
  if (engine->rx().receiver().highest_received())
    passed(Step::gre_back, "the server's packets arrive");
}

void Examination::call_over(Ending ending) {
  if (ending.status() != 0 && !interrupted_) {
    seen_.ended = problem_of(ending);
    if (diagnosis::step_of(ending.id) == Step::encryption)
      seen_.ended->evidence.push_back("our offer: " + offer_words(profile_.encryption));
  }
  listened();
  loop_.stop();
}

}  // namespace pptp::app
