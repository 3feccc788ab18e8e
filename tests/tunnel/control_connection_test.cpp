#include "tunnel/control_connection.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "tests/tunnel/control_fixture.h"

namespace pptp {
namespace {

using namespace std::chrono_literals;

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

TEST_CASE("control_connection/what we are called is the same on every host, in both roles") {
  ControlConfig config = config_of(Role::client);
  config.host_name = ControlConfig().host_name;
  Side client(config);
  client.connection.connected(client.now);
  const auto request = client.sent();
  CHECK(std::get<StartControlConnectionRequest>(request.at(0)).host_name.view() == "pptpd-user");
  config.role = Role::server;
  Side server(config);
  server.connection.connected(server.now);
  server.say(request.at(0));
  const auto reply = server.sent();
  CHECK(std::get<StartControlConnectionReply>(reply.at(0)).host_name.view() == "pptpd-user");
  CHECK(std::get<StartControlConnectionReply>(reply.at(0)).vendor_string.view() == "pptpd-user");
}

TEST_CASE("interop/3.5 the quirk bezeq-israel calls as an Orckit modem wants it") {
  ControlConfig config = config_of(Role::client);
  config.quirks.add(Quirk::bezeq_israel);
  Side client(std::move(config));
  client.connection.connected(client.now);
  auto sent = client.sent();
  const auto& start = std::get<StartControlConnectionRequest>(sent.at(0));
  CHECK(start.host_name.view() == "RELAY_PPP1");
  CHECK(start.vendor_string.view() == "MS Win NT");
  CHECK(start.firmware_revision == 0x6021);
  client.say(good_start_reply());
  sent = client.sent();
  const auto& call = std::get<OutgoingCallRequest>(sent.at(0));
  CHECK(call.bearer_type == 2);
  CHECK(call.phone_number.view() == "RELAY_PPP1");
  CHECK(call.phone_number_length == 10);
  client.say(good_call_reply());
  sent = client.sent();
  REQUIRE(sent.size() == 1);
  CHECK(std::get<SetLinkInfo>(sent[0]) == SetLinkInfo{kOther, 0xffff'ffff, 0xffff'ffff});
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

}  // namespace
}  // namespace pptp
