#include "tunnel/coalesce.h"

#include <algorithm>

#include "lib/ip_packet.h"
#include "tunnel/tcp_segment.h"

namespace pptp {
namespace {

constexpr std::size_t kMaxTotal = 65'535;

bool equal_between(Bytes a, Bytes b, std::size_t begin, std::size_t end) noexcept {
  return std::equal(a.data() + begin, a.data() + end, b.data() + begin);
}

std::uint8_t flags_of(Bytes packet, std::size_t tcp) noexcept {
  return packet[tcp + kTcpFlags];
}

/// Whether nothing but length, identification, sequence, checksums, PSH and FIN tells two headers
/// apart.
bool same_headers(Bytes a, Bytes b, std::size_t tcp, std::size_t headers) noexcept {
  const bool same_ip = a[0] >> 4 == 6
                           ? equal_between(a, b, 0, kIpv6PayloadLength) &&
                                 equal_between(a, b, kIpv6PayloadLength + 2, tcp)
                           : equal_between(a, b, 0, kIpv4TotalLength) &&
                                 equal_between(a, b, kIpv4Fragment, kIpv4HeaderChecksum) &&
                                 equal_between(a, b, kIpv4HeaderChecksum + 2, tcp);
  return same_ip && equal_between(a, b, tcp, tcp + kTcpSequence) &&
         equal_between(a, b, tcp + kTcpAcknowledgement, tcp + kTcpFlags) &&
         equal_between(a, b, tcp + kTcpWindow, tcp + kTcpChecksum) &&
         equal_between(a, b, tcp + kTcpUrgentPointer, headers);
}

/// RFC 791 and RFC 6864: what may be fragmented needs an identification of its own, and Splitter
/// counts them up from the first one's.
bool identification_follows(Bytes first, Bytes packet, std::size_t distance) noexcept {
  if (first[0] >> 4 == 6 || (u16_at(first, kIpv4Fragment) & kIpv4DontFragment) != 0) return true;
  return u16_at(packet, kIpv4Identification) ==
         static_cast<std::uint16_t>(u16_at(first, kIpv4Identification) + distance);
}

}  // namespace

/// A packet that can be part of a run.
struct Coalescer::Segment {
  std::uint8_t index = 0;
  Bytes packet;
  std::size_t tcp = 0;
  std::size_t headers = 0;

  std::size_t payload() const noexcept { return packet.size() - headers; }

  std::uint32_t sequence() const noexcept { return u32_at(packet, tcp + kTcpSequence); }

  /// The sender has no more for now, which the receiver should not have to wait to hear.
  bool ends_run() const noexcept { return (flags_of(packet, tcp) & (kTcpPsh | kTcpFin)) != 0; }

