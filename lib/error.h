#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

namespace pptp {

/// Why a piece of input was not accepted. Small on purpose: the place that meets an Error knows the
/// context; an Error carries no text and allocates nothing.
enum class Error : std::uint8_t {
  truncated,      ///< ends before its own format says so
  bad_length,     ///< a length field contradicts the format or the bytes around it
  bad_value,      ///< a field holds a value that the format forbids
  bad_magic,      ///< RFC 2637 2: the magic cookie is wrong, so this is not PPTP
  unsupported,    ///< well formed, of a kind that is not handled
  no_space,       ///< the reply or the packet does not fit
  unexpected,     ///< well formed, but not now
  not_available,  ///< what was asked for does not exist here (a key for a method that makes none)
};

std::string_view name(Error error) noexcept;

template <class T>
using Result = std::expected<T, Error>;

}  // namespace pptp
