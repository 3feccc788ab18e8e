// How a control connection ends, and what it does not let itself be made to do.
#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "tests/tunnel/control_fixture.h"

namespace pptp {
namespace {

using namespace std::chrono_literals;

struct Lines final : LogSink {
  std::string text;

  void line(LogLevel /*level*/, std::string_view line) noexcept override {
    text.append(line).append("\n");
  }
};

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

  // What is no Start-Control-Connection-Reply is no beginning, however well it is formed.
  for (const bool closes : {true, false}) {
    Side stranger = end_in(Role::client, ControlState::wait_start);
    stranger.say(EchoRequest{1});
    CHECK_FALSE(stranger.cause());
    (void)stranger.sent();
    if (closes) {
      stranger.connection.closed(stranger.now);
    } else {
      stranger.say_octets("000100011a2b3c4d");  // length 1
    }
    CHECK(stranger.cause() == Cause::not_pptp);
    CHECK(stranger.connection.finished());
  }

  Side babbler = end_in(Role::client, ControlState::wait_call);
  babbler.say_octets("000100011a2b3c4d");
  CHECK(babbler.cause() == Cause::not_pptp);

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

TEST_CASE("control_connection/TCP that ends with a call is a loss, before the reply a refusal") {
  for (const Role role : {Role::client, Role::server}) {
    for (const ControlState state : {ControlState::wait_call, ControlState::established}) {
      Side end = end_in(role, state);
      end.connection.closed(end.now);
      const bool refused = role == Role::client && state == ControlState::wait_call;
      CHECK(end.cause() == (refused ? Cause::call_rejected : Cause::control_lost));
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

TEST_CASE("control_connection/only a server that stops for reason 3 is shutting down") {
  for (const auto& [role, reason, cause] :
       {std::tuple{Role::client, kStopLocalShutdown, Cause::peer_shutting_down},
        std::tuple{Role::client, kStopNone, Cause::peer_cleared_call},
        std::tuple{Role::server, kStopLocalShutdown, Cause::peer_cleared_call}}) {
    Side end = end_in(role, ControlState::established);
    end.say(StopControlConnectionRequest{reason});
    CHECK(end.cause() == cause);
  }
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

TEST_CASE("control_connection/the log tells of states, and of what was stepped over") {
  Lines lines;
  ControlConfig config = config_of(Role::server);
  Side server(std::move(config), &lines);
  server.connection.connected(server.now);
  server.say(StartControlConnectionRequest{});
  CHECK(lines.text.find("control: wait_start -> wait_call\n") != std::string::npos);
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
