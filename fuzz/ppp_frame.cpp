// A frame of arbitrary octets is read, and what was read is written in all framings and read again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "lib/packet.h"
#include "ppp/frame.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(pptp::Bytes octets, bool inner) {
  using namespace pptp;
  const Result<Frame> frame = inner ? parse_inner_frame(octets) : parse_frame(octets);
  if (!frame) return;
  require(frame->header >= 1 && frame->header <= (inner ? 2U : 4U));
  require(frame->header + frame->information.size() == octets.size());
  require((frame->protocol.value() & 0x0101) == 1);
  (void)name(frame->protocol);

  if (frame->information.size() > Packet::kCapacity) return;
  PacketPool pool(1);
  Packet packet = pool.acquire();
  for (const Framing framing :
       {Framing{false, false}, Framing{false, true}, Framing{true, false}, Framing{true, true}}) {
    require(packet.assign(frame->information));
    require(inner ? push_inner_header(packet, frame->protocol, framing)
                  : push_header(packet, frame->protocol, framing));
    const auto again = inner ? parse_inner_frame(packet.bytes()) : parse_frame(packet.bytes());
    require(again && again->protocol == frame->protocol);
    require(std::ranges::equal(again->information, frame->information));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check({data, size}, false);
  check({data, size}, true);
  return 0;
}
