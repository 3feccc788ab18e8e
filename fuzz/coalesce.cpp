// The joining of received TCP segments, over any packets: each is a length of two octets and so
// many octets, as far as they go.
//
// Aborts when cutting what was joined does not give the packets that came in, each once.
#include "tunnel/coalesce.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "lib/ip_packet.h"
#include "tunnel/split.h"

namespace pptp {
namespace {

using Octets = std::vector<std::uint8_t>;

void require(bool condition) {
  if (!condition) std::abort();
}

/// RFC 6864: the identification of what may not be fragmented means nothing, so it is left out.
Octets without_free_identification(Bytes packet) {
  Octets octets(packet.begin(), packet.end());
  if (ipv4_length(packet) && (packet[6] & 0x40) != 0) {
    put_u16(octets, 4, 0);
    put_u16(octets, 10, 0);
  }
  return octets;
}

void split(const TunWrite& write, PacketPool& pool, std::vector<Octets>& out) {
  Octets octets(VnetHeader::kSize);
  Writer header(octets);
  write.header.write(header);
  for (const Bytes piece : write.pieces)
    octets.insert(octets.end(), piece.begin(), piece.end());
  Splitter splitter;
  require(!splitter.begin(octets));
  std::size_t pieces = 0;
  while (!splitter.done()) {
    std::array<Packet, 1> packet;
    require(splitter.next(pool, packet) == 1);
    out.push_back(without_free_identification(packet[0].bytes()));
    ++pieces;
  }
  require(pieces == write.pieces.size());
}

void check(Bytes input) {
  PacketPool pool(Coalescer::kBatch + 1);
  std::array<Packet, Coalescer::kBatch> packets;
  std::vector<Octets> before;
  Reader reader(input);
  while (reader.remaining() > 2 && before.size() < packets.size()) {
    const std::size_t size = reader.u16();
    const Bytes octets = reader.take(std::clamp<std::size_t>(size, 1, reader.remaining()));
    packets[before.size()] = pool.acquire();
    if (!packets[before.size()].assign(octets)) break;
    before.push_back(without_free_identification(octets));
  }
  Coalescer coalescer;
  std::vector<Octets> after;
  for (const TunWrite& write : coalescer.coalesce(std::span(packets).first(before.size())))
    split(write, pool, after);
  std::ranges::sort(before);
  std::ranges::sort(after);
  require(before == after);
}

}  // namespace
}  // namespace pptp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pptp::check(pptp::Bytes(data, size));
  return 0;
}
