#pragma once

// TCP/IP packets as hosts send them, and what a VjCompressor makes of them.

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "lib/bytes.h"
#include "lib/ip_packet.h"
#include "lib/narrow.h"
#include "lib/packet.h"
#include "ppp/vj.h"

namespace pptp::test {

/// One segment; its checksums are right.
struct Segment {
  std::uint16_t connection = 0;  ///< the source port is this and 4000
  std::uint16_t id = 0;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  std::uint8_t flags = tcp_flag::kAck;
  std::uint16_t window = 500;
  std::uint16_t urgent = 0;
  std::vector<std::uint8_t> options = {};  ///< of TCP, a multiple of four
  std::vector<std::uint8_t> data = {};

  std::vector<std::uint8_t> packet() const {
    const std::size_t tcp = 20 + options.size() + data.size();
    std::vector<std::uint8_t> octets(20 + tcp);
    Writer out{MutableBytes(octets)};
    out.u16(0x4500);
    out.u16(narrow<std::uint16_t>(octets.size()));
    out.u16(id);
    out.u16(0x4000);
    out.u16(0x4006);
    out.u16(0);
    out.u32(0x0a000001);
    out.u32(0x0a000002);
    out.patch_u16(10, internet_checksum(Bytes(octets).first(20)));
    out.u16(static_cast<std::uint16_t>(4'000 + connection));
    out.u16(80);
    out.u32(sequence);
    out.u32(acknowledgement);
    out.u8(static_cast<std::uint8_t>((20 + options.size()) / 4 << 4));
    out.u8(flags);
    out.u16(window);
    out.u16(0);
    out.u16(urgent);
    out.bytes(options);
    out.bytes(data);
    std::vector<std::uint8_t> summed(12 + tcp);
    Writer pseudo{MutableBytes(summed)};
    pseudo.bytes(Bytes(octets).subspan(12, 8));
    pseudo.u16(6);
    pseudo.u16(narrow<std::uint16_t>(tcp));
    pseudo.bytes(Bytes(octets).subspan(20));
    out.patch_u16(20 + 16, internet_checksum(summed));
    return octets;
  }
};

struct Sent {
  PppProtocol protocol;
  std::vector<std::uint8_t> octets;
};

/// The two ends, and a slot for the packet at hand.
class VjPair {
 public:
  explicit VjPair(VjParameters parameters = {})
      : compressor_(parameters), decompressor_(parameters) {}

  Sent compress(const std::vector<std::uint8_t>& packet) {
    Packet slot = slot_with(packet);
    const PppProtocol protocol = compressor_.compress(slot);
    return {protocol, {slot.bytes().begin(), slot.bytes().end()}};
  }

  /// What it becomes; nullopt, and `why`, when it is dropped.
  std::optional<std::vector<std::uint8_t>> decompress(const Sent& sent) {
    if (sent.protocol == protocol::kIp) return sent.octets;
    Packet slot = slot_with(sent.octets);
    why = decompressor_.decompress(sent.protocol, slot);
    if (why) return std::nullopt;
    return std::vector<std::uint8_t>(slot.bytes().begin(), slot.bytes().end());
  }

  std::optional<Drop> why;

 private:
  Packet slot_with(Bytes octets) {
    Packet slot = pool_.acquire();
    if (!slot.assign(octets)) throw std::runtime_error("no room");
    return slot;
  }

  PacketPool pool_{1};
  VjCompressor compressor_;
  VjDecompressor decompressor_;
};

}  // namespace pptp::test
