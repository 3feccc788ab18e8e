#include "trace/control_words.h"

#include <iterator>
#include <variant>

#include <fmt/format.h>

#include "trace/quoted.h"

namespace pptp {

std::string control_words(const ControlMessage& message) {
  std::string line = fmt::format("[PPTP {}", name(type_of(message)));
  const auto say = [&line](std::string_view key, auto value) {
    fmt::format_to(std::back_inserter(line), " {}={}", key, value);
  };
  std::visit(
      [&](const auto& m) {
        if constexpr (requires { m.call_id; }) say("call-id", m.call_id);
        if constexpr (requires { m.peer_call_id; }) say("peer-call-id", m.peer_call_id);
        if constexpr (requires { m.identifier; }) say("id", m.identifier);
        if constexpr (requires { m.reason; }) say("reason", m.reason);
        if constexpr (requires { m.result; }) say("result", m.result);
        if constexpr (requires { m.error; }) say("error", m.error);
        if constexpr (requires { m.cause_code; }) say("cause", m.cause_code);
        if constexpr (requires { m.packet_receive_window; }) say("window", m.packet_receive_window);
        if constexpr (requires { m.host_name; }) {
          say("version", fmt::format("{}.{}", m.protocol_version >> 8, m.protocol_version & 0xff));
          say("host", quoted(as_bytes(m.host_name.view())));
          say("vendor", quoted(as_bytes(m.vendor_string.view())));
        }
        if constexpr (requires { m.send_accm; }) {
          say("send-accm", fmt::format("0x{:08x}", m.send_accm));
          say("receive-accm", fmt::format("0x{:08x}", m.receive_accm));
        }
      },
      message);
  return line + "]";
}

}  // namespace pptp
