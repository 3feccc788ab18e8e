#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "lib/bytes.h"
#include "lib/error.h"

// The control connection messages of RFC 2637 2, one struct each, in the RFC's order and words.
//
// A struct lists its fields once, in fields(): that list is how it is read, written and measured.
// Reserved fields are sent as zero and not looked at when received (some peers do not clear them).
//
// A call id is named from where the message is sent: `call_id` is the one that the sender gave to
// the call, `peer_call_id` the one that its receiver gave.

namespace pptp {

// RFC 2637 2: the first fields of every message.
inline constexpr std::size_t kControlHeader = 12;  ///< length, message type, cookie, control type
inline constexpr std::uint32_t kMagicCookie = 0x1a2b'3c4d;
/// Incoming-Call-Request, the longest of them.
inline constexpr std::size_t kMaxControlMessage = 220;

// RFC 2637 2.1
inline constexpr std::uint16_t kProtocolVersion = 0x0100;
inline constexpr std::uint32_t kFramingEither = 3;  ///< asynchronous 1, synchronous 2
inline constexpr std::uint32_t kBearerDigital = 2;
inline constexpr std::uint32_t kBearerEither = 3;  ///< analog 1, digital 2

// RFC 2637 2.2
inline constexpr std::uint8_t kStartSuccessful = 1;
inline constexpr std::uint8_t kStartAlreadyExists = 3;
inline constexpr std::uint8_t kStartVersionNotSupported = 5;

// RFC 2637 2.3, 2.4
inline constexpr std::uint8_t kStopNone = 1;  ///< reason: a general request to clear
inline constexpr std::uint8_t kStopLocalShutdown = 3;
inline constexpr std::uint8_t kStopOk = 1;

// RFC 2637 2.6
inline constexpr std::uint8_t kEchoOk = 1;

// RFC 2637 2.8
inline constexpr std::uint8_t kOutgoingConnected = 1;
inline constexpr std::uint8_t kOutgoingBusy = 4;
inline constexpr std::uint8_t kOutgoingNoDialTone = 5;
inline constexpr std::uint8_t kOutgoingDoNotAccept = 7;

// RFC 2637 2.10
inline constexpr std::uint8_t kIncomingDoNotAccept = 3;

// RFC 2637 2.13
inline constexpr std::uint8_t kDisconnectAdminShutdown = 3;
inline constexpr std::uint8_t kDisconnectRequest = 4;

enum class ControlType : std::uint8_t {
  start_control_connection_request = 1,
  start_control_connection_reply = 2,
  stop_control_connection_request = 3,
  stop_control_connection_reply = 4,
  echo_request = 5,
  echo_reply = 6,
  outgoing_call_request = 7,
  outgoing_call_reply = 8,
  incoming_call_request = 9,
  incoming_call_reply = 10,
  incoming_call_connected = 11,
  call_clear_request = 12,
  call_disconnect_notify = 13,
  wan_error_notify = 14,
  set_link_info = 15,
};

inline constexpr std::size_t kControlTypes = 15;

/// As the RFC writes it.
std::string_view name(ControlType type) noexcept;

/// A text field of fixed width, padded with zeros. What the peer put in is anything: escape it.
template <std::size_t N>
class FixedText {
 public:
  constexpr FixedText() noexcept = default;

  /// What does not fit is cut off.
  explicit constexpr FixedText(std::string_view text) noexcept {
    Writer(octets_).padded(text, octets_.size());
  }

  explicit constexpr FixedText(const std::array<std::uint8_t, N>& octets) noexcept
      : octets_(octets) {}

  /// Up to the first zero, or all of it.
  std::string_view view() const noexcept {
    const auto end = std::find(octets_.begin(), octets_.end(), std::uint8_t{0});
    return as_text(Bytes(octets_.begin(), end));
  }

  constexpr const std::array<std::uint8_t, N>& octets() const noexcept { return octets_; }

  constexpr bool operator==(const FixedText&) const noexcept = default;

 private:
  std::array<std::uint8_t, N> octets_{};
};

/// A field that RFC 2637 reserves.
struct ReservedOctets {
  std::size_t count;
};

inline constexpr ReservedOctets kReserved1{1};
inline constexpr ReservedOctets kReserved2{2};

/// RFC 2637 2.1
struct StartControlConnectionRequest {
  static constexpr ControlType kType = ControlType::start_control_connection_request;
  static constexpr std::uint16_t kLength = 156;

