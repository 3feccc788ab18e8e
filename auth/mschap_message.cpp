#include "auth/mschap_message.h"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace pptp {
namespace {

constexpr std::size_t kReservedSize = 8;
constexpr std::size_t kLmResponseSize = 24;

/// Exactly N octets as hexadecimal digits of either case and nothing else.
template <std::size_t N>
std::optional<std::array<std::uint8_t, N>> octets_from_digits(std::string_view digits) {
  if (digits.size() != 2 * N) return std::nullopt;
  const Result<std::string> octets = from_hex(digits);
  // from_hex() skips separators: with one among 2 N characters there are fewer octets.
  if (!octets || octets->size() != N) return std::nullopt;
  std::array<std::uint8_t, N> out{};
  std::ranges::copy(as_bytes(*octets), out.begin());
  return out;
}

/// RFC 2759 5: the digits A to F are in upper case.
std::string upper_hex(Bytes octets) {
  std::string digits = hex(octets);
  for (char& digit : digits) {
    if (digit >= 'a') digit = static_cast<char>(digit - 'a' + 'A');
  }
  return digits;
}

bool is_hex_digit(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

std::optional<std::uint32_t> number(std::string_view digits) noexcept {
  std::uint32_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stopped, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return value;
}

/// Takes the characters before the first blank, and the blank, off the front.
std::string_view take_word(std::string_view& text) noexcept {
  const std::size_t blank = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, blank);
  text.remove_prefix(std::min(blank + 1, text.size()));
  return word;
}

}  // namespace

Result<MsChapV1Response> parse_mschapv1_response(Bytes value) noexcept {
  if (value.size() != MsChapV1Response::kSize) return std::unexpected(Error::bad_length);
  Reader in(value);
  in.skip(kLmResponseSize);
  MsChapV1Response response;
  response.nt_response = in.array<24>();
  response.use_nt = in.u8() == 1;
  return response;
}

std::array<std::uint8_t, MsChapV1Response::kSize> build(const MsChapV1Response& response) noexcept {
  std::array<std::uint8_t, MsChapV1Response::kSize> value;
  Writer out(value);
  out.zeros(kLmResponseSize);
  out.bytes(response.nt_response);
  out.u8(response.use_nt ? 1 : 0);
  return value;
}

Result<MsChapV2Response> parse_mschapv2_response(Bytes value) noexcept {
  if (value.size() != MsChapV2Response::kSize) return std::unexpected(Error::bad_length);
  Reader in(value);
  MsChapV2Response response;
  response.peer_challenge.octets = in.array<16>();
  in.skip(kReservedSize);
  response.nt_response = in.array<24>();
  response.flags = in.u8();
  return response;
}

std::array<std::uint8_t, MsChapV2Response::kSize> build(const MsChapV2Response& response) noexcept {
  std::array<std::uint8_t, MsChapV2Response::kSize> value;
  Writer out(value);
  out.bytes(response.peer_challenge.octets);
  out.zeros(kReservedSize);
  out.bytes(response.nt_response);
  out.u8(response.flags);
  return value;
}

Result<MsChapV2Success> parse_mschapv2_success(std::string_view message) {
  constexpr std::size_t kDigits = 40;
  if (!message.starts_with("S=")) return std::unexpected(Error::bad_value);
  message.remove_prefix(2);
  const auto response = octets_from_digits<kDigits / 2>(message.substr(0, kDigits));
  if (!response) return std::unexpected(Error::bad_value);
  message.remove_prefix(kDigits);
  if (!message.empty() && is_hex_digit(message.front())) return std::unexpected(Error::bad_value);

  MsChapV2Success success{*response, std::nullopt};
  if (message.starts_with(' ')) message.remove_prefix(1);
  if (message.starts_with("M=")) {
    success.text = message.substr(2);
  } else if (!message.empty()) {
    success.text = message;
  }
  return success;
}

std::string build(const MsChapV2Success& success) {
  std::string message = "S=" + upper_hex(success.authenticator_response);
  if (success.text) message.append(" M=").append(*success.text);
  return message;
}

MsChapFailure parse_mschap_failure(std::string_view message) {
  MsChapFailure failure;
  bool any_key = false;
  for (std::string_view rest = message; !rest.empty();) {
    if (rest.starts_with("M=")) {
      failure.text = rest.substr(2);
      return failure;
    }
    const std::string_view word = take_word(rest);
    const std::string_view key = word.substr(0, 2);
    const std::string_view value = word.substr(key.size());
    if (key == "E=") {
      failure.code = number(value).value_or(failure.code);
    } else if (key == "R=") {
      failure.retry_allowed = value == "1";
    } else if (key == "C=") {
      if (const auto octets = octets_from_digits<16>(value)) failure.challenge.emplace(*octets);
      if (const auto octets = octets_from_digits<8>(value)) failure.version1_challenge = octets;
    } else if (key == "V=") {
      failure.version = number(value).value_or(failure.version);
    } else {
      continue;
    }
    any_key = true;
  }
  if (!any_key) failure.text = message;
  return failure;
}

std::string build(const MsChapFailure& failure) {
  std::string message = "E=" + std::to_string(failure.code);
  message.append(failure.retry_allowed ? " R=1" : " R=0");
  if (failure.challenge) message.append(" C=").append(upper_hex(failure.challenge->octets));
  if (failure.version1_challenge) {
    message.append(" C=").append(upper_hex(*failure.version1_challenge));
  }
  message.append(" V=").append(std::to_string(failure.version));
  message.append(" M=").append(failure.text);
  return message;
}

}  // namespace pptp
