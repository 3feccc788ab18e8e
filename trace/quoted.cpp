#include "trace/quoted.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace pptp {

std::string quoted(Bytes text) {
  std::string out = "\"";
  for (const std::uint8_t octet : text) {
    const char c = static_cast<char>(octet);
    if (octet < 0x20 || octet > 0x7e) {
      switch (c) {
        case '\n':
          out += "\\n";
          break;
        case '\r':
          out += "\\r";
          break;
        case '\t':
          out += "\\t";
          break;
        default:
          fmt::format_to(std::back_inserter(out), "\\{:03o}", octet);
      }
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string octets_words(Bytes octets, std::size_t most) {
  std::string out;
  for (const std::uint8_t octet : octets.first(std::min(octets.size(), most)))
    fmt::format_to(std::back_inserter(out), " {:02x}", octet);
  if (octets.size() > most) out += " ...";
  return out;
}

}  // namespace pptp
