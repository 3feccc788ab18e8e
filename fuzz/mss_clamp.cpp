// The clamping of TCP's segment size, over any octets as a packet.
//
// The input is two octets of MTU, then the packet. Aborts when anything but the announced size and
// the checksum changes, when the size is raised, or when a right checksum does not stay right.
#include "tunnel/mss_clamp.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "lib/bytes.h"
#include "lib/ip_packet.h"

namespace pptp {
namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void check(Bytes input) {
  Reader reader(input);
  const std::uint16_t mtu = reader.u16();
  const Bytes before = reader.rest();
  std::vector<std::uint8_t> packet(before.begin(), before.end());
  const bool changed = clamp_mss(packet, mtu);
  if (!changed) return require(std::equal(before.begin(), before.end(), packet.begin()));

  std::size_t differences = 0;
  for (std::size_t i = 0; i < packet.size(); ++i)
    if (packet[i] != before[i]) ++differences;
  require(differences > 0 && differences <= 4);

  // The segment begins, in both protocols, at an even offset, so that the sum over the whole packet
  // shows what became of the segment's. All ones and zero are the same number.
  const auto sum = [](Bytes octets) { return internet_checksum(octets) % 0xffff; };
  require(sum(before) == sum(packet));

  // Nothing is left to do, and an MTU that has room for any segment would have changed nothing.
  require(!clamp_mss(packet, mtu));
  std::copy(before.begin(), before.end(), packet.begin());
  require(!clamp_mss(packet, 65'535 + 60));
}

}  // namespace
}  // namespace pptp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pptp::check(pptp::Bytes(data, size));
  return 0;
}
