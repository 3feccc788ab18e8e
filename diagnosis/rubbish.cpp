#include "diagnosis/rubbish.h"

namespace pptp::diagnosis {
namespace {

/// Numbers of control protocols that peers try as a matter of course; to reject one is no trouble.
bool is_known_protocol(std::uint32_t number) {
  switch (number) {
    case 0x0021:
    case 0x0057:
    case 0x00fd:
    case 0xc021:
    case 0xc023:
    case 0xc025:
    case 0xc029:
    case 0xc02b:
    case 0xc02d:
    case 0xc223:
    case 0xc227:
    case 0xc281:
      return true;
    default:
      // Network control protocols, RFC 1661 2, as far as they are assigned.
      return (number >= 0x8021 && number <= 0x8085) || number == 0x80fb || number == 0x80fd ||
             (number >= 0x8201 && number <= 0x8289) || number == 0x02d1;
  }
}

/// An IPv4 or IPv6 packet behind a protocol field of one octet, taken for one of two.
bool is_unnegotiated_pfc(std::uint32_t number) {
  return (number >= 0x2145 && number <= 0x214f) || (number >= 0x5760 && number <= 0x576f);
}

/// pppd's name for asynchronous framing where it expects none.
constexpr std::uint32_t kAsyncFraming = 0x7eff;

}  // namespace

void Rubbish::note(std::uint32_t number, bool received, std::optional<bool> soon) {
  if (is_unnegotiated_pfc(number)) {
    facts_.push_back(Fact::unnegotiated_pfc);
    return;
  }
  if (number == kAsyncFraming || is_known_protocol(number)) return;
  if (!soon) {
    facts_.push_back(received ? Fact::garbage_received : Fact::reject_stream);
    return;
  }
  begun_at_once_ |= *soon;
  if (begun_at_once_) {
    facts_.push_back(received ? Fact::garbage_at_once : Fact::reject_at_once);
  } else {
    facts_.push_back(received ? Fact::garbage_later : Fact::reject_later);
  }
}

}  // namespace pptp::diagnosis
