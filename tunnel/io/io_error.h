#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace pptp::io {

/// What kind of thing went wrong at the edge to the operating system: as fine as the program's exit
/// statuses and ids need it, no finer.
enum class IoFault : std::uint8_t {
  permission,       ///< a capability or a permission is missing
  tun_missing,      ///< there is no /dev/net/tun
  already_locked,   ///< another process runs this profile
  name_not_found,   ///< the resolver knows no such name
  name_no_answer,   ///< the resolver itself did not answer
  refused,          ///< TCP: reset in answer to our SYN
  timed_out,        ///< no answer in time
  net_unreachable,  ///< ENETUNREACH
  no_route,         ///< EHOSTUNREACH
  peer_closed,      ///< the stream ended, with or without a reset
  not_running,      ///< nobody listens on a control socket
  address_in_use,   ///< bind: somebody else has it
  program_ended,    ///< one that has to run for as long as we do
  bad_name,         ///< a profile name that cannot be a file name
  bad_message,      ///< a file or a message is not in the format it should have
  script_failed,    ///< a program of the user's, or of another package, did not do its work
  system,           ///< anything else; `error` says what
};

std::string_view name(IoFault fault) noexcept;

/// A failed request to the operating system. `what` says what could not be done, `hint` (may be
/// empty) what the user can do about it, both as they are to be shown.
struct IoError {
  IoFault fault = IoFault::system;
  int error = 0;  ///< errno, or 0 where none tells
  std::string what;
  std::string hint;

  /// `what`, a colon, and the text of `error`.
  std::string text() const;
};

template <class T>
using IoResult = std::expected<T, IoError>;

/// The fault that an errno of a socket or file operation means.
IoFault fault_of(int error) noexcept;

/// An error from an errno; `fault_of(error)` is its fault.
IoError io_error(int error, std::string what, std::string hint = {});

/// The same as what an expected holds.
std::unexpected<IoError> failure(int error, std::string what, std::string hint = {});
std::unexpected<IoError> failure(IoFault fault, std::string what, std::string hint = {});

}  // namespace pptp::io
