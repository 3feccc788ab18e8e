#pragma once

#include <cstdint>

namespace pptp {

/// Which end of the call this is. PPTP's PNS is the client, its PAC the server; in authentication
/// the server is the authenticator.
enum class Role : std::uint8_t { client, server };

constexpr Role other(Role role) noexcept {
  return role == Role::client ? Role::server : Role::client;
}

}  // namespace pptp
