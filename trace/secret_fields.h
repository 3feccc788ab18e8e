#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/bytes.h"
#include "ppp/protocol.h"

namespace pptp {

/// Whether a log or a capture shows what a password can be guessed from.
enum class Secrets : std::uint8_t { hidden, shown };

/// Octets of a packet.
struct Field {
  std::size_t offset = 0;
  std::size_t length = 0;
};

/// Where in a PPP packet (without its protocol field) there is something that a password is, or can
/// be guessed from: PAP's password (RFC 1334 2.2.1), the Value of a CHAP Response (RFC 1994 4.1),
/// the 40 digits with which a server proves itself (RFC 2759 5), a new password (RFC 2759 7,
/// RFC 2433 8), and these in EAP. Challenges are none. Empty for any other packet; what cannot be
/// read is taken to be secret to its end.
std::vector<Field> secret_fields(PppProtocol protocol, Bytes information);

/// Puts zeros into them.
void blank_secrets(PppProtocol protocol, MutableBytes information);

}  // namespace pptp
