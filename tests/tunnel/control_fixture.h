#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

#include "tests/tunnel/control_samples.h"
#include "tunnel/control_connection.h"

namespace pptp {

inline constexpr CallId kOwn{0x1001};
inline constexpr std::uint16_t kOther = 0x2002;  ///< the peer's call id

inline ControlConfig config_of(Role role) {
  ControlConfig config;
  config.role = role;
  config.call_id = kOwn;
  config.host_name = "this host";
  return config;
}

inline std::vector<ControlMessage> messages_in(Bytes octets) {
  std::vector<ControlMessage> messages;
  ControlStream stream;
  while (const auto next = stream.next(octets)) {
    REQUIRE(*next);
    messages.push_back(**next);
  }
  return messages;
}

/// A control connection, the time, and the test as its peer.
struct Side {
  explicit Side(ControlConfig config, LogSink* sink = nullptr)
      : connection(std::move(config), Log(sink)) {}

  ControlConnection connection;
  TimePoint now{};

  void say(const ControlMessage& message) { connection.receive(now, as_bytes(octets_of(message))); }

  void say_octets(std::string_view digits) {
    connection.receive(now, as_bytes(from_hex(digits).value()));
  }

  std::vector<ControlMessage> sent() {
    const auto octets = connection.poll_output();
    return octets ? messages_in(*octets) : std::vector<ControlMessage>{};
  }

  /// The types of what was sent, one after another.
  std::string sent_types() {
    std::string types;
    for (const ControlMessage& message : sent()) {
      if (!types.empty()) types += ' ';
      types += name(type_of(message));
    }
    return types;
  }

  std::optional<End> ended() {
    while (const auto event = connection.poll_event()) {
      if (const auto* const ended = std::get_if<ControlEnded>(&*event)) return ended->end;
    }
    return std::nullopt;
  }

  std::optional<Cause> cause() {
    const auto end = ended();
    return end ? std::optional(end->cause) : std::nullopt;
  }

  std::optional<CallConnected> call() {
    const auto event = connection.poll_event();
    if (!event) return std::nullopt;
    const auto* const connected = std::get_if<CallConnected>(&*event);
    return connected != nullptr ? std::optional(*connected) : std::nullopt;
  }

  /// Lets time pass, in which deadlines come as they are due.
  void wait(Duration duration) {
    const TimePoint until = now + duration;
    while (const Deadline due = connection.next_deadline()) {
      if (*due > until) break;
      now = std::max(now, *due);
      connection.on_deadline(now);
    }
    now = until;
    connection.on_deadline(now);
  }
};

inline StartControlConnectionReply good_start_reply() {
  StartControlConnectionReply reply;
  reply.result = kStartSuccessful;
  return reply;
}

inline OutgoingCallReply good_call_reply() {
  OutgoingCallReply reply;
  reply.call_id = kOther;
  reply.peer_call_id = kOwn.value();
  reply.result = kOutgoingConnected;
  reply.packet_receive_window = 16;
  return reply;
}

inline OutgoingCallRequest good_call_request() {
  OutgoingCallRequest request;
  request.call_id = kOther;
  request.packet_receive_window = 16;
  return request;
}

/// Brings one end to a state; its output and its CallConnected have been taken.
inline Side end_in(Role role, ControlState state, ControlConfig config) {
  config.role = role;
  Side end(std::move(config));
  if (state == ControlState::unconnected) return end;
  end.connection.connected(end.now);
  if (state != ControlState::wait_start) {
    if (role == Role::client) {
      end.say(good_start_reply());
      if (state != ControlState::wait_call) end.say(good_call_reply());
    } else {
      end.say(StartControlConnectionRequest{});
      if (state != ControlState::wait_call) end.say(good_call_request());
    }
  }
  if (state == ControlState::wait_disconnect) end.connection.close(end.now);
  if (state == ControlState::wait_stop_reply) {
    CallDisconnectNotify notify;
    notify.call_id = kOther;
    end.say(notify);
  }
  CHECK(end.connection.state() == state);
  (void)end.sent();
  (void)end.ended();
  return end;
}

inline Side end_in(Role role, ControlState state) {
  return end_in(role, state, config_of(role));
}

}  // namespace pptp
