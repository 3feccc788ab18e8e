// MPPC, both ends: a receiver of any packets, and a sender of any packets with a receiver that must
// get them as they were.
//
// Steps: an octet that says what to do, two of length, and so many octets.
#include "mppe/mppc.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>

#include "lib/bytes.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

class Session {
 public:
  /// Whatever came; bit 4 says whether it is kept.
  void receive(std::uint8_t step, pptp::Bytes octets) {
    const auto expanded =
        any_.expand(octets, {.fresh = (step & 4) != 0, .at_front = (step & 8) != 0});
    if (!expanded) return;
    require(expanded->size() <= pptp::kMppcLongest);
    if ((step & 16) != 0) any_.accept();
  }

  void send(std::uint8_t step, pptp::Bytes octets) {
    if ((step & 4) != 0) {
      compressor_.flush();
      fresh_ = true;
    }
    const auto compressed = compressor_.compress(octets);
    if (!compressed) return;
    require(compressed->octets.size() < octets.size());
    const auto expanded = decompressor_.expand(compressed->octets,
                                               {.fresh = fresh_, .at_front = compressed->at_front});
    fresh_ = false;
    require(expanded && std::ranges::equal(*expanded, octets));
    decompressor_.accept();
  }

 private:
  pptp::MppcDecompressor any_;
  pptp::MppcCompressor compressor_;
  pptp::MppcDecompressor decompressor_;
  bool fresh_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pptp::Reader input(pptp::Bytes(data, size));
  Session session;
  while (input.ok() && input.remaining() > 0) {
    const std::uint8_t step = input.u8();
    const std::uint16_t length = input.u16();
    const pptp::Bytes octets = input.take(std::min<std::size_t>(length, input.remaining()));
    if ((step & 1) != 0) {
      session.send(step, octets);
    } else {
      session.receive(step, octets);
    }
  }
  return 0;
}
