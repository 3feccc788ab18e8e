#include "tests/vectors/pcap.h"

#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <stdexcept>
#include <tuple>

#include "lib/bytes.h"
#include "lib/ip_packet.h"

namespace pptp::test {
namespace {

[[noreturn]] void bad(const char* what) {
  throw std::runtime_error(std::string("capture: ") + what);
}

/// The file's own numbers are little endian.
std::uint32_t little32(Reader& reader) {
  const std::array<std::uint8_t, 4> octets = reader.array<4>();
  return octets[0] | std::uint32_t{octets[1]} << 8 | std::uint32_t{octets[2]} << 16 |
         std::uint32_t{octets[3]} << 24;
}

/// RFC 791 3.2: puts fragments together.
class Reassembly {
 public:
  std::optional<CapturedPacket> add(Bytes packet) {
    Reader reader(packet);
    const std::size_t header = static_cast<std::size_t>(reader.u8() & 15) * 4;
    reader.skip(3);
    const std::uint16_t identification = reader.u16();
    const std::uint16_t flags = reader.u16();
    reader.skip(1);
    CapturedPacket whole{ipv4_source(packet), ipv4_destination(packet), reader.u8(), {}, false};
    const Bytes payload = packet.subspan(header);
    constexpr std::uint16_t kMore = 0x2000;
    constexpr std::uint16_t kOffset = 0x1fff;
    if ((flags & (kMore | kOffset)) == 0) {
      whole.payload.assign(payload.begin(), payload.end());
      return whole;
    }
    const Key key{whole.source, whole.destination, whole.protocol, identification};
    Fragments& fragments = waiting_[key];
    fragments[static_cast<std::size_t>(flags & kOffset) * 8] = {{payload.begin(), payload.end()},
                                                                (flags & kMore) == 0};
    for (bool last = false; !last;) {
      const auto next = fragments.find(whole.payload.size());
      if (next == fragments.end()) return std::nullopt;
      whole.payload.insert(whole.payload.end(), next->second.octets.begin(),
                           next->second.octets.end());
      last = next->second.last;
    }
    waiting_.erase(key);
    whole.fragmented = true;
    return whole;
  }

 private:
  struct Fragment {
    std::vector<std::uint8_t> octets;
    bool last = false;
  };

  using Key = std::tuple<Ipv4Address, Ipv4Address, std::uint8_t, std::uint16_t>;
  using Fragments = std::map<std::size_t, Fragment>;

  std::map<Key, Fragments> waiting_;
};

}  // namespace

std::vector<CapturedPacket> read_pcap(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  const std::vector<char> content{std::istreambuf_iterator<char>(in), {}};
  Reader reader(as_bytes({content.data(), content.size()}));
  if (little32(reader) != 0xa1b2'c3d4) bad("not a classic pcap file");
  reader.skip(16);
  if (little32(reader) != 1) bad("not Ethernet");
  std::vector<CapturedPacket> packets;
  Reassembly reassembly;
  while (reader.remaining() > 0) {
    reader.skip(8);
    const std::uint32_t captured = little32(reader);
    if (little32(reader) != captured) bad("a frame was cut");
    Reader frame(reader.take(captured));
    if (!reader.ok()) bad("the file ends in a frame");
    frame.skip(12);
    if (frame.u16() != 0x0800) continue;
    const Bytes rest = frame.rest();
    const std::optional<std::size_t> length = ipv4_length(rest);
    if (!length) bad("no IPv4 packet");
    const std::size_t header = static_cast<std::size_t>(rest[0] & 15) * 4;
    if (internet_checksum(rest.first(header)) != 0) bad("a header checksum is wrong");
    if (auto whole = reassembly.add(rest.first(*length))) packets.push_back(std::move(*whole));
  }
  return packets;
}

}  // namespace pptp::test
