#include "tunnel/io/io_error.h"

#include <cerrno>
#include <system_error>
#include <utility>

namespace pptp::io {

std::string_view name(IoFault fault) noexcept {
  switch (fault) {
    case IoFault::permission:
      return "permission";
    case IoFault::tun_missing:
      return "tun_missing";
    case IoFault::already_locked:
      return "already_locked";
    case IoFault::name_not_found:
      return "name_not_found";
    case IoFault::name_no_answer:
      return "name_no_answer";
    case IoFault::refused:
      return "refused";
    case IoFault::timed_out:
      return "timed_out";
    case IoFault::net_unreachable:
      return "net_unreachable";
    case IoFault::no_route:
      return "no_route";
    case IoFault::peer_closed:
      return "peer_closed";
    case IoFault::not_running:
      return "not_running";
    case IoFault::address_in_use:
      return "address_in_use";
    case IoFault::program_ended:
      return "program_ended";
    case IoFault::bad_name:
      return "bad_name";
    case IoFault::bad_message:
      return "bad_message";
    case IoFault::script_failed:
      return "script_failed";
    case IoFault::system:
      return "system";
  }
  return "?";
}

std::string IoError::text() const {
  if (error == 0) return what;
  return what + ": " + std::generic_category().message(error);
}

IoFault fault_of(int error) noexcept {
  switch (error) {
    case EPERM:
    case EACCES:
      return IoFault::permission;
    case ECONNREFUSED:
      return IoFault::refused;
    case ETIMEDOUT:
      return IoFault::timed_out;
    case ENETUNREACH:
    case ENETDOWN:
      return IoFault::net_unreachable;
    case EHOSTUNREACH:
    case EHOSTDOWN:
      return IoFault::no_route;
    case ECONNRESET:
    case EPIPE:
      return IoFault::peer_closed;
    case EADDRINUSE:
      return IoFault::address_in_use;
    default:
      return IoFault::system;
  }
}

IoError io_error(int error, std::string what, std::string hint) {
  return IoError{fault_of(error), error, std::move(what), std::move(hint)};
}

std::unexpected<IoError> failure(int error, std::string what, std::string hint) {
  return std::unexpected(io_error(error, std::move(what), std::move(hint)));
}

std::unexpected<IoError> failure(IoFault fault, std::string what, std::string hint) {
  return std::unexpected(IoError{fault, 0, std::move(what), std::move(hint)});
}

}  // namespace pptp::io