  /// `tcp`: where the segment in `packet` begins.
  static std::optional<Segment> of(std::uint8_t index, Bytes packet, std::size_t tcp) noexcept {
    const bool ipv6 = packet[0] >> 4 == 6;
    // No IPv4 options and no IPv6 extension.
    if (tcp != (ipv6 ? kIpv6Header : kIpv4Header)) return std::nullopt;
    if (packet.size() != ip_length(packet)) return std::nullopt;
    const Bytes segment = packet.subspan(tcp);
    const std::optional<std::size_t> header = tcp_header_size(segment);
    if (!header || *header == segment.size()) return std::nullopt;
    // The four bits beside the header's length are flags as well, or will be.
    if ((segment[kTcpDataOffset] & 15) != 0) return std::nullopt;
    if ((segment[kTcpFlags] & ~(kTcpPsh | kTcpFin)) != kTcpAck) return std::nullopt;
    if (!ipv6 && internet_checksum(packet.first(tcp)) != 0) return std::nullopt;
    if (internet_checksum(segment, tcp_pseudo_header_sum(ip_addresses(packet), segment.size())) !=
        0)
      return std::nullopt;
    return Segment{.index = index, .packet = packet, .tcp = tcp, .headers = tcp + *header};
  }
};

std::span<const TunWrite> Coalescer::coalesce(std::span<Packet> packets) noexcept {
  packets_ = packets.first(std::min(packets.size(), kBatch));
  run_count_ = 0;
  open_count_ = 0;
  for (std::size_t i = 0; i < packets_.size(); ++i)
    place(static_cast<std::uint8_t>(i));

  std::size_t laid = 0;
  for (std::size_t i = 0; i < run_count_; ++i) {
    const std::size_t begin = laid;
    std::uint8_t index = runs_[i].first;
    pieces_[laid++] = packets_[index].bytes();
    for (std::size_t left = runs_[i].count; left > 1; --left) {
      index = behind_[index];
      pieces_[laid++] = packets_[index].bytes().subspan(runs_[i].headers);
    }
    writes_[i] = finish(runs_[i], std::span(pieces_).subspan(begin, laid - begin));
  }
  return std::span(writes_).first(run_count_);
}

/// Puts a packet behind those of its flow, or makes it the first of a run, perhaps of one alone.
void Coalescer::place(std::uint8_t index) noexcept {
  const Bytes packet = packets_[index].bytes();
  const std::optional<std::size_t> tcp = tcp_offset(packet);
  const bool has_ports = tcp && packet.size() - *tcp >= kTcpHeader;
  const std::optional<Segment> segment =
      has_ports ? Segment::of(index, packet, *tcp) : std::nullopt;
  const std::size_t flow = has_ports ? find_flow(packet, *tcp) : open_count_;
  if (flow != open_count_) {
    if (segment && append(flow, *segment)) return;
    close(flow);
  }
  Run& run = runs_[run_count_];
  run = Run{.first = index, .last = index};
  if (segment) {
    run.tcp = segment->tcp;
    run.headers = segment->headers;
    run.segment = segment->payload();
    run.total = packet.size();
    run.sequence = segment->sequence() + static_cast<std::uint32_t>(segment->payload());
    if (!segment->ends_run()) open(static_cast<std::uint8_t>(run_count_));
  }
  ++run_count_;
}

/// The place in open_ of the run with the same addresses and ports; open_count_: there is none.
std::size_t Coalescer::find_flow(Bytes packet, std::size_t tcp) const noexcept {
  const auto is_same = [&](std::uint8_t index) {
    const Bytes first = packets_[runs_[index].first].bytes();
    const std::size_t its_tcp = runs_[index].tcp;
    return std::ranges::equal(ip_addresses(packet), ip_addresses(first)) &&
           std::ranges::equal(packet.subspan(tcp, kTcpSequence),
                              first.subspan(its_tcp, kTcpSequence));
  };
  const auto open = std::span(open_).first(open_count_);
  return static_cast<std::size_t>(std::ranges::find_if(open, is_same) - open.begin());
}

bool Coalescer::append(std::size_t flow, const Segment& segment) noexcept {
  Run& run = runs_[open_[flow]];
  const Bytes first = packets_[run.first].bytes();
  if (segment.headers != run.headers || segment.payload() > run.segment ||
      segment.sequence() != run.sequence || run.total + segment.payload() > kMaxTotal ||
      !same_headers(first, segment.packet, run.tcp, run.headers) ||
      !identification_follows(first, segment.packet, run.count)) {
    return false;
  }
  behind_[run.last] = segment.index;
  run.last = segment.index;
  ++run.count;
  run.total += segment.payload();
  run.sequence += static_cast<std::uint32_t>(segment.payload());
  if (segment.ends_run() || segment.payload() < run.segment) close(flow);
  return true;
}

void Coalescer::open(std::uint8_t run) noexcept {
  if (open_count_ == kFlows) close(0);
  open_[open_count_++] = run;
}

void Coalescer::close(std::size_t flow) noexcept {
  const auto open = std::span(open_).first(open_count_);
  std::shift_left(open.begin() + static_cast<std::ptrdiff_t>(flow), open.end(), 1);
  --open_count_;
}

/// Makes the first packet's headers those of the whole.
TunWrite Coalescer::finish(const Run& run, std::span<const Bytes> pieces) noexcept {
  if (run.count == 1) return {.header = {}, .pieces = pieces};
  const MutableBytes packet = packets_[run.first].mutable_bytes();
  const bool ipv6 = packet[0] >> 4 == 6;
  if (ipv6) {
    put_u16(packet, kIpv6PayloadLength, static_cast<std::uint16_t>(run.total - kIpv6Header));
  } else {
    put_u16(packet, kIpv4TotalLength, static_cast<std::uint16_t>(run.total));
    put_u16(packet, kIpv4HeaderChecksum, 0);
    put_u16(packet, kIpv4HeaderChecksum, internet_checksum(packet.first(run.tcp)));
  }
  // Only the last one has any of these.
  packet[run.tcp + kTcpFlags] = flags_of(packets_[run.last].bytes(), run.tcp);
  const auto sum = static_cast<std::uint16_t>(
      ~internet_checksum({}, tcp_pseudo_header_sum(ip_addresses(packet), run.total - run.tcp)));
  put_u16(packet, run.tcp + kTcpChecksum, sum);
  return {
      .header = {.needs_checksum = true,
                 .segments = ipv6 ? VnetHeader::Segments::tcp_ipv6 : VnetHeader::Segments::tcp_ipv4,
                 .header_size = static_cast<std::uint16_t>(run.headers),
                 .segment_size = static_cast<std::uint16_t>(run.segment),
                 .checksum_start = static_cast<std::uint16_t>(run.tcp),
                 .checksum_offset = kTcpChecksum},
      .pieces = pieces};
}

}  // namespace pptp
