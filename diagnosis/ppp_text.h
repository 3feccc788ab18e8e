#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pptp::diagnosis {

// A packet as pppd's "debug" prints it, from 2.3 to 2.5, and as accel-ppp does:
//   sent [LCP ConfReq id=0x1 <asyncmap 0x0> <magic 0x5d4790f>]
//   rcvd [CCP ConfNak id=0x1 <mppe 1 0 0 40>]
//   recv [MSCHAP-v2 Response id=1 <...>, <...>, F=0, name="alice"]

enum class Direction : std::uint8_t { sent, received };

enum class PacketProtocol : std::uint8_t {
  lcp,
  ccp,
  ipcp,
  ipv6cp,
  pap,
  chap,
  eap,
  pptp,             ///< accel-ppp prints its control messages like this
  compressed_data,  ///< an enciphered packet that nobody deciphered
  number,           ///< one without a name, such as proto=0xbe1b
  other,
};

enum class PacketCode : std::uint8_t {
  configure_request,
  configure_ack,
  configure_nak,
  configure_reject,
  terminate_request,
  terminate_ack,
  code_reject,
  protocol_reject,
  echo_request,
  echo_reply,
  reset_request,
  reset_ack,
  challenge,
  response,
  request,
  success,
  failure,
  authenticate_request,
  authenticate_ack,
  authenticate_nak,
  other,
};

struct PacketOption {
  std::string name;
  std::string value;
};

/// Whether an "auth" option asks for MS-CHAP, as a name or as the number of its algorithm.
bool asks_for_mschap(const PacketOption& auth);

struct PrintedPacket {
  Direction direction = Direction::sent;
  PacketProtocol protocol = PacketProtocol::other;
  std::uint16_t number = 0;  ///< of `PacketProtocol::number`
  PacketCode code = PacketCode::other;
  std::string code_word;  ///< as it was printed
  std::optional<std::uint32_t> id;
  std::vector<PacketOption> options;
  std::string text;  ///< what stood in quotes, unescaped; the last where there are several
  std::vector<std::uint8_t> data;  ///< what was printed as octets
  std::string name;                ///< name = "...", user="..."

  /// The option of that name, null without one.
  const PacketOption* option(std::string_view option_name) const;
};

/// The packet that a line prints; a line that is cut off gives what is there.
std::optional<PrintedPacket> parse_packet(std::string_view message);

/// CCP's MPPE bits (RFC 3078 2.1) from "+H -M +S -L -D -C" or "1 0 0 40".
std::optional<std::uint32_t> parse_mppe_bits(std::string_view value);

}  // namespace pptp::diagnosis
