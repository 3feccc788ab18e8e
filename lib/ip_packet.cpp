#include "lib/ip_packet.h"

#include <bit>
#include <cstring>

namespace pptp {
namespace {

constexpr std::size_t kMinimalHeader = 20;
constexpr std::size_t kSourceOffset = 12;
constexpr std::size_t kDestinationOffset = 16;

// RFC 8200 3.
constexpr std::size_t kIpv6PayloadLengthOffset = 4;
constexpr std::size_t kIpv6DestinationOffset = 24;
constexpr std::size_t kIpv6AddressSize = 16;

constexpr std::size_t kWord = sizeof(std::uint64_t);

/// At most kWord octets in this host's own order; fewer are padded with zeros at their end (RFC
/// 1071 4.1).
std::uint64_t own_word(Bytes octets) noexcept {
  std::uint64_t word = 0;
  if (!octets.empty()) std::memcpy(&word, octets.data(), octets.size());
  return word;
}

/// Ones' complement: what is carried out comes in again.
std::uint64_t add_with_carry(std::uint64_t sum, std::uint64_t word) noexcept {
  sum += word;
  return sum + (sum < word ? 1 : 0);
}

/// 64 bits as a sum of 16.
std::uint16_t folded(std::uint64_t sum) noexcept {
  while (sum >> 16 != 0)
    sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

}  // namespace

std::optional<std::size_t> ipv4_length(Bytes octets) noexcept {
  if (octets.size() < kMinimalHeader || octets[0] >> 4 != 4) return std::nullopt;
  const std::size_t header = static_cast<std::size_t>(octets[0] & 15) * 4;
  const std::size_t total = static_cast<std::size_t>(octets[2]) << 8 | octets[3];
  if (header < kMinimalHeader || total < header || total > octets.size()) return std::nullopt;
  return total;
}

std::optional<std::size_t> ipv6_length(Bytes octets) noexcept {
  if (octets.size() < kIpv6Header || octets[0] >> 4 != 6) return std::nullopt;
  const std::size_t total = kIpv6Header + u16_at(octets, kIpv6PayloadLengthOffset);
  if (total > octets.size()) return std::nullopt;
  return total;
}

std::optional<std::size_t> ip_length(Bytes octets) noexcept {
  if (octets.empty()) return std::nullopt;
  return octets[0] >> 4 == 6 ? ipv6_length(octets) : ipv4_length(octets);
}

Bytes ipv6_destination(Bytes packet) noexcept {
  return packet.subspan(kIpv6DestinationOffset, kIpv6AddressSize);
}

Ipv4Address ipv4_source(Bytes packet) noexcept {
  return Ipv4Address(Reader(packet.subspan(kSourceOffset)).u32());
}

Ipv4Address ipv4_destination(Bytes packet) noexcept {
  return Ipv4Address(Reader(packet.subspan(kDestinationOffset)).u32());
}

std::uint16_t adjusted_checksum(std::uint16_t checksum, std::uint32_t before,
                                std::uint32_t after) noexcept {
  std::uint32_t sum = static_cast<std::uint16_t>(~checksum);
  sum += (~before >> 16) + (~before & 0xffff);
  sum += (after >> 16) + (after & 0xffff);
  return static_cast<std::uint16_t>(~folded(sum));
}

std::uint16_t internet_checksum(Bytes octets, std::uint32_t before) noexcept {
  // Four sums that do not wait for each other.
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  std::uint64_t third = 0;
  std::uint64_t fourth = 0;
  while (octets.size() >= 4 * kWord) {
    first = add_with_carry(first, own_word(octets.first(kWord)));
    second = add_with_carry(second, own_word(octets.subspan(kWord, kWord)));
    third = add_with_carry(third, own_word(octets.subspan(2 * kWord, kWord)));
    fourth = add_with_carry(fourth, own_word(octets.subspan(3 * kWord, kWord)));
    octets = octets.subspan(4 * kWord);
  }
  while (octets.size() >= kWord) {
    first = add_with_carry(first, own_word(octets.first(kWord)));
    octets = octets.subspan(kWord);
  }
  first = add_with_carry(first, own_word(octets));
  const std::uint64_t sum =
      add_with_carry(add_with_carry(first, second), add_with_carry(third, fourth));
  // RFC 1071 2 (B): summed in any order of octets, the sum has that order as well.
  std::uint16_t own_order = folded(sum);
  if constexpr (std::endian::native == std::endian::little)
    own_order = static_cast<std::uint16_t>(own_order << 8 | own_order >> 8);
  return static_cast<std::uint16_t>(~folded(std::uint64_t{own_order} + before));
}

}  // namespace pptp
