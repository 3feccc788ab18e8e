#include "ppp/frame.h"

namespace pptp {
namespace {

// RFC 1662 3.1: All-Stations address and Unnumbered Information.
constexpr std::uint8_t kAddress = 0xff;
constexpr std::uint8_t kControl = 0x03;
constexpr std::size_t kAddressControlSize = 2;

// RFC 1661 2: the least significant bit of a protocol field's last octet is one, of the other zero.
constexpr bool is_last_octet(std::uint8_t octet) noexcept {
  return (octet & 1) != 0;
}

std::size_t protocol_size(PppProtocol protocol, Framing framing) noexcept {
  // RFC 1661 6.5: only protocols whose first octet is zero can be compressed, and LCP never is.
  return framing.pfc && protocol.value() <= 0xff ? 1 : 2;
}

void write_protocol(Writer& out, PppProtocol protocol, std::size_t octets) noexcept {
  if (octets == 1) {
    out.u8(static_cast<std::uint8_t>(protocol.value()));
  } else {
    out.u16(protocol.value());
  }
}

}  // namespace

Result<Frame> parse_frame(Bytes frame) noexcept {
  // Protocol 0x00ff does not exist, just so that this can be told from a compressed protocol field
  // (RFC 1661 6.5).
  if (frame.size() < kAddressControlSize || frame[0] != kAddress || frame[1] != kControl)
    return parse_inner_frame(frame);
  Result<Frame> parsed = parse_inner_frame(frame.subspan(kAddressControlSize));
  if (parsed) parsed->header += kAddressControlSize;
  return parsed;
}

Result<Frame> parse_inner_frame(Bytes frame) noexcept {
  Reader reader(frame);
  const std::uint8_t first = reader.u8();
  if (!reader.ok()) return std::unexpected(Error::truncated);
  // RFC 1661 6.5: 0x00ff is not a protocol.
  if (first == kAddress) return std::unexpected(Error::bad_value);
  // An odd first octet is a compressed field, so that 0x2145 is IP and the first octet of its
  // header, whatever the peer was told (interop note 3.14).
  if (is_last_octet(first)) return Frame{PppProtocol(first), reader.rest(), 1};
  const std::uint8_t second = reader.u8();
  if (!reader.ok()) return std::unexpected(Error::truncated);
  if (!is_last_octet(second)) return std::unexpected(Error::bad_value);
  const PppProtocol protocol(static_cast<std::uint16_t>(first << 8 | second));
  if (protocol.value() == kAddress) return std::unexpected(Error::bad_value);
  return Frame{protocol, reader.rest(), 2};
}

bool push_header(Packet& packet, PppProtocol protocol, Framing framing) noexcept {
  // RFC 1661 6.6: compressed address and control fields must not be used for LCP; and pppd takes
  // LCP for LCP only with them (interop note 3.18).
  const bool with_address = !framing.acfc || protocol == protocol::kLcp;
  const std::size_t octets = protocol_size(protocol, framing);
  const MutableBytes place = packet.push_front(octets + (with_address ? kAddressControlSize : 0));
  if (place.empty()) return false;
  Writer out(place);
  if (with_address) {
    out.u8(kAddress);
    out.u8(kControl);
  }
  write_protocol(out, protocol, octets);
  return true;
}

bool push_inner_header(Packet& packet, PppProtocol protocol, Framing framing) noexcept {
  const std::size_t octets = protocol_size(protocol, framing);
  const MutableBytes place = packet.push_front(octets);
  if (place.empty()) return false;
  Writer out(place);
  write_protocol(out, protocol, octets);
  return true;
}

}  // namespace pptp
