#include "tunnel/control.h"

#include <algorithm>
#include <utility>

namespace pptp {
namespace {

ControlConfig control_config(const CallConfig& config) {
  ControlConfig control = config.control;
  control.role = config.role;
  control.call_id = config.call_id;
  control.close_timeout = config.shutdown_limit / 2;
  control.quirks = config.quirks;
  // A dead control connection is found no later than a dead link.
  if (config.link.echo_interval > Duration::zero()) {
    const Duration limit =
        config.link.echo_interval * (std::max(config.link.echo_failures, 1U) + 1);
    control.echo_interval = std::min(control.echo_interval, limit / 2);
    control.echo_timeout = std::min(control.echo_timeout, limit / 2);
  }
  return control;
}

LinkConfig link_config(const CallConfig& config) {
  LinkConfig link = config.link;
  link.role = config.role;
  return link;
}

}  // namespace

Control::Control(CallConfig config, Entropy& entropy, Log log)
    : gre_timeout_(config.role == Role::client ? config.gre_timeout : Duration::zero()),
      shutdown_limit_(config.shutdown_limit),
      log_(log),
      connection_(control_config(config), log),
      link_(link_config(config), entropy, log) {}

void Control::connected(TimePoint now) {
  connection_.connected(now);
  settle(now);
}

void Control::received(TimePoint now, Bytes octets) {
  connection_.receive(now, octets);
  settle(now);
}

void Control::closed(TimePoint now) {
  connection_.closed(now);
  settle(now);
}

std::optional<Drop> Control::frame(TimePoint now, PppProtocol protocol, Bytes information) {
  const std::optional<Drop> drop = link_.receive(now, protocol, information);
  settle(now);
  return drop;
}

void Control::heard() noexcept {
  heard_ = true;
  timers_.clear(Timer::gre);
}

void Control::close(TimePoint now, End end) {
  if (told_ || timers_.armed(Timer::shutdown)) return;
  timers_.set(Timer::shutdown, now + shutdown_limit_);
  if (link_over_) {
    link_ended(now, std::move(end));
  } else {
    link_.close(now, std::move(end));
  }
  settle(now);
}

void Control::supply_secret(TimePoint now, const Credentials* credentials) {
  link_.supply_secret(now, credentials);
  settle(now);
}

void Control::password_stored(TimePoint now, bool stored) {
  link_.password_stored(now, stored);
  settle(now);
}

void Control::try_again(TimePoint now, std::shared_ptr<const Credentials> credentials) {
  link_.try_again(now, std::move(credentials));
  settle(now);
}

void Control::assign(TimePoint now, const IpAssignment& assignment) {
  link_.assign(now, assignment);
  settle(now);
}

void Control::on_deadline(TimePoint now) {
  while (const std::optional<Timer> timer = timers_.take_expired(now)) {
    switch (*timer) {
      case Timer::gre:
        link_.lower_down(now, {Cause::gre_blocked, 0, {}});
        break;
      case Timer::shutdown:
        // The peer does not go along: what has been said has to do.
        link_.lower_down(now, end_.value_or(End{}));
        connection_.closed(now);
        break;
      case Timer::count_:
        break;
    }
  }
  connection_.on_deadline(now);
  link_.on_deadline(now);
  settle(now);
}

Deadline Control::next_deadline() const noexcept {
  return earliest(timers_.next(), earliest(connection_.next_deadline(), link_.next_deadline()));
}

std::optional<CallEvent> Control::poll_event() {
  if (events_.empty()) return std::nullopt;
  CallEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

/// Carries what one half has to say to the other, until both are quiet.
void Control::settle(TimePoint now) {
  if (connection_.finished()) timers_.clear_all();
  for (bool quiet = false; !quiet;) {
    quiet = true;
    while (std::optional<ControlEvent> event = connection_.poll_event()) {
      quiet = false;
      std::visit([&](auto&& what) { on_control_event(now, std::move(what)); }, *std::move(event));
    }
    while (std::optional<LinkEvent> event = link_.poll_event()) {
      quiet = false;
      if (LinkEnded* ended = std::get_if<LinkEnded>(&*event)) {
        link_ended(now, std::move(ended->end));
      } else {
        events_.emplace_back(std::in_place_type<LinkEvent>, *std::move(event));
      }
    }
  }
}

void Control::on_control_event(TimePoint now, CallConnected&& event) {
  events_.emplace_back(event);
  link_over_ = false;
  if (!heard_ && gre_timeout_ > Duration::zero()) timers_.set(Timer::gre, now + gre_timeout_);
  link_.lower_up(now);
}

void Control::on_control_event(TimePoint now, ControlEnded&& event) {
  connection_over_ = true;
  if (link_over_) {
    if (!end_) end_ = std::move(event.end);
    end_call();
  } else {
    link_.lower_down(now, std::move(event.end));
  }
}

/// The link is over, by itself or because the connection went: what is left is to say goodbye.
void Control::link_ended(TimePoint now, End end) {
  link_over_ = true;
  timers_.clear(Timer::gre);
  if (!end_) end_ = as_heard(std::move(end));
  if (!timers_.armed(Timer::shutdown)) timers_.set(Timer::shutdown, now + shutdown_limit_);
  if (connection_over_) {
    end_call();
  } else {
    connection_.close(now);  // brings ControlEnded
  }
}

End Control::unfinished() const {
  if (end_) return *end_;
  if (link_.phase() == Phase::dead) return {Cause::control_timeout, 0, {}};
  return as_heard(link_.unfinished());
}

/// Nothing is agreed on where nothing comes.
End Control::as_heard(End end) const {
  if (!heard_ && end.cause == Cause::lcp_timeout) end.cause = Cause::gre_blocked;
  return end;
}

void Control::end_call() {
  if (told_) return;
  told_ = true;
  events_.emplace_back(CallEnded{*end_});
}

}  // namespace pptp
