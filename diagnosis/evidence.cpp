#include "diagnosis/evidence.h"

#include <re2/re2.h>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "diagnosis/ppp_text.h"
#include "diagnosis/terminate_reason.h"
#include "diagnosis/words.h"

namespace pptp::diagnosis {
namespace {

constexpr std::size_t kLongest = 300;

std::string masked(std::string text) {
  // Passwords, and what they could be guessed from at leisure: digests and MS-CHAP's responses.
  static constexpr std::pair<const char*, const char*> kSecrets[] = {
      {R"re((?i)(password"? ?[:+]?[=:] ?)"(?:[^"\\]|\\.)*")re", R"re(\1"***")re"},
      {R"re((?i)(password ?[:+]?[=:] ?)'(?:[^'\\]|\\.)*')re", R"re(\1'***')re"},
      {R"re((?i)(password ?[:+]?= ?)[^"'<*\s][^\s,;]*)re", R"re(\1***)re"},
      // FreeRADIUS: keys, responses and hashes, and with log_auth_badpass what was typed.
      {R"re(\b0x[0-9a-fA-F]{16,})re", "0x..."},
      {R"re((Login (?:OK|incorrect)[^\[]*\[[^/\]]*/)[^<\]][^\]]*\])re", R"re(\1***])re"},
      {R"re((\bpassword ?[=:]? )[^"\s<][^\s]*( +# \(from))re", R"re(\1***\2)re"},
      {R"re((--password[ =])\S+)re", R"re(\1***)re"},
      {R"re(<[0-9a-fA-F]{16,}>)re", "<...>"},
      {R"re(([SC]=)[0-9A-Fa-f]{16,})re", R"re(\1...)re"},
  };
  for (const auto& [pattern, with] : kSecrets)
    RE2::GlobalReplace(&text, pattern, with);
  return text;
}

std::string refusal_words(std::uint32_t number, std::string_view text) {
  const std::string_view known = windows_error_words(number);
  std::string words =
      known.empty() ? fmt::format("error {}", number) : fmt::format("{}: {}", number, known);
  std::string again;
  std::string version;
  const re2::StringPiece piece(text.data(), text.size());
  if (RE2::PartialMatch(piece, R"(\bR=([01]))", &again))
    words += again == "1" ? "; another try is allowed" : "; no other try is allowed";
  if (RE2::PartialMatch(piece, R"(\bC=[0-9A-Fa-f.]+)")) words += "; with a new challenge";
  if (RE2::PartialMatch(piece, R"(\bV=(\d))", &version))
    words += version == "3" ? "; MS-CHAPv2 can change the password"
                            : "; MS-CHAPv1 can change the password";
  return words;
}

std::vector<std::string> notes_of(const LogLine& line, const Event* event) {
  std::vector<std::string> notes;
  std::uint32_t number = 0;
  if (event != nullptr && event->packet) {
    if (const PacketOption* mppe = event->packet->option("mppe")) {
      if (const auto bits = parse_mppe_bits(mppe->value)) notes.push_back(mppe_words(*bits));
    }
  } else if (std::string value;
             RE2::PartialMatch(line.text, R"(<mppe ([0-9a-f +\-HMSLDC]+)>?)", &value) ||
             RE2::PartialMatch(line.text, R"(((?:[+-][HMSLDC] ?){6}))", &value)) {
    if (const auto bits = parse_mppe_bits(value)) notes.push_back(mppe_words(*bits));
  }
  if (RE2::PartialMatch(line.text, R"(\bE=(\d{3})\b)", &number))
    notes.push_back(refusal_words(number, line.text));
  const TerminateReason reason =
      terminate_reason(line.text, event == nullptr ? std::nullopt : event->packet);
  if (reason.windows_error) {
    const std::string_view known = windows_error_words(*reason.windows_error);
    notes.push_back(*reason.windows_error == 0 ? std::string("Windows: without an error")
                    : known.empty()
                        ? fmt::format("Windows error {}", *reason.windows_error)
                        : fmt::format("Windows error {}: {}", *reason.windows_error, known));
  }
  return notes;
}

}  // namespace

std::string evidence_of(const LogLine& line, const Event* event) {
  std::string text = masked(line.text);
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  std::string shown;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet >= 0x20 && octet < 0x7f) {
      shown += c;
    } else {
      shown += fmt::format("\\x{:02x}", octet);
    }
  }
  std::string evidence = fmt::format("line {}: {}", line.number, shown);
  for (const std::string& note : notes_of(line, event))
    evidence += fmt::format(" ({})", note);
  return evidence;
}

}  // namespace pptp::diagnosis
