#pragma once

#include <string>

#include "lib/bytes.h"
#include "ppp/protocol.h"
#include "trace/secret_fields.h"

namespace pptp {

/// A PPP packet that is not data as pppd's option `debug` prints it, so that it can be held against
/// any log there is: `[LCP ConfReq id=0x1 <mru 1400> <magic 0x12345678>]`. ASCII, one line; what
/// is malformed, and a protocol without a name (`[proto=0x8207]`), is shown as octets. Of a secret
/// there stands <hidden>.
std::string packet_words(PppProtocol protocol, Bytes information, Secrets secrets);

}  // namespace pptp
