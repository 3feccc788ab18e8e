#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pptp::diagnosis {

// The numbers in what peers send, in words.

/// RFC 2637 2.2, 2.8: "result 2 (general error), error 4 (no resource)"; `code` is both numbers,
/// result << 8 | error.
std::string start_reply_words(std::uint32_t code);
std::string outgoing_reply_words(std::uint32_t code);

/// The key lengths among CCP's MPPE bits: "128 and 40 bits".
std::string key_length_words(std::uint32_t ccp_bits);

/// All of CCP's MPPE bits: "128 bits, stateless".
std::string mppe_words(std::uint32_t ccp_bits);

/// Windows ends a link with a Terminate-Request that holds one of its error numbers instead of
/// text: four octets of magic number, 00 3c cd 74, four octets of number.
std::optional<std::uint32_t> windows_error(std::string_view terminate_data);

/// What such a number means; empty for one that no link ends with.
std::string_view windows_error_words(std::uint32_t number);

/// What a peer said, fit to be shown: printable ASCII as it is, the rest as \xNN.
std::string escaped(std::string_view text);

}  // namespace pptp::diagnosis
