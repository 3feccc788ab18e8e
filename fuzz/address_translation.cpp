// Address translation over any octets as packets.
//
// The input's first octet says how many octets of the rest go out; what is left comes in. Aborts
// when anything but addresses and checksums changes, or a right header checksum does not stay
// right.
#include "tunnel/address_translation.h"

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

void check(Bytes before, Bytes after) {
  std::size_t differences = 0;
  for (std::size_t i = 0; i < before.size(); ++i)
    if (before[i] != after[i]) ++differences;
  require(differences <= 8);  // one address, two checksums
  if (differences == 0) return;
  require(ipv4_length(before) == ipv4_length(after));
  const std::size_t header = static_cast<std::size_t>(before[0] & 15) * 4;
  const auto sum = [&](Bytes octets) { return internet_checksum(octets.first(header)) % 0xffff; };
  require(sum(before) == sum(after));
}

void run(Bytes input) {
  if (input.empty()) return;
  const std::size_t split = std::min<std::size_t>(input[0], input.size() - 1);
  const Bytes out = input.subspan(1, split);
  const Bytes in = input.subspan(1 + split);
  AddressTranslation translation;
  translation.set_current(Ipv4Address(10, 64, 64, 7));
  translation.set_current(Ipv4Address(192, 168, 77, 10));
  std::vector<std::uint8_t> packet(out.begin(), out.end());
  const bool may_leave = translation.outbound(packet);
  check(out, packet);
  require(may_leave || translation.drops().total() == 1);
  packet.assign(in.begin(), in.end());
  translation.inbound(packet);
  check(in, packet);
}

}  // namespace
}  // namespace pptp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pptp::run(pptp::Bytes(data, size));
  return 0;
}
