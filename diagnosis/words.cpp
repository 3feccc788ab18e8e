#include "diagnosis/words.h"

#include <array>
#include <span>

#include <fmt/core.h>

#include "lib/bytes.h"
#include "lib/text.h"

namespace pptp::diagnosis {
namespace {

struct Number {
  std::uint32_t number;
  std::string_view words;
};

// RFC 2637 2.2
constexpr Number kStartResults[] = {
    {2, "general error"},
    {3, "there is a control connection already"},
    {4, "not authorized"},
    {5, "protocol version not supported"},
};

// RFC 2637 2.8
constexpr Number kOutgoingResults[] = {
    {2, "general error"}, {3, "no carrier"}, {4, "busy"},
    {5, "no dial tone"},  {6, "time-out"},   {7, "do not accept"},
};

// RFC 2637 2.16
constexpr Number kGeneralErrors[] = {
    {1, "not connected"}, {2, "bad format"},  {3, "bad value"},
    {4, "no resource"},   {5, "bad call id"}, {6, "PAC error"},
};

constexpr Number kWindowsErrors[] = {
    {646, "the account may not log on at this time of day"},
    {647, "the account is disabled"},
    {648, "the password has expired"},
    {649, "the account has no permission to dial in"},
    {691, "wrong user name or password"},
    {709, "the password could not be changed"},
    {718, "it waited in vain for a valid answer"},
    {720, "no network protocol could be agreed on"},
    {721, "it got no answer"},
    {732, "the negotiation did not come to an end"},
    {733, "it has no network protocol in common with us"},
    {734, "the link was terminated"},
    {735, "the address that was asked for was rejected"},
    {737, "its own packets came back to it"},
    {741, "it cannot encrypt as is required"},
    {742, "it requires encryption that we did not agree to"},
};

std::string_view words_for(std::uint32_t number, std::span<const Number> numbers) {
  for (const Number& known : numbers) {
    if (known.number == number) return known.words;
  }
  return {};
}

std::string numbered(std::string_view what, std::uint32_t number, std::span<const Number> numbers) {
  const std::string_view words = words_for(number, numbers);
  if (words.empty()) return fmt::format("{} {}", what, number);
  return fmt::format("{} {} ({})", what, number, words);
}

std::string reply_words(std::uint32_t code, std::span<const Number> results) {
  std::string text = numbered("result", code >> 8, results);
  if ((code & 0xff) != 0) text += ", " + numbered("error", code & 0xff, kGeneralErrors);
  return text;
}

}  // namespace

std::string start_reply_words(std::uint32_t code) {
  return reply_words(code, kStartResults);
}

std::string outgoing_reply_words(std::uint32_t code) {
  return reply_words(code, kOutgoingResults);
}

std::string key_length_words(std::uint32_t ccp_bits) {
  // RFC 3078 2.1
  struct Bit {
    std::uint32_t bit;
    std::string_view length;
  };

  static constexpr Bit kBits[] = {{0x40, "128"}, {0x80, "56"}, {0x20, "40"}};
  std::string text;
  for (const Bit& bit : kBits) {
    if ((ccp_bits & bit.bit) == 0) continue;
    if (!text.empty()) text += " and ";
    text += bit.length;
  }
  return text.empty() ? "no key length" : text + " bits";
}

std::string mppe_words(std::uint32_t ccp_bits) {
  // RFC 3078 2.1: H, D and C.
  constexpr std::uint32_t kStateless = 0x0100'0000;
  constexpr std::uint32_t kObsolete = 0x10;
  constexpr std::uint32_t kMppc = 0x01;
  std::string text = key_length_words(ccp_bits);
  text += (ccp_bits & kStateless) != 0 ? ", stateless" : ", stateful";
  if ((ccp_bits & kMppc) != 0) text += ", MPPC";
  if ((ccp_bits & kObsolete) != 0) text += ", the obsolete bit";
  return text;
}

std::optional<std::uint32_t> windows_error(std::string_view terminate_data) {
  constexpr std::uint32_t kMark = 0x003c'cd74;
  Reader reader(as_bytes(terminate_data));
  reader.skip(4);
  const std::uint32_t mark = reader.u32();
  const std::uint32_t number = reader.u32();
  if (!reader.ok() || reader.remaining() != 0 || mark != kMark) return std::nullopt;
  return number;
}

std::string_view windows_error_words(std::uint32_t number) {
  return words_for(number, kWindowsErrors);
}

std::string escaped(std::string_view text) {
  return std::string(Text<1024>().add_escaped(text).view());
}

}  // namespace pptp::diagnosis
