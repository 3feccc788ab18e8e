#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "lib/ip_packet.h"
#include "lib/narrow.h"
#include "mppe/cipher.h"
#include "tests/vectors/vectors.h"

namespace pptp::test {

using Octets = std::vector<std::uint8_t>;

/// The word that the vector files use: "40", "56", "128".
inline KeyBits key_bits(std::string_view word) {
  if (word == "40") return KeyBits::k40;
  if (word == "56") return KeyBits::k56;
  if (word == "128") return KeyBits::k128;
  throw std::runtime_error("no key length");
}

/// RFC 3079 3.5, server to client.
inline MppeKey example_start_key(KeyBits bits) {
  return MppeKey(Bytes(octets("8b7cdc149b993a1ba118cb153f56dccb")).first(key_octets(bits)));
}

/// The inside of an MPPE packet: an IPv4 packet of `size` octets, 20 at least, that can be told
/// from others by `number`.
inline Octets ipv4_inner(std::uint32_t number, std::size_t size = 100) {
  Octets octets(2 + size);
  Writer writer{MutableBytes(octets)};
  writer.u16(0x0021);
  writer.u16(0x4500);
  writer.u16(narrow<std::uint16_t>(size));
  writer.u32(number);  // identification and fragment offset
  writer.u16(0x4011);
  writer.u16(0);
  writer.u32(0xc0a84d01);
  writer.u32(0xc0a84d0a);
  const std::uint16_t checksum = internet_checksum(Bytes(octets).subspan(2, 20));
  writer.patch_u16(2 + 10, checksum);
  for (std::size_t i = 22; i < octets.size(); ++i)
    octets[i] = static_cast<std::uint8_t>(number + i);
  return octets;
}

/// The inside of an MPPE packet: TCP/IP with a compressed header, which is weakly plausible.
inline Octets vj_inner(std::uint32_t number) {
  Octets octets(2 + 40);
  Writer writer{MutableBytes(octets)};
  writer.u16(0x002d);
  writer.u16(0x0b00);
  writer.u32(number);
  return octets;
}

/// A sending and a receiving end with the same key, and the path between them in the hands of the
/// test.
class Path {
 public:
  Path(MppeParameters parameters)
      : pool_(1),
        sealer_(example_start_key(parameters.bits), parameters),
        opener_(example_start_key(parameters.bits), parameters) {}

  MppeSealer& sealer() { return sealer_; }

  MppeOpener& opener() { return opener_; }

  /// What goes out for `inner`, from the MPPE header on.
  Octets seal(const Octets& inner) {
    Packet packet = pool_.acquire();
    if (!packet.assign(inner)) throw std::runtime_error("no room");
    sealer_.seal(std::span(&packet, 1));
    return {packet.bytes().begin(), packet.bytes().end()};
  }

  /// The next packet, which carries ipv4_inner(its number, from 0 on).
  Octets next() { return seal(ipv4_inner(sent_++)); }

  /// Sends `count` packets that do not arrive.
  void lose(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i)
      (void)next();
  }

  /// The number of the packet that next() sent last.
  std::uint32_t number() const { return sent_ - 1; }

  /// Why a packet is dropped; what an accepted one carried is in opened().
  std::optional<Drop> open(const Octets& octets) {
    Packet packet = pool_.acquire();
    if (!packet.assign(octets)) throw std::runtime_error("no room");
    const std::optional<Drop> drop = opener_.open(packet);
    opened_.assign(packet.bytes().begin(), packet.bytes().end());
    return drop;
  }

  const Octets& opened() const { return opened_; }

  /// Sends the next packet, which arrives; whether it was accepted, as it was.
  bool pass() {
    const Octets sent = next();
    return !open(sent) && opened_ == ipv4_inner(number());
  }

  /// Passes packets until one is accepted, at most `limit`: how many that took, or limit + 1.
  std::uint32_t packets_until_accepted(std::uint32_t limit) {
    for (std::uint32_t i = 1; i <= limit; ++i) {
      if (pass()) return i;
    }
    return limit + 1;
  }

 private:
  PacketPool pool_;
  MppeSealer sealer_;
  MppeOpener opener_;
  std::uint32_t sent_ = 0;
  Octets opened_;
};

/// Numbers that look random and are the same in each run: xorshift.
class Dice {
 public:
  explicit Dice(std::uint32_t seed) : state_(seed | 1) {}

  std::uint32_t roll(std::uint32_t sides) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_ % sides;
  }

 private:
  std::uint32_t state_;
};

}  // namespace pptp::test
