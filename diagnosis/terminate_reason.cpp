#include "diagnosis/terminate_reason.h"

#include <string>

#include "diagnosis/words.h"
#include "lib/bytes.h"

namespace pptp::diagnosis {
namespace {

std::optional<std::uint32_t> windows_error_of(std::string_view octets) {
  // A forum may have eaten some of the magic number's octets, which come first.
  constexpr std::size_t kMagic = 4;
  constexpr std::size_t kMarkAndNumber = 8;
  if (octets.size() >= kMarkAndNumber)
    return windows_error(std::string(kMagic, '\0') +
                         std::string(octets.substr(octets.size() - kMarkAndNumber)));
  if (octets.size() != 4) return std::nullopt;
  Reader reader(as_bytes(octets));
  const std::uint32_t number = reader.u32();
  // Windows' numbers about dialling; four octets of text would be far from them.
  constexpr std::uint32_t kFirst = 600;
  constexpr std::uint32_t kLast = 999;
  if (number < kFirst || number > kLast) return std::nullopt;
  return number;
}

/// pppd prints it with %v: ^X and M-X for what is not ASCII.
std::string undo_caret_notation(std::string_view text) {
  std::string octets;
  for (std::size_t at = 0; at < text.size(); ++at) {
    unsigned high = 0;
    if (text.substr(at).starts_with("M-") && at + 2 < text.size()) {
      high = 0x80;
      at += 2;
    }
    unsigned octet = static_cast<unsigned char>(text[at]);
    if (text[at] == '^' && at + 1 < text.size())
      octet = static_cast<unsigned char>(text[++at]) ^ 0x40U;
    octets += static_cast<char>(octet | high);
  }
  return octets;
}

std::string_view in_brackets(std::string_view line) {
  constexpr std::string_view kStart = "terminated by peer (";
  const std::size_t start = line.find(kStart);
  if (start == std::string_view::npos) return {};
  const std::string_view rest = line.substr(start + kStart.size());
  return rest.substr(0, rest.rfind(')'));
}

}  // namespace

TerminateReason terminate_reason(std::string_view line,
                                 const std::optional<PrintedPacket>& packet) {
  TerminateReason reason;
  if (packet && packet->code == PacketCode::terminate_request) {
    reason.text =
        packet->data.empty() ? packet->text : std::string(packet->data.begin(), packet->data.end());
    reason.windows_error = windows_error_of(reason.text);
    return reason;
  }
  const std::string_view printed = in_brackets(line);
  reason.windows_error = windows_error_of(undo_caret_notation(printed));
  reason.text = printed;
  return reason;
}

}  // namespace pptp::diagnosis
