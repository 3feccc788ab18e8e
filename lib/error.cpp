#include "lib/error.h"

namespace pptp {

std::string_view name(Error error) noexcept {
  switch (error) {
    case Error::truncated:
      return "truncated";
    case Error::bad_length:
      return "bad length";
    case Error::bad_value:
      return "bad value";
    case Error::bad_magic:
      return "bad magic cookie";
    case Error::unsupported:
      return "unsupported";
    case Error::no_space:
      return "no space";
    case Error::unexpected:
      return "unexpected";
    case Error::not_available:
      return "not available";
  }
  return "unknown error";
}

}  // namespace pptp