  std::uint16_t protocol_version = kProtocolVersion;
  std::uint32_t framing_capabilities = 0;
  std::uint32_t bearer_capabilities = 0;
  std::uint16_t maximum_channels = 0;
  std::uint16_t firmware_revision = 0;
  FixedText<64> host_name;
  FixedText<64> vendor_string;

  bool operator==(const StartControlConnectionRequest&) const = default;

  template <class Message, class Codec>
  static constexpr void fields(Message& m, Codec& codec) noexcept {
    codec(m.protocol_version, kReserved2, m.framing_capabilities, m.bearer_capabilities,
          m.maximum_channels, m.firmware_revision, m.host_name, m.vendor_string);
  }
};

/// RFC 2637 2.2
struct StartControlConnectionReply {
  static constexpr ControlType kType = ControlType::start_control_connection_reply;
  static constexpr std::uint16_t kLength = 156;

  std::uint16_t protocol_version = kProtocolVersion;
  std::uint8_t result = 0;
  std::uint8_t error = 0;
  std::uint32_t framing_capabilities = 0;
  std::uint32_t bearer_capabilities = 0;
  std::uint16_t maximum_channels = 0;
  std::uint16_t firmware_revision = 0;
  FixedText<64> host_name;
  FixedText<64> vendor_string;

  bool operator==(const StartControlConnectionReply&) const = default;

  template <class Message, class Codec>
  static constexpr void fields(Message& m, Codec& codec) noexcept {
    codec(m.protocol_version, m.result, m.error, m.framing_capabilities, m.bearer_capabilities,
          m.maximum_channels, m.firmware_revision, m.host_name, m.vendor_string);
  }
};

/// RFC 2637 2.3
struct StopControlConnectionRequest {
  static constexpr ControlType kType = ControlType::stop_control_connection_request;
  static constexpr std::uint16_t kLength = 16;

  std::uint8_t reason = 0;

  bool operator==(const StopControlConnectionRequest&) const = default;

  template <class Message, class Codec>
  static constexpr void fields(Message& m, Codec& codec) noexcept {
    codec(m.reason, kReserved1, kReserved2);
  }
};

/// RFC 2637 2.4
struct StopControlConnectionReply {
  static constexpr ControlType kType = ControlType::stop_control_connection_reply;
  static constexpr std::uint16_t kLength = 16;

  std::uint8_t result = 0;
  std::uint8_t error = 0;

  bool operator==(const StopControlConnectionReply&) const = default;

  template <class Message, class Codec>
  static constexpr void fields(Message& m, Codec& codec) noexcept {
    codec(m.result, m.error, kReserved2);
  }
};

/// RFC 2637 2.5
struct EchoRequest {
  static constexpr ControlType kType = ControlType::echo_request;
  static constexpr std::uint16_t kLength = 16;

  std::uint32_t identifier = 0;

  bool operator==(const EchoRequest&) const = default;

  template <class Message, class Codec>
  static constexpr void fields(Message& m, Codec& codec) noexcept {
    codec(m.identifier);
  }
};

/// RFC 2637 2.6
struct EchoReply {
  static constexpr ControlType kType = ControlType::echo_reply;
  static constexpr std::uint16_t kLength = 20;

  std::uint32_t identifier = 0;
  std::uint8_t result = 0;
  std::uint8_t error = 0;

  bool operator==(const EchoReply&) const = default;

  template <class Message, class Codec>
  static constexpr void fields(Message& m, Codec& codec) noexcept {
    codec(m.identifier, m.result, m.error, kReserved2);
  }
};

/// RFC 2637 2.7: from PNS to PAC.
struct OutgoingCallRequest {
  static constexpr ControlType kType = ControlType::outgoing_call_request;
  static constexpr std::uint16_t kLength = 168;

  std::uint16_t call_id = 0;
  std::uint16_t call_serial_number = 0;
  std::uint32_t minimum_bps = 0;
  std::uint32_t maximum_bps = 0;
  std::uint32_t bearer_type = 0;
  std::uint32_t framing_type = 0;
  std::uint16_t packet_receive_window = 0;
  std::uint16_t packet_processing_delay = 0;  ///< in tenths of a second
  std::uint16_t phone_number_length = 0;
  FixedText<64> phone_number;
  FixedText<64> subaddress;

  bool operator==(const OutgoingCallRequest&) const = default;

