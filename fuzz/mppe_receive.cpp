// MPPE's receiver: any packets in any order, among them good ones of a peer that shares the key.
//
// The input is one octet of parameters, then steps. A step is one octet that says what to do and,
// for a packet, two that hold its length, then so many octets. Aborts when the receiver gives back
// a packet that has grown, or does not follow a peer's good packet though nothing bad came before.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>

#include "lib/bytes.h"
#include "lib/packet.h"
#include "mppe/cipher.h"

namespace pptp {
namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

/// A whole IPv4 packet without payload, behind its PPP protocol field.
constexpr std::uint8_t kPlain[] = {0x00, 0x21, 0x45, 0x00, 0x00, 0x14, 0x00, 0x00,
                                   0x00, 0x00, 0x40, 0x3b, 0x66, 0xad, 0x0a, 0x00,
                                   0x00, 0x01, 0x0a, 0x00, 0x00, 0x02};

MppeParameters parameters(std::uint8_t octet) {
  constexpr KeyBits kBits[] = {KeyBits::k40, KeyBits::k56, KeyBits::k128};
  return {.bits = kBits[octet % 3],
          .mode = (octet & 0x80) != 0 ? MppeMode::stateful : MppeMode::stateless};
}

class Session {
 public:
  explicit Session(MppeParameters parameters)
      : sealer_(MppeKey(kPlain), parameters), opener_(MppeKey(kPlain), parameters) {}

  /// The peer's next packet; `arrives` false: it is lost.
  void good(bool arrives) {
    Packet packet = pool_.acquire();
    require(packet.assign(kPlain));
    sealer_.seal(std::span(&packet, 1));
    if (!arrives) {
      undisturbed_ = false;
      return;
    }
    const bool accepted = open(packet);
    if (undisturbed_) require(accepted && equal(packet.bytes(), kPlain));
  }

  void any(Bytes octets) {
    Packet packet = pool_.acquire();
    if (!packet.assign(octets)) return;
    undisturbed_ = false;
    (void)open(packet);
  }

  void flush() { sealer_.flush(opener_.flush_rule()); }

 private:
  static bool equal(Bytes a, Bytes b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

  bool open(Packet& packet) {
    const std::size_t before = packet.size();
    const std::optional<Drop> drop = opener_.open(packet);
    require(packet.size() <= before);
    return !drop;
  }

  PacketPool pool_{1};
  MppeSealer sealer_;
  MppeOpener opener_;
  bool undisturbed_ = true;
};

}  // namespace
}  // namespace pptp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pptp;
  Reader input(Bytes(data, size));
  Session session(parameters(input.u8()));
  while (input.ok() && input.remaining() > 0) {
    const std::uint8_t step = input.u8();
    switch (step % 4) {
      case 0:
        session.good(true);
        break;
      case 1:
        for (unsigned lost = 0; lost <= step / 4U; ++lost)
          session.good(false);
        break;
      case 2:
        session.flush();
        break;
      default: {
        const std::uint16_t length = input.u16();
        session.any(input.take(std::min<std::size_t>(length, input.remaining())));
        break;
      }
    }
  }
  return 0;
}
