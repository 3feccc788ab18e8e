#include "apps/doctor/examination.h"

#include <algorithm>
#include <csignal>
#include <string>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "apps/config_error.h"
#include "apps/doctor/firewall_look.h"
#include "apps/doctor/host_checks.h"
#include "apps/redial.h"
#include "tunnel/io/netlink.h"
#include "tunnel/io/taken_address.h"

namespace pptp::app {
namespace {

using diagnosis::Step;

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
  loop_.on_signals({SIGINT, SIGTERM, SIGHUP}, [this](int) {
    interrupted_ = true;
    if (!call_) return loop_.stop();
    call_->close(ending_of(Trouble::interrupted));
  });
  ends_ = loop_.now() + kLimit;
  progress_.phase("looking at this host");
  seen_.local = missing_here(profile_);
  look_at_firewall();
  const auto lacks = [&](Step step) {
    return std::ranges::any_of(seen_.local, [&](const auto& found) { return found.first == step; });
  };
  if (interrupted_ || lacks(Step::other_tunnel)) return std::move(seen_);
  limit_.set(ends_);
  lacks(Step::permissions) ? knock() : call();
  loop_.run();
  return std::move(seen_);
}

void Examination::look_at_firewall() {
  const FirewallLook look(loop_, [this](const diagnosis::SeenFirewall& seen) {
    seen_.firewall = seen;
    loop_.stop();
  });
  loop_.run();
}

void Examination::call() {
  call_.emplace(ClientCall::Surroundings{.loop = loop_,
                                         .entropy = entropy_,
                                         .pool = pool_,
                                         .log = log_,
                                         .progress = progress_,
                                         .recorder = recorder_,
                                         .owner = *this},
                profile_, credentials_,
                ClientCall::Request{.at = {.server = profile_.servers[server_], .known = {}}});
  if (const io::IoResult<void> dialled = call_->dial(); !dialled)
    call_over(ending_of(dialled.error()));
}

void Examination::out_of_time() {
  if (call_) return call_->close(call_->unfinished());
  knocked(io::failure(seen_.resolved ? io::IoFault::timed_out : io::IoFault::name_no_answer,
                      "no answer in time"));
}

void Examination::knock() {
  const HostPort& server = profile_.servers.front();
  progress_.phase(fmt::format("looking up {}", server.host));
  knock_.emplace(
      loop_, Dialer::Request{.server = server},
      [this](io::TcpEndpoint to) {
        seen_.resolved = to.address.text();
        progress_.phase(fmt::format("connecting to {}:{}", to.address.text(), to.port));
        return call_trying(to.address);
      },
      [this](io::IoResult<io::TcpStream> stream) { knocked(std::move(stream)); });
}

void Examination::knocked(io::IoResult<io::TcpStream> stream) {
  if (stream) {
    seen_.call.push_back({Step::tcp, diagnosis::Verdict::pass, "connected"});
  } else {
    EndingContext context;
    context.server = profile_.servers.front().host;
    seen_.ended = problem_of(ending_of_dial(stream.error(), seen_.resolved.has_value(), context));
  }
  limit_.set(std::nullopt);
  loop_.stop();
}

// --- how far it comes ---

io::IoResult<void> Examination::call_trying(Ipv4Address server) {
  look_at_way({.server = {server, profile_.servers[server_].port}}, seen_);
  return {};
}

void Examination::call_event(const EngineEvent& event) {
  if (std::holds_alternative<CallConnected>(event)) {
    progress_.phase("waiting for GRE");
    limit_.set(std::min(ends_, loop_.now() + kLcpLimit));
  } else if (const auto* changed = std::get_if<PhaseChanged>(&event)) {
    if (changed->phase != Phase::network) return;
    limit_.set(ends_);
    progress_.phase("negotiating encryption and addresses");
  } else if (std::holds_alternative<AuthenticationWanted>(event)) {
    limit_.set(ends_);
    if (credentials_)
      progress_.phase(fmt::format("authenticating as {}", printable(credentials_->user())));
  } else if (const auto* up = std::get_if<NetworkUp>(&event)) {
    network_up(*up);
  } else if (std::holds_alternative<PathProbed>(event)) {
    path_probed();
  }
}

void Examination::network_up(const NetworkUp& up) {
  if (is_taken_here(up.local)) {
    return call_->close(
        ending_of(End{Cause::ipcp_address_refused, up.local.value(), {}}, call_->context()));
  }
  progress_.phase("measuring the path");
}

void Examination::path_probed() {
  seen_.mtu = diagnosis::SeenMtu{call_->probed().value_or(call_->path_mtu()), call_->path_mtu()};
  call_->close(Ending{});
}

// --- its end ---

/// We are inside of the call, which may have to make room for the next one.
void Examination::call_over(Ending ending) {
  limit_.set(std::nullopt);
  loop_.post([this, call = call_->told(std::move(ending))]() mutable { over(std::move(call)); });
}

void Examination::over(OverCall call) {
  if (interrupted_) return loop_.stop();
  if (try_next_server(call)) return;
  seen_.resolved = std::move(call.seen.resolved);
  seen_.call = std::move(call.seen.call);
  seen_.acknowledged = call.seen.acknowledged;
  seen_.ended = std::move(call.seen.ended);
  for (std::size_t left = server_ + 1; seen_.ended && left < profile_.servers.size(); ++left)
    seen_.ended->evidence.push_back("not looked at: " + profile_.servers[left].host);
  loop_.stop();
}

/// The servers of the list are tried in turn, as `connect` does.
bool Examination::try_next_server(const OverCall& call) {
  const bool has_another = server_ + 1 < profile_.servers.size();
  if (!has_another || !another_server_may_help(call.ending) || loop_.now() + kAnother > ends_)
    return false;
  log_.line(LogLevel::notice, next_server_words(call.ending));
  seen_.elsewhere.push_back(problem_of(call.ending));
  seen_.other_tunnels.clear();
  seen_.route.reset();
  seen_.nat.reset();
  ++server_;
  this->call();
  return true;
}

}  // namespace pptp::app