  template <class Message, class Codec>
  static constexpr void fields(Message& m, Codec& codec) noexcept {
    codec(m.call_id, m.call_serial_number, m.minimum_bps, m.maximum_bps, m.bearer_type,
          m.framing_type, m.packet_receive_window, m.packet_processing_delay, m.phone_number_length,
          kReserved2, m.phone_number, m.subaddress);
  }
};

/// RFC 2637 2.8: from PAC to PNS.
struct OutgoingCallReply {
  static constexpr ControlType kType = ControlType::outgoing_call_reply;
  static constexpr std::uint16_t kLength = 32;

  std::uint16_t call_id = 0;
  std::uint16_t peer_call_id = 0;
  std::uint8_t result = 0;
  std::uint8_t error = 0;
  std::uint16_t cause_code = 0;
  std::uint32_t connect_speed = 0;  ///< interop note 3.6: not to be relied on
  std::uint16_t packet_receive_window = 0;
  std::uint16_t packet_processing_delay = 0;
  std::uint32_t physical_channel_id = 0;

  bool operator==(const OutgoingCallReply&) const = default;

  template <class Message, class Codec>
  static constexpr void fields(Message& m, Codec& codec) noexcept {
    codec(m.call_id, m.peer_call_id, m.result, m.error, m.cause_code, m.connect_speed,
          m.packet_receive_window, m.packet_processing_delay, m.physical_channel_id);
  }
};

/// RFC 2637 2.9: from PAC to PNS.
struct IncomingCallRequest {
  static constexpr ControlType kType = ControlType::incoming_call_request;
  static constexpr std::uint16_t kLength = 220;

  std::uint16_t call_id = 0;
  std::uint16_t call_serial_number = 0;
  std::uint32_t call_bearer_type = 0;
  std::uint32_t physical_channel_id = 0;
  std::uint16_t dialed_number_length = 0;
  std::uint16_t dialing_number_length = 0;
  FixedText<64> dialed_number;
  FixedText<64> dialing_number;
  FixedText<64> subaddress;

  bool operator==(const IncomingCallRequest&) const = default;

  template <class Message, class Codec>
  static constexpr void fields(Message& m, Codec& codec) noexcept {
    codec(m.call_id, m.call_serial_number, m.call_bearer_type, m.physical_channel_id,
          m.dialed_number_length, m.dialing_number_length, m.dialed_number, m.dialing_number,
          m.subaddress);
  }
};

/// RFC 2637 2.10: from PNS to PAC.
struct IncomingCallReply {
  static constexpr ControlType kType = ControlType::incoming_call_reply;
  static constexpr std::uint16_t kLength = 24;

  std::uint16_t call_id = 0;
  std::uint16_t peer_call_id = 0;
  std::uint8_t result = 0;
  std::uint8_t error = 0;
  std::uint16_t packet_receive_window = 0;
  std::uint16_t packet_transmit_delay = 0;

  bool operator==(const IncomingCallReply&) const = default;

  template <class Message, class Codec>
  static constexpr void fields(Message& m, Codec& codec) noexcept {
    codec(m.call_id, m.peer_call_id, m.result, m.error, m.packet_receive_window,
          m.packet_transmit_delay, kReserved2);
  }
};

/// RFC 2637 2.11: from PAC to PNS.
struct IncomingCallConnected {
  static constexpr ControlType kType = ControlType::incoming_call_connected;
  static constexpr std::uint16_t kLength = 28;

  std::uint16_t peer_call_id = 0;
  std::uint32_t connect_speed = 0;
  std::uint16_t packet_receive_window = 0;
  std::uint16_t packet_transmit_delay = 0;
  std::uint32_t framing_type = 0;

  bool operator==(const IncomingCallConnected&) const = default;

  template <class Message, class Codec>
  static constexpr void fields(Message& m, Codec& codec) noexcept {
    codec(m.peer_call_id, kReserved2, m.connect_speed, m.packet_receive_window,
          m.packet_transmit_delay, m.framing_type);
  }
};

/// RFC 2637 2.12: from PNS to PAC.
struct CallClearRequest {
  static constexpr ControlType kType = ControlType::call_clear_request;
  static constexpr std::uint16_t kLength = 16;

  std::uint16_t call_id = 0;

  bool operator==(const CallClearRequest&) const = default;

