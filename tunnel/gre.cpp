#include "tunnel/gre.h"

#include <limits>

namespace pptp {
namespace {

// RFC 2637 4.1, first 16 bits: C R K S s Recur(3) A Flags(4) Ver(3).
constexpr std::uint16_t kKeyPresent = 0x2000;
constexpr std::uint16_t kSequencePresent = 0x1000;
constexpr std::uint16_t kAcknowledgementPresent = 0x0080;
constexpr std::uint16_t kVersionMask = 0x0007;
constexpr std::uint16_t kVersion = 1;
constexpr std::uint16_t kProtocolPpp = 0x880b;

// K must be one and C, R, s, Recur and Flags zero; S and A are free.
constexpr std::uint16_t kFreeBits = kSequencePresent | kAcknowledgementPresent;
constexpr std::uint16_t kFixedBits = kKeyPresent | kVersion;

constexpr std::size_t header_length(bool sequence, bool acknowledgement) noexcept {
  return 8U + (sequence ? 4U : 0U) + (acknowledgement ? 4U : 0U);
}

static_assert(header_length(true, true) == kMaxGreHeader);

}  // namespace

Result<ParsedGre> parse_gre(Bytes datagram) noexcept {
  Reader reader(datagram);
  const std::uint16_t flags = reader.u16();
  const std::uint16_t protocol = reader.u16();
  const std::uint16_t payload_length = reader.u16();
  ParsedGre parsed;
  parsed.call = CallId(reader.u16());
  if (!reader.ok()) return std::unexpected(Error::truncated);
  if ((flags & kVersionMask) != kVersion || protocol != kProtocolPpp) {
    return std::unexpected(Error::unsupported);
  }
  if ((flags & ~kFreeBits) != kFixedBits || (flags & kFreeBits) == 0) {
    return std::unexpected(Error::bad_value);
  }
  if ((flags & kSequencePresent) != 0) parsed.sequence = SeqNo(reader.u32());
  // Interop note 3.7b: without sequence number the acknowledgement stands in its place.
  if ((flags & kAcknowledgementPresent) != 0) parsed.acknowledgement = AckNo(reader.u32());
  if (!reader.ok()) return std::unexpected(Error::truncated);
  // RFC 2637 4.1: S is set exactly if there is a payload.
  if (payload_length > reader.remaining() || (!parsed.sequence && payload_length != 0)) {
    return std::unexpected(Error::bad_length);
  }
  // Interop note 3.7f: octets behind the payload are padding of some link on the way.
  parsed.payload = reader.take(payload_length);
  return parsed;
}

Result<ParsedGre> pop_gre_header(Packet& packet) noexcept {
  const Result<ParsedGre> parsed = parse_gre(packet.bytes());
  if (!parsed) return parsed;
  packet.pop_front(
      header_length(parsed->sequence.has_value(), parsed->acknowledgement.has_value()));
  packet.truncate(parsed->payload.size());
  return parsed;
}

bool push_gre_header(Packet& packet, PeerCallId call, std::optional<SeqNo> sequence,
                     std::optional<AckNo> acknowledgement) noexcept {
  static_assert(Packet::kSlotSize <= std::numeric_limits<std::uint16_t>::max());
  const auto payload_length = static_cast<std::uint16_t>(packet.size());
  if (!sequence && (payload_length != 0 || !acknowledgement)) return false;
  const MutableBytes place =
      packet.push_front(header_length(sequence.has_value(), acknowledgement.has_value()));
  if (place.empty()) return false;
  Writer writer(place);
  writer.u16(static_cast<std::uint16_t>(kFixedBits | (sequence ? kSequencePresent : 0) |
                                        (acknowledgement ? kAcknowledgementPresent : 0)));
  writer.u16(kProtocolPpp);
  writer.u16(payload_length);
  writer.u16(call.value());
  if (sequence) writer.u32(sequence->value());
  if (acknowledgement) writer.u32(acknowledgement->value());
  return true;
}

}  // namespace pptp
