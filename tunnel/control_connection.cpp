#include "tunnel/control_connection.h"

#include <array>
#include <cassert>
#include <utility>

#include "lib/text.h"

namespace pptp {
namespace {

// What we say of ourselves; no peer is known to look at any of it.
constexpr std::uint16_t kFirmwareRevision = 1;
constexpr std::uint16_t kOneChannel = 1;
constexpr std::uint32_t kMinimumBps = 2'400;
constexpr std::uint32_t kMaximumBps = 1'000'000'000;

// Interop note 3.5.
constexpr std::string_view kOrckitName = "RELAY_PPP1";
constexpr std::string_view kOrckitVendor = "MS Win NT";
constexpr std::uint16_t kOrckitFirmware = 0x6021;
constexpr std::uint32_t kAccmAll = 0xffff'ffff;

/// What is done about a message.
enum class Reaction : std::uint8_t {
  ignore,
  out_of_order,  ///< this is no PPTP client: end
  start_request,
  start_again,
  start_reply,
  stop_request,
  stop_reply,
  echo_request,
  echo_reply,
  call_request,
  call_again,
  call_reply,
  refuse_incoming,
  call_cleared,
};

using enum Reaction;

// For each message type, in the RFC's order, the reaction in each state from wait_start on. RFC
// 2637 3.1 and 3.2 leave most combinations open: what can do no harm is ignored.
constexpr std::size_t kStates = 5;
using ReactionTable = std::array<std::array<Reaction, kStates>, kControlTypes>;

// clang-format off
constexpr ReactionTable kClient = {{
    //  wait_start    wait_call        established      wait_disconnect  wait_stop_reply
    {{ignore,       ignore,          ignore,          ignore,          ignore}},        // 1 SCCRQ
    {{start_reply,  ignore,          ignore,          ignore,          ignore}},        // 2 SCCRP
    {{stop_request, stop_request,    stop_request,    stop_request,    stop_request}},  // 3 StopRQ
    {{ignore,       ignore,          ignore,          ignore,          stop_reply}},    // 4 StopRP
    {{echo_request, echo_request,    echo_request,    echo_request,    echo_request}},  // 5
    {{ignore,       ignore,          echo_reply,      ignore,          ignore}},        // 6
    {{ignore,       ignore,          ignore,          ignore,          ignore}},        // 7 OCRQ
    {{ignore,       call_reply,      ignore,          ignore,          ignore}},        // 8 OCRP
    {{ignore,       refuse_incoming, refuse_incoming, ignore,          ignore}},        // 9 ICRQ
    {{ignore,       ignore,          ignore,          ignore,          ignore}},        // 10 ICRP
    {{ignore,       ignore,          ignore,          ignore,          ignore}},        // 11 ICCN
    {{ignore,       ignore,          call_cleared,    call_cleared,    ignore}},        // 12 Clear
    {{ignore,       call_cleared,    call_cleared,    call_cleared,    ignore}},        // 13 CDN
    {{ignore,       ignore,          ignore,          ignore,          ignore}},        // 14 WEN
    {{ignore,       ignore,          ignore,          ignore,          ignore}},        // 15 SLI
}};

constexpr ReactionTable kServer = {{
    //  wait_start     wait_call     established   (unused) wait_stop_reply
    {{start_request, start_again,  start_again,  ignore, ignore}},        // 1 SCCRQ
    {{out_of_order,  ignore,       ignore,       ignore, ignore}},        // 2 SCCRP
    {{stop_request,  stop_request, stop_request, ignore, stop_request}},  // 3 StopRQ
    {{out_of_order,  ignore,       ignore,       ignore, stop_reply}},    // 4 StopRP
    {{out_of_order,  echo_request, echo_request, ignore, echo_request}},  // 5
    {{out_of_order,  ignore,       echo_reply,   ignore, ignore}},        // 6
    {{out_of_order,  call_request, call_again,   ignore, ignore}},        // 7 OCRQ
    {{out_of_order,  ignore,       ignore,       ignore, ignore}},        // 8 OCRP
    {{out_of_order,  ignore,       ignore,       ignore, ignore}},        // 9 ICRQ
    {{out_of_order,  ignore,       ignore,       ignore, ignore}},        // 10 ICRP
    {{out_of_order,  ignore,       ignore,       ignore, ignore}},        // 11 ICCN
    {{out_of_order,  ignore,       call_cleared, ignore, ignore}},        // 12 Clear
    {{out_of_order,  ignore,       call_cleared, ignore, ignore}},        // 13 CDN
    {{out_of_order,  ignore,       ignore,       ignore, ignore}},        // 14 WEN
    {{out_of_order,  ignore,       ignore,       ignore, ignore}},        // 15 SLI
}};
// clang-format on

static_assert(std::to_underlying(ControlState::ended) -
                  std::to_underlying(ControlState::wait_start) ==
              kStates);

/// `state`: neither unconnected nor ended.
Reaction reaction_to(ControlType type, ControlState state, Role role) noexcept {
  const std::size_t row = std::to_underlying(type) - std::size_t{1};
  const std::size_t column = std::to_underlying(state) - std::size_t{1};
  return role == Role::client ? kClient[row][column] : kServer[row][column];
}

std::uint32_t code_of(std::uint8_t result, std::uint8_t error) noexcept {
  return std::uint32_t{result} << 8 | error;
}

}  // namespace

std::string_view name(ControlState state) noexcept {
  switch (state) {
    case ControlState::unconnected:
      return "unconnected";
    case ControlState::wait_start:
      return "wait_start";
    case ControlState::wait_call:
      return "wait_call";
    case ControlState::established:
      return "established";
    case ControlState::wait_disconnect:
      return "wait_disconnect";
    case ControlState::wait_stop_reply:
      return "wait_stop_reply";
    case ControlState::ended:
      return "ended";
  }
  return "unknown-state";
}

ControlConnection::ControlConnection(ControlConfig config, Log log)
    : config_(std::move(config)), log_(log) {
  assert(config_.call_id != CallId(0));
}

void ControlConnection::connected(TimePoint now) {
  if (state_ != ControlState::unconnected) return;
  enter(ControlState::wait_start);
  if (config_.role == Role::server) {
    deadlines_.set(Timer::step, now + config_.handshake_timeout);
    return;
  }
  deadlines_.set(Timer::step, now + config_.start_timeout);
  StartControlConnectionRequest request;
  request.framing_capabilities = kFramingEither;
  request.bearer_capabilities = kBearerEither;
  request.firmware_revision = kFirmwareRevision;
  request.host_name = FixedText<64>(config_.host_name);
  request.vendor_string = FixedText<64>(config_.vendor);
  if (config_.quirks.has(Quirk::bezeq_israel)) {
    request.firmware_revision = kOrckitFirmware;
    request.host_name = FixedText<64>(kOrckitName);
    request.vendor_string = FixedText<64>(kOrckitVendor);
  }
  send(request);
}

void ControlConnection::receive(TimePoint now, Bytes octets) {
  if (!octets.empty()) heard_octets_ = true;
  while (state_ != ControlState::unconnected && state_ != ControlState::ended) {
    const std::uint64_t skipped = stream_.skipped();
    const auto message = stream_.next(octets);
    if (stream_.skipped() != skipped) {
      log_.line(LogLevel::debug, "control: stepped over a message of unknown type");
    }
    if (!message) return;
    if (!*message) {
      malformed(message->error());
      return;
    }
    handle(now, **message);
  }
}

void ControlConnection::closed(TimePoint /*now*/) {
  output_.clear();
  // Nothing at all was said: what a server does that lets in only some addresses. Something was,
  // and not what everything begins with: it speaks another protocol.
  const bool silent = state_ == ControlState::wait_start && !heard_octets_;
  const bool strange = state_ == ControlState::wait_start;
  // A server that goes instead of answering: no call was up that could have been lost.
  const bool unanswered = config_.role == Role::client && state_ == ControlState::wait_call;
  end({silent       ? Cause::control_closed_at_once
       : strange    ? Cause::not_pptp
       : unanswered ? Cause::call_rejected
                    : Cause::control_lost,
       0,
       {}});
  finish();
}

void ControlConnection::close(TimePoint now) {
  end({Cause::closed_locally, 0, {}});
  const bool call = state_ == ControlState::established || state_ == ControlState::wait_call;
  if (!call) {
    // Before the start there is nothing to take down; during the taking down, its deadline decides.
    if (state_ == ControlState::unconnected || state_ == ControlState::wait_start) finish();
    return;
  }
  if (config_.role == Role::client) {
    // RFC 2637 3.2.4.2: in wait_reply as well.
    enter(ControlState::wait_disconnect);
    deadlines_.clear_all();
    deadlines_.set(Timer::step, now + config_.close_timeout / 2);
    send(CallClearRequest{config_.call_id.value()});
    return;
  }
  if (state_ == ControlState::established) {
    CallDisconnectNotify notify;
    notify.call_id = config_.call_id.value();
    notify.result = kDisconnectAdminShutdown;
    send(notify);
  }
  stop(now, kStopLocalShutdown);
}

void ControlConnection::on_deadline(TimePoint now) {
  while (const std::optional<Timer> timer = deadlines_.take_expired(now)) {
    switch (*timer) {
      case Timer::step:
        if (state_ == ControlState::wait_disconnect) {
          stop(now, kStopNone);
        } else {
          end({Cause::control_timeout, 0, {}});
          finish();
        }
        break;
      case Timer::echo:
        send_echo_request(now);
        break;
      case Timer::echo_reply:
        end({Cause::control_lost, 0, {}});
        finish();
        break;
      case Timer::count_:
        break;
    }
  }
}

std::optional<std::vector<std::uint8_t>> ControlConnection::poll_output() {
  if (output_.empty()) return std::nullopt;
  return std::exchange(output_, {});
}

std::optional<ControlEvent> ControlConnection::poll_event() {
  std::optional<ControlEvent> event;
  if (connected_event_) {
    event = connected_event_;
    connected_event_.reset();
  } else if (ended_event_) {
    event = std::move(ended_event_);
    ended_event_.reset();
  }
  return event;
}

void ControlConnection::handle(TimePoint now, const ControlMessage& message) {
  heard(now);
  switch (reaction_to(type_of(message), state_, config_.role)) {
    case Reaction::ignore:
      // Interop note 3.4: among these Set-Link-Info, whatever its ACCMs. There is no line whose
      // characters could be mapped.
      break;
    case Reaction::out_of_order:
      end({Cause::not_pptp, 0, {}});
      finish();
      break;
    case Reaction::start_request:
      start_requested(std::get<StartControlConnectionRequest>(message));
      break;
    case Reaction::start_again:
      send(start_reply(kStartAlreadyExists));
      break;
    case Reaction::start_reply:
      start_replied(now, std::get<StartControlConnectionReply>(message));
      break;
    case Reaction::stop_request:
      send(StopControlConnectionReply{kStopOk, 0});
      stop_requested(std::get<StopControlConnectionRequest>(message).reason);
      finish();
      break;
    case Reaction::stop_reply:
      finish();
      break;
    case Reaction::echo_request:
      send(EchoReply{std::get<EchoRequest>(message).identifier, kEchoOk, 0});
      break;
    case Reaction::echo_reply:
      // Whatever its identifier and result: somebody is there.
      deadlines_.clear(Timer::echo_reply);
      heard(now);
      break;
    case Reaction::call_request:
      call_requested(now, std::get<OutgoingCallRequest>(message));
      break;
    case Reaction::call_again:
      send(call_reply(std::get<OutgoingCallRequest>(message), kOutgoingDoNotAccept));
      break;
    case Reaction::call_reply:
      call_replied(now, std::get<OutgoingCallReply>(message));
      break;
    case Reaction::refuse_incoming: {
      IncomingCallReply reply;
      reply.peer_call_id = std::get<IncomingCallRequest>(message).call_id;
      reply.result = kIncomingDoNotAccept;
      send(reply);
      break;
    }
    case Reaction::call_cleared:
      call_cleared(now, message);
      break;
  }
}

void ControlConnection::start_requested(const StartControlConnectionRequest& request) {
  // RFC 2637 2.2: result 5 when the version is not supported.
  if (request.protocol_version != kProtocolVersion) {
    send(start_reply(kStartVersionNotSupported));
    end({Cause::start_rejected, code_of(kStartVersionNotSupported, 0), {}});
    finish();
    return;
  }
  enter(ControlState::wait_call);
  send(start_reply(kStartSuccessful));
}

void ControlConnection::start_replied(TimePoint now, const StartControlConnectionReply& reply) {
  // Interop note 3.1: some modems say 0 where they mean 1.
  const bool successful = reply.result == kStartSuccessful || reply.result == 0;
  if (!successful || reply.protocol_version < kProtocolVersion) {
    const std::uint32_t code =
        successful ? code_of(kStartVersionNotSupported, 0) : code_of(reply.result, reply.error);
    end({Cause::start_rejected, code, {}});
    finish();
    return;
  }
  enter(ControlState::wait_call);
  deadlines_.set(Timer::step, now + config_.call_timeout);
  ask_for_call();
}

void ControlConnection::ask_for_call() {
  OutgoingCallRequest request;
  request.call_id = config_.call_id.value();
  request.call_serial_number = request.call_id;
  request.minimum_bps = kMinimumBps;
  request.maximum_bps = kMaximumBps;
  request.bearer_type = kBearerEither;
  request.framing_type = kFramingEither;
  request.packet_receive_window = config_.receive_window;
  if (config_.quirks.has(Quirk::bezeq_israel)) {
    request.bearer_type = kBearerDigital;
    request.phone_number = FixedText<64>(kOrckitName);
    request.phone_number_length = static_cast<std::uint16_t>(kOrckitName.size());
  }
  send(request);
}

void ControlConnection::call_requested(TimePoint now, const OutgoingCallRequest& request) {
  if (!config_.accept_calls) {
    send(call_reply(request, kOutgoingDoNotAccept));
    end({Cause::call_rejected, code_of(kOutgoingDoNotAccept, 0), {}});
    stop(now, kStopNone);
    return;
  }
  send(call_reply(request, kOutgoingConnected));
  establish(now, PeerCallId(request.call_id), request.packet_receive_window);
}

void ControlConnection::call_replied(TimePoint now, const OutgoingCallReply& reply) {
  if (reply.peer_call_id != config_.call_id.value()) return;
  if (reply.result == kOutgoingConnected) {
    establish(now, PeerCallId(reply.call_id), reply.packet_receive_window);
    if (config_.quirks.has(Quirk::bezeq_israel)) {
      send(SetLinkInfo{reply.call_id, kAccmAll, kAccmAll});
    }
    return;
  }
  const bool busy = reply.result == kOutgoingBusy || reply.result == kOutgoingNoDialTone;
  end({busy ? Cause::call_busy : Cause::call_rejected, code_of(reply.result, reply.error), {}});
  stop(now, kStopNone);
}

/// `message`: Call-Clear-Request or Call-Disconnect-Notify.
void ControlConnection::call_cleared(TimePoint now, const ControlMessage& message) {
  End why{Cause::peer_cleared_call, 0, {}};
  if (const auto* const notify = std::get_if<CallDisconnectNotify>(&message)) {
    if (!names_our_call(notify->call_id)) return;
    why.code = notify->result;
    why.text = notify->call_statistics.view();
  } else {
    if (!names_our_call(std::get<CallClearRequest>(message).call_id)) return;
    // RFC 2637 2.12: the PAC answers with Call-Disconnect-Notify.
    if (config_.role == Role::server) {
      CallDisconnectNotify answer;
      answer.call_id = config_.call_id.value();
      answer.result = kDisconnectRequest;
      send(answer);
    }
  }
  end(std::move(why));
  stop(now, kStopNone);
}

/// RFC 2637 1.4 and 3: after a malformed message the connection is closed at once.
void ControlConnection::malformed(Error error) {
  if (log_) {
    Text<> line("control: malformed message: ");
    log_.line(LogLevel::warning, line.add(name(error)).view());
  }
  // Before there is a call there is none that could be lost.
  const bool no_call_yet = state_ == ControlState::wait_start || state_ == ControlState::wait_call;
  end({no_call_yet ? Cause::not_pptp : Cause::control_lost, 0, {}});
  finish();
}

void ControlConnection::establish(TimePoint now, PeerCallId peer, std::uint16_t peer_window) {
  if (state_ == ControlState::ended) return;
  peer_ = peer;
  deadlines_.clear_all();
  enter(ControlState::established);
  connected_event_ = CallConnected{peer, peer_window};
  heard(now);
}

/// A client that shuts down just hangs up; who calls a server wants to know that it is no more.
void ControlConnection::stop_requested(std::uint8_t reason) {
  const bool shuts_down = config_.role == Role::client && reason == kStopLocalShutdown;
  end({shuts_down ? Cause::peer_shutting_down : Cause::peer_cleared_call, reason, {}});
}

/// Stop-Control-Connection-Request, and half of close_timeout for the reply.
void ControlConnection::stop(TimePoint now, std::uint8_t reason) {
  send(StopControlConnectionRequest{reason});
  deadlines_.clear_all();
  if (state_ == ControlState::ended) return;
  deadlines_.set(Timer::step, now + config_.close_timeout / 2);
  enter(ControlState::wait_stop_reply);
}

/// The first End is the one that counts.
void ControlConnection::end(End why) {
  if (std::exchange(ended_, true)) return;
  ended_event_ = ControlEnded{std::move(why)};
}

void ControlConnection::finish() {
  deadlines_.clear_all();
  enter(ControlState::ended);
}

void ControlConnection::enter(ControlState state) {
  if (state_ == ControlState::ended || state_ == state) return;
  if (log_) {
    Text<> line("control: ");
    log_.line(LogLevel::debug, line.add(name(state_)).add(" -> ").add(name(state)).view());
  }
  state_ = state;
}

StartControlConnectionReply ControlConnection::start_reply(std::uint8_t result) const {
  StartControlConnectionReply reply;
  reply.result = result;
  reply.framing_capabilities = kFramingEither;
  reply.bearer_capabilities = kBearerEither;
  reply.maximum_channels = kOneChannel;
  reply.firmware_revision = kFirmwareRevision;
  reply.host_name = FixedText<64>(config_.host_name);
  reply.vendor_string = FixedText<64>(config_.vendor);
  return reply;
}

OutgoingCallReply ControlConnection::call_reply(const OutgoingCallRequest& request,
                                                std::uint8_t result) const {
  OutgoingCallReply reply;
  reply.peer_call_id = request.call_id;
  reply.result = result;
  if (result != kOutgoingConnected) return reply;
  reply.call_id = config_.call_id.value();
  reply.connect_speed = request.maximum_bps;
  reply.packet_receive_window = config_.receive_window;
  return reply;
}

void ControlConnection::send(const ControlMessage& message) {
  if (state_ == ControlState::ended) return;
  const std::size_t length = length_of(type_of(message));
  if (output_.size() + length > kMaxOutput) {
    log_.line(LogLevel::warning, "control: the peer does not read what we send");
    output_.clear();
    end({Cause::control_lost, 0, {}});
    finish();
    return;
  }
  const std::size_t before = output_.size();
  output_.resize(before + length);
  Writer writer(MutableBytes(output_).subspan(before));
  write_control_message(message, writer);
}

/// RFC 2637 3.1.4, interop note 3.25.
void ControlConnection::send_echo_request(TimePoint now) {
  deadlines_.set(Timer::echo_reply, now + config_.echo_timeout);
  send(EchoRequest{++echo_identifier_});
}

/// The next Echo-Request is due after a silence, counted from now.
void ControlConnection::heard(TimePoint now) {
  const bool quiet_matters = state_ == ControlState::established &&
                             config_.echo_interval > Duration::zero() &&
                             !deadlines_.armed(Timer::echo_reply);
  if (quiet_matters) deadlines_.set(Timer::echo, now + config_.echo_interval);
}

/// Interop note 3.3: RFC 2637 2.12 and 2.13 have the sender name its own id, some name the other's.
/// As long as the peer's is not known any id may be it: there is one call on this connection.
bool ControlConnection::names_our_call(std::uint16_t id) const noexcept {
  return !peer_ || id == peer_->value() || id == config_.call_id.value();
}

}  // namespace pptp
