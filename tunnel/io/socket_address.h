#pragma once

#include <bit>
#include <cstdint>
#include <netinet/in.h>
#include <sys/socket.h>

#include "lib/ipv4.h"

namespace pptp::io {

constexpr std::uint32_t network_order(std::uint32_t value) noexcept {
  return std::endian::native == std::endian::big ? value : __builtin_bswap32(value);
}

inline in_addr to_in_addr(Ipv4Address address) noexcept {
  return {network_order(address.value())};
}

inline Ipv4Address from_in_addr(in_addr address) noexcept {
  return Ipv4Address(network_order(address.s_addr));
}

inline sockaddr_in to_sockaddr(Ipv4Address address) noexcept {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_addr = to_in_addr(address);
  return out;
}

/// The sockets API takes every family's address through a pointer to its generic form.
inline const sockaddr* generic(const sockaddr_in& address) noexcept {
  const void* const plain = &address;
  return static_cast<const sockaddr*>(plain);
}

}  // namespace pptp::io
