// TCP/IP header compression, both ends: the receiver with any packets, and a sender of any packets
// with a receiver that must get them as they were.
//
// The first octet is the parameters: bit 0 the slot may be left out, then Max-Slot-Id. Steps
// follow: an octet that says what to do, an octet of length, and so many octets.
#include "ppp/vj.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "lib/bytes.h"
#include "lib/ip_packet.h"
#include "lib/packet.h"

namespace pptp {
namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

class Session {
 public:
  explicit Session(VjParameters parameters)
      : receiver_(parameters), compressor_(parameters), decompressor_(parameters) {}

  /// Whatever came.
  void receive(PppProtocol protocol, Bytes octets) {
    Packet packet = pool_.acquire();
    require(packet.assign(octets));
    if (!receiver_.decompress(protocol, packet)) require(is_whole_ipv4(packet.bytes()));
  }

  /// A packet to send; its checksums need not be right.
  void send(Bytes octets) {
    if (!is_whole_ipv4(octets)) return;
    Packet packet = pool_.acquire();
    require(packet.assign(octets));
    const PppProtocol protocol = compressor_.compress(packet);
    require(packet.size() <= octets.size());
    if (protocol == protocol::kIp) return require(std::ranges::equal(packet.bytes(), octets));
    // One whose TCP checksum is wrong goes no further, and puts the two out of step.
    in_step_ = !decompressor_.decompress(protocol, packet) && in_step_;
    if (!in_step_) return;
    // The checksum of the IP header is made anew.
    constexpr std::size_t kChecksum = 10;
    require(packet.size() == octets.size());
    for (std::size_t i = 0; i < octets.size(); ++i) {
      require(packet.bytes()[i] == octets[i] || i == kChecksum || i == kChecksum + 1);
    }
  }

 private:
  PacketPool pool_{1};
  VjDecompressor receiver_;
  VjCompressor compressor_;
  VjDecompressor decompressor_;
  bool in_step_ = true;
};

}  // namespace
}  // namespace pptp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pptp;
  Reader input(Bytes(data, size));
  const std::uint8_t first = input.u8();
  Session session(
      {.max_slot = static_cast<std::uint8_t>(first >> 1), .implicit_slot = (first & 1) != 0});
  while (input.ok() && input.remaining() > 0) {
    const std::uint8_t step = input.u8();
    const std::size_t length = std::min<std::size_t>(input.u8(), input.remaining());
    const Bytes octets = input.take(length);
    if (step % 3 == 0) session.receive(protocol::kVjCompressed, octets);
    if (step % 3 == 1) session.receive(protocol::kVjUncompressed, octets);
    if (step % 3 == 2) session.send(octets);
  }
  return 0;
}
