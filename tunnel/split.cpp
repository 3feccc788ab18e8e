#include "tunnel/split.h"

#include <algorithm>

#include "lib/ip_packet.h"
#include "tunnel/tcp_segment.h"

namespace pptp {

std::optional<Drop> Splitter::begin(Bytes octets) noexcept {
  rest_ = {};
  Reader reader(octets);
  const Result<VnetHeader> header = VnetHeader::parse(reader);
  const Bytes packet = reader.rest();
  if (!header || packet.empty()) return Drop::tun_malformed;
  const bool good = header->segments == VnetHeader::Segments::none
                        ? prepare_whole(*header, packet)
                        : prepare_segments(*header, packet);
  if (!good) return Drop::tun_malformed;
  if (headers_.size() + std::min(most_, packet.size() - headers_.size()) > Packet::kCapacity)
    return Drop::send_too_big;
  rest_ = packet.subspan(headers_.size());
  return std::nullopt;
}

bool Splitter::prepare_whole(const VnetHeader& header, Bytes packet) noexcept {
  headers_ = {};
  most_ = packet.size();
  sums_ = header.needs_checksum;
  sum_start_ = header.checksum_start;
  sum_at_ = sum_start_ + header.checksum_offset;
  return !sums_ || sum_at_ + 2 <= packet.size();
}

bool Splitter::prepare_segments(const VnetHeader& header, Bytes packet) noexcept {
  const bool ipv6 = header.segments == VnetHeader::Segments::tcp_ipv6;
  if (packet.size() != (ipv6 ? ipv6_length(packet) : ipv4_length(packet))) return false;
  const std::optional<std::size_t> tcp = tcp_offset(packet);
  if (!tcp) return false;
  const Bytes segment = packet.subspan(*tcp);
  const std::optional<std::size_t> size = tcp_header_size(segment);
  if (!size || *size == segment.size()) return false;
  if (header.needs_checksum) {
    if (header.checksum_start != *tcp || header.checksum_offset != kTcpChecksum) return false;
    // What the kernel has summed is right with a routing header as well. Its length goes out.
    pseudo_ = u16_at(segment, kTcpChecksum) +
              static_cast<std::uint16_t>(~static_cast<std::uint16_t>(segment.size()));
  } else {
    pseudo_ = tcp_pseudo_header_sum(ip_addresses(packet), 0);
  }
  tcp_ = *tcp;
  headers_ = packet.first(*tcp + *size);
  most_ = header.segment_size;
  taken_ = 0;
  sequence_ = u32_at(segment, kTcpSequence);
  return true;
}

std::size_t Splitter::next(PacketPool& pool, std::span<Packet> packets) noexcept {
  std::size_t count = 0;
  for (Packet& packet : packets) {
    if (done()) break;
    if (!packet.has_slot()) packet = pool.acquire();
    if (!packet.has_slot()) break;
    take_one(packet);
    ++count;
  }
  return count;
}

void Splitter::take_one(Packet& packet) noexcept {
  const Bytes payload = rest_.first(std::min(most_, rest_.size()));
  rest_ = rest_.subspan(payload.size());
  // By pointers: libstdc++ 12 copies spans octet by octet.
  std::uint8_t* const behind =
      std::copy_n(headers_.data(), headers_.size(), packet.refill().data());
  std::copy_n(payload.data(), payload.size(), behind);
  packet.truncate(headers_.size() + payload.size());
  const MutableBytes octets = packet.mutable_bytes();
  if (!headers_.empty()) {
    finish_segment(octets, done());
    ++taken_;
    sequence_ += static_cast<std::uint32_t>(payload.size());
  } else if (sums_) {
    // Zero stands for "none" in UDP (RFC 768), and for the same as all ones elsewhere.
    const std::uint16_t sum = internet_checksum(octets.subspan(sum_start_));
    put_u16(octets, sum_at_, sum == 0 ? 0xffff : sum);
  }
}

void Splitter::finish_segment(MutableBytes packet, bool last) const noexcept {
  if (packet[0] >> 4 == 6) {
    put_u16(packet, kIpv6PayloadLength, static_cast<std::uint16_t>(packet.size() - kIpv6Header));
  } else {
    const MutableBytes header = packet.first(static_cast<std::size_t>(packet[0] & 15) * 4);
    put_u16(header, kIpv4TotalLength, static_cast<std::uint16_t>(packet.size()));
    put_u16(header, kIpv4Identification,
            static_cast<std::uint16_t>(u16_at(header, kIpv4Identification) + taken_));
    put_u16(header, kIpv4HeaderChecksum, 0);
    put_u16(header, kIpv4HeaderChecksum, internet_checksum(header));
  }
  const MutableBytes segment = packet.subspan(tcp_);
  put_u32(segment, kTcpSequence, sequence_);
  // RFC 3168 6.1.2: CWR tells of one reduction of the window.
  if (taken_ != 0) segment[kTcpFlags] &= static_cast<std::uint8_t>(~kTcpCwr);
  if (!last) segment[kTcpFlags] &= static_cast<std::uint8_t>(~(kTcpFin | kTcpPsh));
  put_u16(segment, kTcpChecksum, 0);
  put_u16(segment, kTcpChecksum,
          internet_checksum(segment, pseudo_ + static_cast<std::uint32_t>(segment.size())));
}

}  // namespace pptp
