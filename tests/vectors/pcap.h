#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/ipv4.h"

namespace pptp::test {

/// An IPv4 packet of a capture, put together where it came in fragments.
struct CapturedPacket {
  Ipv4Address source;
  Ipv4Address destination;
  std::uint8_t protocol = 0;
  std::vector<std::uint8_t> payload;
  bool fragmented = false;
};

/// The IPv4 packets of a classic pcap file of Ethernet frames, in order of arrival; a packet in
/// fragments stands where its last one came. Throws on anything that is not as it should be, down
/// to the header checksum.
std::vector<CapturedPacket> read_pcap(const std::string& file);

}  // namespace pptp::test
