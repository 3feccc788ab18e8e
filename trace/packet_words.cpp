#include "trace/packet_words.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "auth/chap_packet.h"
#include "auth/eap_packet.h"
#include "auth/pap_packet.h"
#include "lib/coded_packet.h"
#include "trace/option_words.h"
#include "trace/packet_names.h"
#include "trace/quoted.h"

namespace pptp {
namespace {

constexpr std::size_t kHeader = CodedPacket::kHeaderSize;

/// One packet, read from its front while its words are written.
class Wording {
 public:
  Wording(PppProtocol protocol, Bytes packet, Secrets secrets)
      : protocol_(protocol), packet_(packet), in_(packet) {
    if (secrets == Secrets::hidden) secrets_ = secret_fields(protocol, packet);
  }

  std::string write() {
    const std::string_view protocol_name = name(protocol_);
    if (protocol_name.empty())
      return fmt::format("[proto=0x{:x}]{}", protocol_.value(), octets_words(packet_));
    const Result<CodedPacket> coded = parse_coded(packet_);
    if (!coded) return fmt::format("[{}]{}", protocol_name, all_octets());
    const std::uint8_t code = coded->code;
    packet_ = coded->whole;
    in_ = Reader(coded->data);
    const std::string_view code_name = name_of_code(protocol_, code).pppd;
    out_ = code_name.empty() ? fmt::format("[{} code=0x{:x}", protocol_name, code)
                             : fmt::format("[{} {}", protocol_name, code_name);
    say(" id=0x{:x}", coded->identifier.value());
    write_body(code);
    if (in_.remaining() > 0) out_ += octets(in_.rest());
    return out_ + "]";
  }

 private:
  template <class... Parts>
  void say(fmt::format_string<Parts...> format, Parts&&... parts) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Parts>(parts)...);
  }

  void write_body(std::uint8_t code) {
    switch (protocol_.value()) {
      case protocol::kPap.value():
        return write_pap(code);
      case protocol::kChap.value():
        return write_chap(code);
      case protocol::kEap.value():
        return write_eap(code);
      default:
        return write_configuration(code);
    }
  }

  void write_configuration(std::uint8_t code) {
    constexpr std::uint8_t kConfigureReject = 4;
    constexpr std::uint8_t kTerminateRequest = 5;
    constexpr std::uint8_t kTerminateAck = 6;
    constexpr std::uint8_t kEchoRequest = 9;
    constexpr std::uint8_t kTimeRemaining = 13;
    if (code >= 1 && code <= kConfigureReject) {
      out_ += option_words(protocol_, in_.rest());
    } else if (code == kTerminateRequest || code == kTerminateAck) {
      // A reason in words; Windows sends a magic number and its own number for it (interop
      // note 3.40).
      const Bytes reason = in_.rest();
      const bool text = !reason.empty() && reason[0] >= 0x20 && reason[0] < 0x7f;
      out_ += text ? " " + quoted(reason) : octets_words(reason);
    } else if (code >= kEchoRequest && code <= kTimeRemaining && in_.remaining() >= 4) {
      say(" magic=0x{:x}", in_.u32());
    }
  }

  void write_pap(std::uint8_t code) {
    if (PapCode(code) == PapCode::request) {
      const Bytes user = in_.take(in_.u8());
      const Bytes password = in_.take(in_.u8());
      if (!in_.ok()) return write_octets_from(kHeader);
      say(" user={} password={}", quoted(user),
          is_secret(password) ? "<hidden>" : quoted(password));
    } else if (in_.remaining() > 0) {
      const Bytes message = in_.take(in_.u8());
      if (!in_.ok()) return write_octets_from(kHeader);
      if (!message.empty()) say(" {}", quoted(message));
    }
  }

  void write_chap(std::uint8_t code) {
    if (ChapCode(code) == ChapCode::challenge || ChapCode(code) == ChapCode::response) {
      const Bytes value = in_.take(in_.u8());
      if (!in_.ok()) return write_octets_from(kHeader);
      say(" {}, name = {}", hex_words(value), quoted(in_.rest()));
    } else if (ChapCode(code) == ChapCode::success || ChapCode(code) == ChapCode::failure) {
      say(" {}", message(in_.rest()));
    }
  }

  void write_eap(std::uint8_t code) {
    using namespace eap_type;
    if (in_.remaining() == 0) return;
    const std::uint8_t type = in_.u8();
    if (type == kMsChapV2) return write_eap_mschapv2();
    const std::string_view type_name = name_of_eap_type(type);
    type_name.empty() ? say(" type=0x{:x}", type) : say(" {}", type_name);
    if (type == kIdentity || type == kNotification) {
      const bool named = type == kIdentity && EapCode(code) != EapCode::request;
      if (in_.remaining() > 0) say(" <{} {}>", named ? "Name" : "Message", quoted(in_.rest()));
    } else if (type == kNak && in_.remaining() > 0) {
      say(" <Suggested-type {:02X}>", in_.u8());
    }
  }

  /// draft-kamath-pppext-eap-mschapv2 2
  void write_eap_mschapv2() {
    out_ += " MSCHAPv2";
    const std::uint8_t number = in_.u8();
    const ChapCode operation{number};
    const std::string_view operation_name = name_of_code(protocol::kChap, number).pppd;
    operation_name.empty() ? say(" 0x{:x}", number) : say(" {}", operation_name);
    if (in_.remaining() < 3) return;  // the answer to a Success or a Failure
    in_.skip(3);
    if (operation <= ChapCode::response) {
      const Bytes value = in_.take(in_.u8());
      if (!in_.ok()) return write_octets_from(kHeader);
      say(" {}, <Name {}>", hex_words(value), quoted(in_.rest()));
    } else if (operation <= ChapCode::failure) {
      say(" <Message {}>", message(in_.rest()));
    }
  }

  /// What was to be a field is not there: all of it as octets.
  void write_octets_from(std::size_t offset) { in_ = Reader(packet_.subspan(offset)); }

  std::string hex_words(Bytes value) const {
    return is_secret(value) ? "<hidden>" : fmt::format("<{}>", hex(value));
  }

  /// A Success or Failure, of which a part may be secret.
  std::string message(Bytes text) const {
    const std::size_t begin = offset_of(text);
    for (const Field& secret : secrets_) {
      if (secret.length == 0 || secret.offset < begin) continue;
      const std::string before = quoted(text.first(secret.offset - begin));
      const std::string after = quoted(text.subspan(secret.offset - begin + secret.length));
      return before.substr(0, before.size() - 1) + "<hidden>" + after.substr(1);
    }
    return quoted(text);
  }

  std::string octets(Bytes rest) const {
    return !rest.empty() && is_secret(rest) ? " <hidden>" : octets_words(rest);
  }

  std::string all_octets() const { return secrets_.empty() ? octets_words(packet_) : " <hidden>"; }

  std::size_t offset_of(Bytes part) const {
    return part.empty() ? packet_.size() : static_cast<std::size_t>(part.data() - packet_.data());
  }

  bool is_secret(Bytes part) const {
    const std::size_t begin = offset_of(part);
    return std::ranges::any_of(secrets_, [&](const Field& secret) {
      return secret.offset < begin + part.size() && begin < secret.offset + secret.length;
    });
  }

  PppProtocol protocol_;
  Bytes packet_;
  Reader in_;
  std::vector<Field> secrets_;
  std::string out_;
};

}  // namespace

std::string packet_words(PppProtocol protocol, Bytes information, Secrets secrets) {
  return Wording(protocol, information, secrets).write();
}

}  // namespace pptp
