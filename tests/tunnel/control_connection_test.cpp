#include "tunnel/control_connection.h"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "tests/tunnel/control_samples.h"

namespace pptp {
namespace {

using namespace std::chrono_literals;

constexpr CallId kOwn{0x1001};
constexpr std::uint16_t kOther = 0x2002;  ///< the peer's call id

ControlConfig config_of(Role role) {
  ControlConfig config;
  config.role = role;
  config.call_id = kOwn;
  config.host_name = "this host";
  return config;
}

std::vector<ControlMessage> messages_in(Bytes octets) {
  std::vector<ControlMessage> messages;
  ControlStream stream;
  while (const auto next = stream.next(octets)) {
    REQUIRE(*next);
    messages.push_back(**next);
  }
  return messages;
}

struct Lines final : LogSink {
  std::string text;

  void line(LogLevel /*level*/, std::string_view line) noexcept override {
    text.append(line).append("\n");
  }
};

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

StartControlConnectionReply good_start_reply() {
  StartControlConnectionReply reply;
  reply.result = kStartSuccessful;
  return reply;
}

OutgoingCallReply good_call_reply() {
  OutgoingCallReply reply;
  reply.call_id = kOther;
  reply.peer_call_id = kOwn.value();
  reply.result = kOutgoingConnected;
  reply.packet_receive_window = 16;
  return reply;
}

OutgoingCallRequest good_call_request() {
  OutgoingCallRequest request;
  request.call_id = kOther;
  request.packet_receive_window = 16;
  return request;
}

/// Brings one end to a state; its output and its CallConnected have been taken.
Side end_in(Role role, ControlState state, ControlConfig config) {
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

Side end_in(Role role, ControlState state) {
  return end_in(role, state, config_of(role));
}

/// Two ends, wired to each other, until both are silent.
void exchange(Side& a, Side& b, std::size_t segment = 10'000) {
  for (bool busy = true; busy;) {
    busy = false;
    for (const auto& [from, to] : {std::pair(&a, &b), std::pair(&b, &a)}) {
      const auto octets = from->connection.poll_output();
      if (!octets) continue;
      busy = true;
      Bytes left(*octets);
      while (!left.empty()) {
        const Bytes piece = left.first(std::min(segment, left.size()));
        to->connection.receive(to->now, piece);
        left = left.subspan(piece.size());
      }
    }
  }
}

TEST_CASE("control_connection/client and server bring a call up and take it down") {
  for (const std::size_t segment : {std::size_t{1}, std::size_t{10'000}}) {
    CAPTURE(segment);
    ControlConfig server_config = config_of(Role::server);
    server_config.call_id = CallId(kOther);
    server_config.receive_window = 48;
    Side client(config_of(Role::client));
    Side server(std::move(server_config));
    client.connection.connected(client.now);
    server.connection.connected(server.now);
    exchange(client, server, segment);
    const auto at_client = client.call();
    const auto at_server = server.call();
    REQUIRE(at_client);
    REQUIRE(at_server);
    CHECK(at_client->peer_call_id == PeerCallId(kOther));
    CHECK(at_client->peer_window == 48);
    CHECK(at_server->peer_call_id == PeerCallId(kOwn.value()));
    CHECK(at_server->peer_window == kGreReceiveWindow);
    CHECK(client.connection.state() == ControlState::established);

    client.connection.close(client.now);
    CHECK(client.cause() == Cause::closed_locally);
    CHECK_FALSE(client.connection.finished());
    exchange(client, server, segment);
    CHECK(client.connection.finished());
    CHECK(server.connection.finished());
    CHECK(server.cause() == Cause::peer_cleared_call);
    CHECK_FALSE(client.cause());
    CHECK_FALSE(client.connection.next_deadline());
    CHECK_FALSE(server.connection.next_deadline());
  }
}

TEST_CASE("control_connection/the server takes a call down") {
  Side client(config_of(Role::client));
  Side server(config_of(Role::server));
  client.connection.connected(client.now);
  server.connection.connected(server.now);
  exchange(client, server);
  REQUIRE(client.call());
  server.connection.close(server.now);
  exchange(client, server);
  const auto end = client.ended();
  REQUIRE(end);
  CHECK(end->cause == Cause::peer_cleared_call);
  CHECK(end->code == kDisconnectAdminShutdown);
  CHECK(server.cause() == Cause::closed_locally);
  CHECK(client.connection.finished());
  CHECK(server.connection.finished());
}

TEST_CASE("control_connection/what the client sends, and no Set-Link-Info (3.4)") {
  Side client(config_of(Role::client));
  CHECK_FALSE(client.connection.poll_output());
  client.connection.connected(client.now);
  auto sent = client.sent();
  REQUIRE(sent.size() == 1);
  const auto& start = std::get<StartControlConnectionRequest>(sent[0]);
  CHECK(start.protocol_version == kProtocolVersion);
  CHECK(start.host_name.view() == "this host");
  CHECK(start.vendor_string.view() == "pptpd-user");
  client.say(good_start_reply());
  sent = client.sent();
  REQUIRE(sent.size() == 1);
  const auto& call = std::get<OutgoingCallRequest>(sent[0]);
  CHECK(call.call_id == kOwn.value());
  CHECK(call.packet_receive_window == kGreReceiveWindow);
  client.say(good_call_reply());
  CHECK(client.sent_types() == "");
}

// pptpd gives its first call id 0.
TEST_CASE("control_connection/a call with pptpd, from its own octets") {
  ControlConfig config = config_of(Role::client);
  config.call_id = CallId(0xcc2d);
  Side client(std::move(config));
  client.connection.connected(client.now);
  const std::string zeros(118, '0');
  client.say_octets("009c00011a2b3c4d00020000010001000000000000000000000100016c6f63616c" + zeros +
                    "6c696e7578" + zeros);
  client.say_octets("002000011a2b3c4d000800000000cc2d0100000005f5e1000040000000000000");
  const auto call = client.call();
  REQUIRE(call);
  CHECK(call->peer_call_id == PeerCallId(0));
  CHECK(call->peer_window == 64);
  client.wait(60s);
  client.say_octets("001400011a2b3c4d000600000000000101000000");
  client.wait(59s);
  CHECK_FALSE(client.cause());
  (void)client.sent();
  // Stop: answered.
  client.connection.close(client.now);
  client.wait(1s);
  CHECK(client.sent_types() == "Call-Clear-Request Stop-Control-Connection-Request");
  client.say_octets("001000011a2b3c4d0004000001000000");
  CHECK(client.connection.finished());
}

TEST_CASE("control_connection/a call with pptp-linux, from its own octets") {
  Side server(config_of(Role::server));
  server.connection.connected(server.now);
  const std::string zeros(256, '0');
  server.say_octets("009c00011a2b3c4d00010000010000000000000300000003ffff00016c6f63616c" +
                    zeros.substr(0, 118) + "63616e616e69616e" + zeros.substr(0, 112));
  server.say_octets(
      "00a800011a2b3c4d00070000d7130000000009600098968000000003000000030003000000000000" + zeros);
  const auto call = server.call();
  REQUIRE(call);
  CHECK(call->peer_call_id == PeerCallId(0xd713));
  CHECK(call->peer_window == 3);
  auto sent = server.sent();
  REQUIRE(sent.size() == 2);
  CHECK(std::get<StartControlConnectionReply>(sent[0]).result == kStartSuccessful);
  const auto& reply = std::get<OutgoingCallReply>(sent[1]);
  CHECK(reply.result == kOutgoingConnected);
  CHECK(reply.call_id == kOwn.value());
  CHECK(reply.peer_call_id == 0xd713);
  CHECK(reply.connect_speed == 10'000'000);
  server.say_octets("001000011a2b3c4d000c0000d7130000");
  CHECK(server.cause() == Cause::peer_cleared_call);
  sent = server.sent();
  REQUIRE(sent.size() == 2);
  CHECK(std::get<CallDisconnectNotify>(sent[0]).call_id == kOwn.value());
  CHECK(std::get<CallDisconnectNotify>(sent[0]).result == kDisconnectRequest);
  // pptp-linux closes TCP.
  server.connection.closed(server.now);
  CHECK(server.connection.finished());
  CHECK_FALSE(server.cause());
}

TEST_CASE("control_connection/result 0 in Start-Control-Connection-Reply is success (3.1)") {
  Side client = end_in(Role::client, ControlState::wait_start);
  client.say(StartControlConnectionReply{});
  CHECK(client.connection.state() == ControlState::wait_call);
  CHECK(client.sent_types() == "Outgoing-Call-Request");
}

TEST_CASE("control_connection/call id 0 and window 0 are accepted from either peer (3.2)") {
  Side client = end_in(Role::client, ControlState::wait_call);
  OutgoingCallReply reply = good_call_reply();
  reply.call_id = 0;
  reply.packet_receive_window = 0;
  reply.packet_processing_delay = 65535;
  client.say(reply);
  CHECK(client.call()->peer_call_id == PeerCallId(0));

  Side server = end_in(Role::server, ControlState::wait_call);
  OutgoingCallRequest request;  // all zero
  server.say(request);
  const auto call = server.call();
  REQUIRE(call);
  CHECK(call->peer_call_id == PeerCallId(0));
  CHECK(call->peer_window == 0);
  server.say(CallClearRequest{0});
  CHECK(server.cause() == Cause::peer_cleared_call);
}

TEST_CASE("control_connection/Call-Disconnect-Notify may name either id of the call (3.3)") {
  for (const std::uint16_t id : {kOther, kOwn.value()}) {
    Side client = end_in(Role::client, ControlState::established);
    CallDisconnectNotify notify;
    notify.call_id = id;
    notify.result = 1;
    notify.call_statistics = FixedText<128>("line dropped");
    client.say(notify);
    const auto end = client.ended();
    REQUIRE(end);
    CHECK(end->cause == Cause::peer_cleared_call);
    CHECK(end->code == 1);
    CHECK(end->text == "line dropped");
    CHECK(client.sent_types() == "Stop-Control-Connection-Request");
  }
}

TEST_CASE("control_connection/messages that name another call are ignored") {
  for (const Role role : {Role::client, Role::server}) {
    Side end = end_in(role, ControlState::established);
    CallDisconnectNotify notify;
    notify.call_id = 0x7777;
    end.say(notify);
    end.say(CallClearRequest{0x7777});
    end.say(SetLinkInfo{0x7777, 0, 0});
    CHECK(end.sent_types() == "");
    CHECK_FALSE(end.cause());
    CHECK(end.connection.state() == ControlState::established);
  }
  Side client = end_in(Role::client, ControlState::wait_call);
  OutgoingCallReply reply = good_call_reply();
  reply.peer_call_id = 0x7777;
  client.say(reply);
  CHECK(client.connection.state() == ControlState::wait_call);
}

TEST_CASE("control_connection/a call cleared before its reply") {
  Side client = end_in(Role::client, ControlState::wait_call);
  CallDisconnectNotify notify;
  notify.call_id = 0x7777;  // whatever it is: we were not told
  notify.result = 2;
  client.say(notify);
  const auto end = client.ended();
  REQUIRE(end);
  CHECK(end->cause == Cause::peer_cleared_call);
  CHECK(end->code == 2);
}

TEST_CASE("control_connection/any ACCM of Set-Link-Info is accepted (3.4)") {
  for (const std::uint32_t accm : {0U, 0xffff'ffffU, 0x000a'0000U}) {
    Side server = end_in(Role::server, ControlState::established);
    server.say(SetLinkInfo{kOwn.value(), accm, ~accm});
    CHECK(server.connection.state() == ControlState::established);
    CHECK(server.sent_types() == "");
  }
}

TEST_CASE("control_connection/the connect speed of the reply does not matter (3.6)") {
  for (const std::uint32_t speed : {0U, 0x0000'fa00U, 0xfa00'0000U, 0xffff'ffffU}) {
    Side client = end_in(Role::client, ControlState::wait_call);
    OutgoingCallReply reply = good_call_reply();
    reply.connect_speed = speed;
    client.say(reply);
    CHECK(client.call());
  }
}

TEST_CASE("rfc2637/3.1.4 Echo-Request after 60 s of silence, the end after 60 s more (3.25)") {
  for (const Role role : {Role::client, Role::server}) {
    Side end = end_in(role, ControlState::established);
    end.wait(59s);
    end.say(SetLinkInfo{});  // control traffic
    end.wait(59s);
    CHECK(end.sent_types() == "");
    end.wait(1s);
    auto sent = end.sent();
    REQUIRE(sent.size() == 1);
    const std::uint32_t identifier = std::get<EchoRequest>(sent[0]).identifier;
    end.wait(59s);
    end.say(EchoReply{identifier, kEchoOk, 0});
    end.wait(59s);
    CHECK(end.sent_types() == "");
    end.wait(1s);
    sent = end.sent();
    REQUIRE(sent.size() == 1);
    CHECK(std::get<EchoRequest>(sent[0]).identifier != identifier);
    end.say(WanErrorNotify{});  // no reply
    end.wait(59s);
    CHECK_FALSE(end.cause());
    end.wait(1s);
    CHECK(end.cause() == Cause::control_lost);
    CHECK(end.connection.finished());
  }
}

TEST_CASE("control_connection/no Echo-Request when switched off") {
  ControlConfig config = config_of(Role::client);
  config.echo_interval = Duration::zero();
  Side client = end_in(Role::client, ControlState::established, config);
  CHECK_FALSE(client.connection.next_deadline());
}

TEST_CASE("rfc2637/2.6 Echo-Request is answered with its identifier") {
  Side client = end_in(Role::client, ControlState::established);
  client.say(EchoRequest{0xdead'beef});
  CHECK(client.sent() == std::vector<ControlMessage>{EchoReply{0xdead'beef, kEchoOk, 0}});
}

TEST_CASE("control_connection/pptpd closes TCP on Call-Clear-Request (3.28)") {
  Side client = end_in(Role::client, ControlState::established);
  client.connection.close(client.now);
  CHECK(client.cause() == Cause::closed_locally);
  CHECK(client.sent_types() == "Call-Clear-Request");
  client.connection.closed(client.now);
  CHECK(client.connection.finished());
  CHECK_FALSE(client.cause());
}

TEST_CASE("control_connection/a peer that says nothing does not keep a close waiting (3.28)") {
  for (const Role role : {Role::client, Role::server}) {
    for (const ControlState state :
         {ControlState::unconnected, ControlState::wait_start, ControlState::wait_call,
          ControlState::established, ControlState::wait_stop_reply}) {
      CAPTURE(name(state));
      Side end = end_in(role, state);
      end.connection.close(end.now);
      end.connection.close(end.now);
      if (state != ControlState::wait_stop_reply) CHECK(end.cause() == Cause::closed_locally);
      CHECK_FALSE(end.cause());
      end.wait(2s);
      (void)end.sent();
      CHECK(end.connection.finished());
      CHECK_FALSE(end.cause());
    }
  }
}

TEST_CASE("control_connection/the client is told why the start was rejected") {
  struct Case {
    std::uint16_t version;
    std::uint8_t result;
    std::uint8_t error;
    std::uint32_t code;
  };

  for (const Case& c : {Case{0x0100, 2, 4, 0x0204}, Case{0x0100, 4, 0, 0x0400},
                        Case{0x0100, 5, 0, 0x0500}, Case{0x0001, 1, 0, 0x0500}}) {
    Side client = end_in(Role::client, ControlState::wait_start);
    StartControlConnectionReply reply;
    reply.protocol_version = c.version;
    reply.result = c.result;
    reply.error = c.error;
    client.say(reply);
    const auto end = client.ended();
    REQUIRE(end);
    CHECK(end->cause == Cause::start_rejected);
    CHECK(end->code == c.code);
    CHECK(client.connection.finished());
  }
  Side client = end_in(Role::client, ControlState::wait_start);
  StartControlConnectionReply newer = good_start_reply();
  newer.protocol_version = 0x0200;
  client.say(newer);
  CHECK(client.connection.state() == ControlState::wait_call);
}

TEST_CASE("control_connection/the client is told why the call was rejected") {
  for (const auto& [result, cause] : std::map<std::uint8_t, Cause>{{0, Cause::call_rejected},
                                                                   {2, Cause::call_rejected},
                                                                   {3, Cause::call_rejected},
                                                                   {4, Cause::call_busy},
                                                                   {5, Cause::call_busy},
                                                                   {6, Cause::call_rejected},
                                                                   {7, Cause::call_rejected},
                                                                   {255, Cause::call_rejected}}) {
    CAPTURE(result);
    Side client = end_in(Role::client, ControlState::wait_call);
    OutgoingCallReply reply = good_call_reply();
    reply.result = result;
    reply.error = 4;
    client.say(reply);
    const auto end = client.ended();
    REQUIRE(end);
    CHECK(end->cause == cause);
    CHECK(end->code == (std::uint32_t{result} << 8 | 4));
    CHECK(client.sent_types() == "Stop-Control-Connection-Request");
    client.say(StopControlConnectionReply{kStopOk, 0});
    CHECK(client.connection.finished());
  }
}

TEST_CASE("control_connection/what is not PPTP is told from what is silent") {
  Side ssh = end_in(Role::client, ControlState::wait_start);
  ssh.connection.receive(ssh.now, as_bytes("SSH-2.0-OpenSSH_9.2\r\n"));
  CHECK(ssh.cause() == Cause::not_pptp);
  CHECK(ssh.connection.finished());

  Side short_greeting = end_in(Role::client, ControlState::wait_start);
  short_greeting.connection.receive(short_greeting.now, as_bytes("login:"));
  short_greeting.connection.closed(short_greeting.now);
  CHECK(short_greeting.cause() == Cause::not_pptp);

  Side silent = end_in(Role::client, ControlState::wait_start);
  silent.connection.closed(silent.now);
  CHECK(silent.cause() == Cause::control_closed_at_once);
  CHECK(silent.connection.finished());
}

TEST_CASE("control_connection/replies that do not come end the attempt in time") {
  Side start = end_in(Role::client, ControlState::wait_start);
  start.wait(9s);
  CHECK_FALSE(start.cause());
  start.wait(1s);
  CHECK(start.cause() == Cause::control_timeout);
  CHECK(start.connection.finished());

  Side call = end_in(Role::client, ControlState::wait_call);
  call.wait(14s);
  CHECK_FALSE(call.cause());
  call.wait(1s);
  CHECK(call.cause() == Cause::control_timeout);
  CHECK(call.connection.finished());
}

TEST_CASE("control_connection/a server gives a client 30 s in all to come to its call") {
  Side server = end_in(Role::server, ControlState::wait_start);
  const std::string request = octets_of(StartControlConnectionRequest{});
  std::size_t at = 0;
  for (; at < 2; ++at) {
    server.wait(10s);
    server.connection.receive(server.now, as_bytes(request.substr(at, 1)));
  }
  server.connection.receive(server.now, as_bytes(request.substr(at)));
  CHECK(server.connection.state() == ControlState::wait_call);
  for (int i = 0; i < 9; ++i) {
    server.wait(1s);
    server.say(EchoRequest{1});
  }
  CHECK_FALSE(server.cause());
  (void)server.sent();
  server.wait(1s);
  CHECK(server.cause() == Cause::control_timeout);
  CHECK(server.connection.finished());
}

TEST_CASE("control_connection/TCP that ends with a call, or half a call, is a loss") {
  for (const Role role : {Role::client, Role::server}) {
    for (const ControlState state : {ControlState::wait_call, ControlState::established}) {
      Side end = end_in(role, state);
      end.connection.closed(end.now);
      CHECK(end.cause() == Cause::control_lost);
      CHECK(end.connection.finished());
      CHECK_FALSE(end.connection.next_deadline());
    }
  }
}

TEST_CASE("rfc2637/3 a malformed message ends the connection at once") {
  for (const Role role : {Role::client, Role::server}) {
    Side end = end_in(role, ControlState::established);
    end.say_octets("000100011a2b3c4d");  // length 1
    CHECK(end.cause() == Cause::control_lost);
    CHECK(end.connection.finished());
    end.say(EchoRequest{1});
    CHECK_FALSE(end.connection.poll_output());
  }
}

TEST_CASE("control_connection/Stop is answered, and ends the call") {
  for (const Role role : {Role::client, Role::server}) {
    for (const ControlState state :
         {ControlState::wait_start, ControlState::wait_call, ControlState::established}) {
      Side end = end_in(role, state);
      end.say(StopControlConnectionRequest{2});
      CHECK_FALSE(end.connection.finished());  // the reply is still to be sent
      CHECK(end.sent() == std::vector<ControlMessage>{StopControlConnectionReply{kStopOk, 0}});
      const auto why = end.ended();
      REQUIRE(why);
      CHECK(why->cause == Cause::peer_cleared_call);
      CHECK(why->code == 2);
      CHECK(end.connection.finished());
    }
  }
}

TEST_CASE("control_connection/a server that is full does not accept") {
  ControlConfig config = config_of(Role::server);
  config.accept_calls = false;
  Side server = end_in(Role::server, ControlState::wait_call, config);
  server.say(good_call_request());
  const auto sent = server.sent();
  REQUIRE(sent.size() == 2);
  const auto& reply = std::get<OutgoingCallReply>(sent[0]);
  CHECK(reply.result == kOutgoingDoNotAccept);
  CHECK(reply.call_id == 0);
  CHECK(reply.peer_call_id == kOther);
  CHECK(std::holds_alternative<StopControlConnectionRequest>(sent[1]));
  const auto end = server.ended();
  REQUIRE(end);
  CHECK(end->cause == Cause::call_rejected);
  CHECK(end->code == kOutgoingDoNotAccept << 8);
}

TEST_CASE("rfc2637/2.2 a server answers another version with result 5") {
  for (const std::uint16_t version : {std::uint16_t{0}, std::uint16_t{0x0101}, std::uint16_t{1}}) {
    Side server = end_in(Role::server, ControlState::wait_start);
    StartControlConnectionRequest request;
    request.protocol_version = version;
    server.say(request);
    const auto sent = server.sent();
    REQUIRE(sent.size() == 1);
    const auto& reply = std::get<StartControlConnectionReply>(sent[0]);
    CHECK(reply.result == kStartVersionNotSupported);
    CHECK(reply.protocol_version == kProtocolVersion);
    CHECK(server.cause() == Cause::start_rejected);
    CHECK(server.connection.finished());
  }
}

TEST_CASE("control_connection/a second start and a second call are refused, the first goes on") {
  Side server = end_in(Role::server, ControlState::established);
  server.say(StartControlConnectionRequest{});
  auto sent = server.sent();
  REQUIRE(sent.size() == 1);
  CHECK(std::get<StartControlConnectionReply>(sent[0]).result == kStartAlreadyExists);
  OutgoingCallRequest request = good_call_request();
  request.call_id = 0x3003;
  server.say(request);
  sent = server.sent();
  REQUIRE(sent.size() == 1);
  const auto& reply = std::get<OutgoingCallReply>(sent[0]);
  CHECK(reply.result == kOutgoingDoNotAccept);
  CHECK(reply.peer_call_id == 0x3003);
  server.say(CallClearRequest{0x3003});
  CHECK(server.connection.state() == ControlState::established);
  CHECK_FALSE(server.cause());
}

TEST_CASE("control_connection/a client accepts no incoming call") {
  Side client = end_in(Role::client, ControlState::established);
  IncomingCallRequest request;
  request.call_id = 0x3003;
  client.say(request);
  const auto sent = client.sent();
  REQUIRE(sent.size() == 1);
  const auto& reply = std::get<IncomingCallReply>(sent[0]);
  CHECK(reply.result == kIncomingDoNotAccept);
  CHECK(reply.peer_call_id == 0x3003);
  CHECK(client.connection.state() == ControlState::established);
}

TEST_CASE("control_connection/start, call and clear in one segment") {
  Side server = end_in(Role::server, ControlState::wait_start);
  OutgoingCallRequest request = good_call_request();
  const std::string all = octets_of(StartControlConnectionRequest{}) + octets_of(request) +
                          octets_of(CallClearRequest{kOther}) + octets_of(CallClearRequest{kOther});
  server.connection.receive(server.now, as_bytes(all));
  CHECK(server.call());
  CHECK(server.cause() == Cause::peer_cleared_call);
  CHECK(server.sent_types() ==
        "Start-Control-Connection-Reply Outgoing-Call-Reply Call-Disconnect-Notify "
        "Stop-Control-Connection-Request");
}

TEST_CASE("control_connection/output to a peer that does not read is bounded") {
  Side server = end_in(Role::server, ControlState::established);
  for (int i = 0; i < 100'000 && !server.connection.finished(); ++i)
    server.say(EchoRequest{1});
  CHECK(server.connection.finished());
  CHECK(server.cause() == Cause::control_lost);
  CHECK_FALSE(server.connection.poll_output());
  CHECK_FALSE(server.connection.next_deadline());

  // Nor does a call come up whose reply found no room.
  Side full = end_in(Role::server, ControlState::wait_call);
  for (std::size_t i = 0; i < ControlConnection::kMaxOutput / 20; ++i)
    full.say(EchoRequest{1});
  full.say(good_call_request());
  CHECK_FALSE(full.call());
  CHECK(full.connection.finished());
  CHECK_FALSE(full.connection.next_deadline());

  // One that reads again before the bound gets every reply.
  Side slow = end_in(Role::server, ControlState::established);
  const std::size_t fits = ControlConnection::kMaxOutput / length_of(ControlType::echo_reply);
  for (std::size_t i = 0; i < fits; ++i)
    slow.say(EchoRequest{static_cast<std::uint32_t>(i)});
  CHECK(slow.sent().size() == fits);
  CHECK_FALSE(slow.cause());
}

TEST_CASE("control_connection/octets cut off anywhere end the connection once and for all") {
  std::string to_server;
  std::string to_client;
  Side client(config_of(Role::client));
  Side server(config_of(Role::server));
  client.connection.connected(client.now);
  server.connection.connected(server.now);
  const auto pass = [](Side& from, Side& to, std::string& transcript) {
    const auto octets = from.connection.poll_output();
    if (!octets) return;
    transcript += as_text(*octets);
    to.connection.receive(to.now, *octets);
  };
  for (int round = 0; round < 6; ++round) {
    if (round == 3) client.connection.close(client.now);
    pass(client, server, to_server);
    pass(server, client, to_client);
  }
  REQUIRE(client.connection.finished());
  for (const Role role : {Role::client, Role::server}) {
    const std::string& transcript = role == Role::client ? to_client : to_server;
    for (std::size_t cut = 0; cut <= transcript.size(); ++cut) {
      CAPTURE(cut);
      Side end = end_in(role, ControlState::wait_start);
      end.connection.receive(end.now, as_bytes(transcript.substr(0, cut)));
      end.connection.closed(end.now);
      CHECK(end.cause());
      CHECK_FALSE(end.cause());
      CHECK(end.connection.finished());
      end.wait(200s);
      CHECK_FALSE(end.connection.poll_output());
    }
  }
}

// What each message does in each state, seen from outside: one character a message type.
//   .  nothing   r  a reply, the state stays   >  another state, with output
//   !  the end of the call or of the taking down, with output   x  the end, without output
TEST_CASE("control_connection/every message in every state of both roles") {
  struct Row {
    Role role;
    ControlState state;
    std::string_view effects;
  };

  const std::vector<Row> rows = {
      //                                              SSSSEEOOIIICDWS
      //                                              CCttccCCCCCCDEL
      {Role::client, ControlState::wait_start, ".>!.r.........."},
      {Role::client, ControlState::wait_call, "..!.r..>r...!.."},
      {Role::client, ControlState::established, "..!.r...r..!!.."},
      {Role::client, ControlState::wait_disconnect, "..!.r......!!.."},
      {Role::client, ControlState::wait_stop_reply, "..!xr.........."},
      {Role::client, ControlState::unconnected, "..............."},
      {Role::client, ControlState::ended, "..............."},
      {Role::server, ControlState::wait_start, ">x!xxxxxxxxxxxx"},
      {Role::server, ControlState::wait_call, "r.!.r.>........"},
      {Role::server, ControlState::established, "r.!.r.r....!!.."},
      {Role::server, ControlState::wait_stop_reply, "..!xr.........."},
      {Role::server, ControlState::unconnected, "..............."},
      {Role::server, ControlState::ended, "..............."},
  };
  auto samples = control_samples();
  // The call's own ids, as the peer writes them.
  std::get<OutgoingCallReply>(samples[7]) = good_call_reply();
  std::get<CallClearRequest>(samples[11]).call_id = kOther;
  std::get<CallDisconnectNotify>(samples[12]).call_id = kOther;
  for (const Row& row : rows) {
    std::string effects;
    for (const ControlMessage& sample : samples) {
      Side end = row.state == ControlState::ended ? end_in(row.role, ControlState::unconnected)
                                                  : end_in(row.role, row.state);
      if (row.state == ControlState::ended) {
        end.connection.closed(end.now);
        (void)end.ended();
      }
      end.say(sample);
      const bool output = !end.sent().empty();
      const bool moved = end.connection.state() != row.state;
      const bool over = end.connection.state() == ControlState::ended ||
                        (moved && end.connection.state() == ControlState::wait_stop_reply);
      effects += over && moved ? (output ? '!' : 'x') : moved ? '>' : output ? 'r' : '.';
      // Whatever happened, it ends in bounded time when the peer goes.
      end.connection.closed(end.now);
      CHECK(end.connection.finished());
    }
    CAPTURE(name(row.state));
    CAPTURE(row.role == Role::client);
    CHECK(effects == row.effects);
  }
}

TEST_CASE("control_connection/the peer's texts are escaped in the log") {
  Lines lines;
  ControlConfig config = config_of(Role::server);
  Side server(std::move(config), &lines);
  server.connection.connected(server.now);
  StartControlConnectionRequest request;
  request.host_name = FixedText<64>("evil\x1b[2J\n\"host\"");
  request.vendor_string = FixedText<64>("\xff\xfe");
  server.say(request);
  CHECK(lines.text.find("host=\"evil\\x1b[2J\\x0a\\x22host\\x22\" vendor=\"\\xff\\xfe\"") !=
        std::string::npos);
  CHECK(lines.text.find("control: wait_start -> wait_call\n") != std::string::npos);
  CHECK(lines.text.find("control: sent Start-Control-Connection-Reply result=1 error=0") !=
        std::string::npos);
  server.say_octets("001000021a2b3c4d0001000000000000");
  CHECK(lines.text.find("stepped over") != std::string::npos);
}

TEST_CASE("control_connection/a deadline call that is early changes nothing") {
  Side client = end_in(Role::client, ControlState::wait_start);
  const Deadline due = client.connection.next_deadline();
  REQUIRE(due);
  client.connection.on_deadline(*due - 1ns);
  CHECK_FALSE(client.cause());
  CHECK(client.connection.next_deadline() == due);
}

}  // namespace
}  // namespace pptp
