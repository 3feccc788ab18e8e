#pragma once

#include <string>
#include <vector>

#include "tunnel/control_message.h"

namespace pptp {

/// One message of each type, in the order of the types, with every field filled.
inline std::vector<ControlMessage> control_samples() {
  return {
      StartControlConnectionRequest{0x0100, 3, 3, 0, 0x6021, FixedText<64>("host"),
                                    FixedText<64>("vendor")},
      StartControlConnectionReply{0x0100, 1, 0, 2, 1, 7, 0x0102, FixedText<64>("server"),
                                  FixedText<64>("another vendor")},
      StopControlConnectionRequest{3},
      StopControlConnectionReply{1, 0},
      EchoRequest{0x1234'5678},
      EchoReply{0x1234'5678, 1, 0},
      OutgoingCallRequest{0x1001, 2, 2400, 10'000'000, 3, 3, 64, 1, 5, FixedText<64>("12345"),
                          FixedText<64>("sub")},
      OutgoingCallReply{0x2002, 0x1001, 1, 0, 9, 100'000'000, 32, 2, 4},
      IncomingCallRequest{0x2003, 4, 1, 5, 3, 4, FixedText<64>("123"), FixedText<64>("4567"),
                          FixedText<64>("sub")},
      IncomingCallReply{0x1004, 0x2003, 1, 0, 16, 3},
      IncomingCallConnected{0x1004, 64'000, 16, 3, 2},
      CallClearRequest{0x1001},
      CallDisconnectNotify{0x2002, 4, 0, 16, FixedText<128>("packets: 7")},
      WanErrorNotify{0x1001, 1, 2, 3, 4, 5, 6},
      SetLinkInfo{0x2002, 0xffff'ffff, 0x000a'0000},
  };
}

/// The octets of a message, one character each.
inline std::string octets_of(const ControlMessage& message) {
  std::vector<std::uint8_t> octets(length_of(type_of(message)));
  Writer writer(octets);
  write_control_message(message, writer);
  return writer.ok() ? std::string(as_text(writer.written())) : std::string();
}

}  // namespace pptp
