// The cutting of what a TUN interface with offloads gives, over any octets as its header and
// packet.
//
// Aborts when a packet does not fit its slot, when payload is lost or invented, or when a segment
// has a wrong length or checksum.
#include "tunnel/split.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

#include "lib/ip_packet.h"
#include "tunnel/tcp_segment.h"

namespace pptp {
namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

/// Octets of both headers.
std::size_t headers_of(Bytes packet) {
  const std::size_t tcp = tcp_offset(packet).value();
  return tcp + tcp_header_size(packet.subspan(tcp)).value();
}

/// The packet's own length and header checksum are right.
void check_ip(Bytes packet) {
  const bool ipv6 = packet[0] >> 4 == 6;
  require(packet.size() == (ipv6 ? ipv6_length(packet) : ipv4_length(packet)));
  if (!ipv6) require(internet_checksum(packet.first(tcp_offset(packet).value())) == 0);
}

/// All of a segment but the pseudo-header, which may be anything: the same for each of them.
std::uint16_t sum_of(Bytes packet) {
  const Bytes segment = packet.subspan(tcp_offset(packet).value());
  const std::uint16_t sum = internet_checksum(segment, static_cast<std::uint32_t>(segment.size()));
  return static_cast<std::uint16_t>(sum % 0xffff);
}

void check(Bytes input) {
  Reader reader(input);
  const Result<VnetHeader> header = VnetHeader::parse(reader);
  const Bytes whole = reader.rest();
  Splitter splitter;
  if (splitter.begin(input)) return require(splitter.done());
  require(header.has_value());

  const bool cut = header->segments != VnetHeader::Segments::none;
  Bytes payload = cut ? whole.subspan(headers_of(whole)) : whole;
  std::optional<std::uint16_t> sum;
  PacketPool pool(3);
  while (!splitter.done()) {
    std::array<Packet, 4> packets;
    const std::size_t count = splitter.next(pool, packets);
    require(count > 0 && count <= pool.capacity());
    for (const Packet& packet : std::span(packets).first(count)) {
      require(packet.size() <= Packet::kCapacity && packet.headroom() == Packet::kHeadroom);
      if (!cut) return require(packet.size() == whole.size() && splitter.done());
      check_ip(packet.bytes());
      const Bytes segment = packet.bytes().subspan(headers_of(packet.bytes()));
      require(!segment.empty() && segment.size() <= header->segment_size);
      require(std::ranges::equal(segment, payload.first(segment.size())));
      payload = payload.subspan(segment.size());
      if (!sum) sum = sum_of(packet.bytes());
      require(sum == sum_of(packet.bytes()));
    }
  }
  require(payload.empty());
}

}  // namespace
}  // namespace pptp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pptp::check(pptp::Bytes(data, size));
  return 0;
}
