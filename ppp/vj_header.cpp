#include "ppp/vj_header.h"

#include <algorithm>

#include "lib/ip_packet.h"

namespace pptp {
namespace {

constexpr std::uint8_t kTcp = 6;
constexpr std::uint16_t kMoreAndOffset = 0x3fff;

/// The ones' complement sum of 16-bit words that internet_checksum() is the complement of.
std::uint32_t sum(Bytes octets) noexcept {
  return static_cast<std::uint16_t>(~internet_checksum(octets));
}

}  // namespace

std::optional<VjHeader> VjHeader::of(Bytes packet) noexcept {
  VjHeader header;
  header.ip_size_ = static_cast<std::size_t>(packet[0] & 15) * 4;
  if (packet[kProtocol] != kTcp || packet.size() < header.ip_size_ + kTcpOptions) {
    return std::nullopt;
  }
  const std::size_t tcp_size =
      static_cast<std::size_t>(packet[header.ip_size_ + kDataOffset] >> 4) * 4;
  header.size_ = header.ip_size_ + tcp_size;
  if (tcp_size < kTcpOptions || header.size_ > packet.size()) return std::nullopt;
  std::ranges::copy(packet.first(header.size_), header.octets_.begin());
  if ((header.u16(kFragment) & kMoreAndOffset) != 0) return std::nullopt;
  return header;
}

void VjHeader::finish(std::size_t data_length) noexcept {
  put_u16(kTotalLength, static_cast<std::uint16_t>(size_ + data_length));
  put_u16(kHeaderChecksum, 0);
  put_u16(kHeaderChecksum, internet_checksum(Bytes(octets_).first(ip_size_)));
}

bool VjHeader::same_connection(const VjHeader& other) const noexcept {
  constexpr std::size_t kAddresses = 8;
  constexpr std::size_t kPorts = 4;
  return same(other, kSource, kSource + kAddresses) &&
         std::ranges::equal(bytes().subspan(ip_size_, kPorts),
                            other.bytes().subspan(other.ip_size_, kPorts));
}

bool VjHeader::same_constants(const VjHeader& other) const noexcept {
  constexpr std::uint8_t kSentFlags = tcp_flag::kPsh | tcp_flag::kUrg;
  return size_ == other.size_ && ip_size_ == other.ip_size_ && same(other, 0, kTotalLength) &&
         same(other, kFragment, kHeaderChecksum) && same(other, kSource, ip_size_ + kSequence) &&
         same(other, ip_size_ + kDataOffset, ip_size_ + kFlags) &&
         (flags() | kSentFlags) == (other.flags() | kSentFlags) &&
         same(other, ip_size_ + kTcpOptions, size_);
}

bool VjHeader::checks_out(Bytes data) const noexcept {
  constexpr std::size_t kAddresses = 8;
  const std::size_t length = size_ - ip_size_ + data.size();
  // RFC 9293 3.1: over a pseudo header, the TCP header, whose length is even, and the data.
  std::uint32_t total = sum(Bytes(octets_).subspan(kSource, kAddresses)) + kTcp +
                        static_cast<std::uint32_t>(length) + sum(bytes().subspan(ip_size_)) +
                        sum(data);
  while (total >> 16 != 0)
    total = (total & 0xffff) + (total >> 16);
  return total == 0xffff;
}

bool VjHeader::same(const VjHeader& other, std::size_t from, std::size_t to) const noexcept {
  return std::ranges::equal(Bytes(octets_).subspan(from, to - from),
                            Bytes(other.octets_).subspan(from, to - from));
}

}  // namespace pptp