  template <class Message, class Codec>
  static constexpr void fields(Message& m, Codec& codec) noexcept {
    codec(m.call_id, kReserved2);
  }
};

/// RFC 2637 2.13: from PAC to PNS.
struct CallDisconnectNotify {
  static constexpr ControlType kType = ControlType::call_disconnect_notify;
  static constexpr std::uint16_t kLength = 148;

  std::uint16_t call_id = 0;
  std::uint8_t result = 0;
  std::uint8_t error = 0;
  std::uint16_t cause_code = 0;
  FixedText<128> call_statistics;

  bool operator==(const CallDisconnectNotify&) const = default;

  template <class Message, class Codec>
  static constexpr void fields(Message& m, Codec& codec) noexcept {
    codec(m.call_id, m.result, m.error, m.cause_code, kReserved2, m.call_statistics);
  }
};

/// RFC 2637 2.14: from PAC to PNS.
struct WanErrorNotify {
  static constexpr ControlType kType = ControlType::wan_error_notify;
  static constexpr std::uint16_t kLength = 40;

  std::uint16_t peer_call_id = 0;
  std::uint32_t crc_errors = 0;
  std::uint32_t framing_errors = 0;
  std::uint32_t hardware_overruns = 0;
  std::uint32_t buffer_overruns = 0;
  std::uint32_t time_out_errors = 0;
  std::uint32_t alignment_errors = 0;

  bool operator==(const WanErrorNotify&) const = default;

  template <class Message, class Codec>
  static constexpr void fields(Message& m, Codec& codec) noexcept {
    codec(m.peer_call_id, kReserved2, m.crc_errors, m.framing_errors, m.hardware_overruns,
          m.buffer_overruns, m.time_out_errors, m.alignment_errors);
  }
};

/// RFC 2637 2.15: from PNS to PAC.
struct SetLinkInfo {
  static constexpr ControlType kType = ControlType::set_link_info;
  static constexpr std::uint16_t kLength = 24;

  std::uint16_t peer_call_id = 0;
  std::uint32_t send_accm = 0;
  std::uint32_t receive_accm = 0;

  bool operator==(const SetLinkInfo&) const = default;

  template <class Message, class Codec>
  static constexpr void fields(Message& m, Codec& codec) noexcept {
    codec(m.peer_call_id, kReserved2, m.send_accm, m.receive_accm);
  }
};

/// In the order of their types.
using ControlMessage =
    std::variant<StartControlConnectionRequest, StartControlConnectionReply,
                 StopControlConnectionRequest, StopControlConnectionReply, EchoRequest, EchoReply,
                 OutgoingCallRequest, OutgoingCallReply, IncomingCallRequest, IncomingCallReply,
                 IncomingCallConnected, CallClearRequest, CallDisconnectNotify, WanErrorNotify,
                 SetLinkInfo>;

ControlType type_of(const ControlMessage& message) noexcept;

/// The length that RFC 2637 gives to messages of this type.
std::uint16_t length_of(ControlType type) noexcept;

/// `message`: one whole message. truncated: shorter than a header; bad_magic; bad_length: the
/// declared length is not that of `message`, or not that of its type; unsupported: a type that RFC
/// 2637 does not have.
Result<ControlMessage> parse_control_message(Bytes message) noexcept;

/// Writes length_of() octets.
void write_control_message(const ControlMessage& message, Writer& writer) noexcept;

/// Cuts the octets of a TCP connection, however they were segmented, into messages.
///
/// A message whose declared length cannot be, or whose cookie is wrong, ends the stream: RFC 2637 2
/// and 3 have us close the connection and never look for the next cookie. It is found out as soon
/// as the fields in question are there, so nothing is ever waited for in vain.
///
/// DEVIATION: a message of an unknown type, sane otherwise, is stepped over instead of ending the
/// connection: RFC 2637 itself announces management messages to come, and its length is known.
class ControlStream {
 public:
  /// Takes octets off the front of `segment` until a message is whole; nullopt when the segment is
  /// used up before. An Error comes once; after it all input is swallowed.
  std::optional<Result<ControlMessage>> next(Bytes& segment) noexcept;

  /// Messages of unknown type that were stepped over.
  std::uint64_t skipped() const noexcept { return skipped_; }

 private:
  std::size_t wanted() const noexcept;
  Result<void> check() const noexcept;

  std::array<std::uint8_t, kMaxControlMessage> buffer_{};
  std::size_t size_ = 0;
  bool failed_ = false;
  std::uint64_t skipped_ = 0;
};

}  // namespace pptp
