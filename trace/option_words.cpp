#include "trace/option_words.h"

#include <array>
#include <iterator>

#include <fmt/format.h>

#include "lib/ipv4.h"
#include "trace/quoted.h"

namespace pptp {
namespace {

/// Appends the words for an option that it knows, and takes off `data` what they say.
using Wording = void (*)(std::uint8_t type, Reader& data, std::string& out);

template <class... Parts>
void say(std::string& out, fmt::format_string<Parts...> format, Parts&&... parts) {
  fmt::format_to(std::back_inserter(out), format, std::forward<Parts>(parts)...);
}

void say_authentication(Reader& data, std::string& out) {
  out += "auth ";
  const std::uint16_t protocol = data.u16();
  if (PppProtocol(protocol) == protocol::kPap) {
    out += "pap";
  } else if (PppProtocol(protocol) == protocol::kEap) {
    out += "eap";
  } else if (PppProtocol(protocol) == protocol::kChap) {
    out += "chap";
    if (data.remaining() == 0) return;
    // RFC 1994 3, RFC 2433 1, RFC 2759 1
    const std::uint8_t algorithm = data.u8();
    if (algorithm == 0x05)
      out += " MD5";
    else if (algorithm == 0x80)
      out += " MS";
    else if (algorithm == 0x81)
      out += " MS-v2";
    else
      say(out, " 0x{:x}", algorithm);
  } else {
    say(out, "0x{:x}", protocol);
  }
}

// RFC 1661 6, RFC 1570 2, RFC 1990 5, RFC 1662 7.1
void lcp_option(std::uint8_t type, Reader& data, std::string& out) {
  constexpr std::uint16_t kLinkQualityReport = 0xc025;
  constexpr std::uint8_t kCbcp = 6;
  const std::size_t length = data.remaining();
  if (type == 1 && length == 2) {
    say(out, "mru {}", data.u16());
  } else if (type == 2 && length == 4) {
    say(out, "asyncmap 0x{:x}", data.u32());
  } else if (type == 3 && length >= 2) {
    say_authentication(data, out);
  } else if (type == 4 && length >= 2) {
    const std::uint16_t protocol = data.u16();
    protocol == kLinkQualityReport ? void(out += "quality lqr")
                                   : say(out, "quality 0x{:x}", protocol);
  } else if (type == 5 && length == 4) {
    say(out, "magic 0x{:x}", data.u32());
  } else if (type == 7 && length == 0) {
    out += "pcomp";
  } else if (type == 8 && length == 0) {
    out += "accomp";
  } else if (type == 13 && length >= 1) {
    const std::uint8_t operation = data.u8();
    operation == kCbcp ? void(out += "callback CBCP") : say(out, "callback 0x{:x}", operation);
  } else if (type == 17 && length == 2) {
    say(out, "mrru {}", data.u16());
  } else if (type == 18 && length == 0) {
    out += "ssnhf";
  } else if (type == 19 && length >= 1) {
    static constexpr std::array<std::string_view, 6> kClasses = {"null", "local", "IP",
                                                                 "MAC",  "magic", "phone"};
    const std::uint8_t kind = data.u8();
    out += "endpoint [";
    kind < kClasses.size() ? void(out += kClasses[kind]) : say(out, "{}", kind);
    out += ':';
    while (data.remaining() > 0)
      say(out, "{:02x}", data.u8());
    out += ']';
  }
}

// RFC 3078 3, RFC 1977 3, RFC 1979 3, RFC 1978 3
void ccp_option(std::uint8_t type, Reader& data, std::string& out) {
  const std::size_t length = data.remaining();
  if (type == 18 && length == 4) {
    const std::uint32_t bits = data.u32();
    const auto sign = [bits](std::uint32_t bit) { return (bits & bit) != 0 ? '+' : '-'; };
    constexpr std::uint32_t kKnown = 0x0100'00f1;
    say(out, "mppe {}H {}M {}S {}L {}D {}C", sign(0x0100'0000), sign(0x80), sign(0x40), sign(0x20),
        sign(0x10), sign(0x01));
    if ((bits & ~kKnown) != 0) {
      say(out, " +U ({:02x} {:02x} {:02x} {:02x})", bits >> 24, bits >> 16 & 0xff, bits >> 8 & 0xff,
          bits & 0xff);
    }
  } else if ((type == 26 || type == 24) && length == 2) {
    const std::uint8_t window = data.u8();
    data.skip(1);
    say(out, "deflate{} {}", type == 24 ? "(old#)" : "", (window >> 4) + 8);
  } else if (type == 21 && length == 1) {
    const std::uint8_t parameter = data.u8();
    say(out, "bsd v{} {}", parameter >> 5, parameter & 0x1f);
  } else if (type <= 1 && length == 0) {
    say(out, "predictor {}", type + 1);
  }
}

// RFC 1332 3, RFC 1877 1
void ipcp_option(std::uint8_t type, Reader& data, std::string& out) {
  constexpr std::uint16_t kVanJacobson = 0x002d;
  const std::size_t length = data.remaining();
  const auto address = [&data] { return Ipv4Address(data.u32()).text(); };
  if (type == 1 && length == 8) {
    const std::string first = address();
    say(out, "addrs {} {}", first, address());
  } else if (type == 2 && length >= 2) {
    const std::uint16_t protocol = data.u16();
    protocol == kVanJacobson ? void(out += "compress VJ") : say(out, "compress 0x{:x}", protocol);
  } else if (type == 3 && length == 4) {
    say(out, "addr {}", address());
  } else if ((type == 129 || type == 131) && length == 4) {
    say(out, "ms-dns{} {}", type == 129 ? 1 : 2, address());
  } else if ((type == 130 || type == 132) && length == 4) {
    say(out, "ms-wins {}", address());
  }
}

// RFC 5072 4.1
void ipv6cp_option(std::uint8_t type, Reader& data, std::string& out) {
  if (type != 1 || data.remaining() != 8) return;
  out += "addr fe80::";
  for (int group = 0; group < 4; ++group)
    say(out, "{}{:04x}", group == 0 ? "" : ":", data.u16());
}

void no_option(std::uint8_t, Reader&, std::string&) {}

Wording wording_of(PppProtocol protocol) {
  switch (protocol.value()) {
    case protocol::kLcp.value():
      return lcp_option;
    case protocol::kCcp.value():
      return ccp_option;
    case protocol::kIpcp.value():
      return ipcp_option;
    case protocol::kIpv6cp.value():
      return ipv6cp_option;
    default:  // an open set
      return no_option;
  }
}

}  // namespace

std::string option_words(PppProtocol protocol, Bytes list) {
  const Wording wording = wording_of(protocol);
  std::string out;
  // RFC 1661 6: type, length of all of it, data.
  constexpr std::size_t kHead = 2;
  while (list.size() >= kHead && list[1] >= kHead && list[1] <= list.size()) {
    const Bytes option = list.first(list[1]);
    list = list.subspan(option.size());
    Reader data(option.subspan(kHead));
    std::string words;
    wording(option[0], data, words);
    // One that nobody knows begins with its type and length.
    const Bytes rest = words.empty() ? option : data.rest();
    std::string octets = octets_words(rest, rest.size());
    if (words.empty()) octets.erase(0, 1);
    out += " <" + words + octets + ">";
  }
  return out + octets_words(list);
}

}  // namespace pptp
