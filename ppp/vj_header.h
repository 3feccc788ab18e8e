#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "lib/bytes.h"

namespace pptp {

/// The change mask that a compressed packet begins with (RFC 1144 3.2.2 and A.1).
namespace vj_mask {
inline constexpr std::uint8_t kUrgent = 0x01;
inline constexpr std::uint8_t kWindow = 0x02;
inline constexpr std::uint8_t kAcknowledgement = 0x04;
inline constexpr std::uint8_t kSequence = 0x08;
inline constexpr std::uint8_t kPush = 0x10;
inline constexpr std::uint8_t kIdentification = 0x20;
inline constexpr std::uint8_t kSlot = 0x40;
inline constexpr std::uint8_t kReserved = 0x80;
/// Two combinations that never stand for themselves.
inline constexpr std::uint8_t kSpecials = kSequence | kAcknowledgement | kWindow | kUrgent;
inline constexpr std::uint8_t kEcho = kSequence | kWindow | kUrgent;  ///< RFC: SPECIAL_I
inline constexpr std::uint8_t kData = kSpecials;                      ///< RFC: SPECIAL_D
}  // namespace vj_mask

/// The flags of a TCP header (RFC 9293 3.1).
namespace tcp_flag {
inline constexpr std::uint8_t kFin = 0x01;
inline constexpr std::uint8_t kSyn = 0x02;
inline constexpr std::uint8_t kRst = 0x04;
inline constexpr std::uint8_t kPsh = 0x08;
inline constexpr std::uint8_t kAck = 0x10;
inline constexpr std::uint8_t kUrg = 0x20;
}  // namespace tcp_flag

/// A copy of the IPv4 and TCP headers, options included, of one segment that is no fragment.
class VjHeader {
 public:
  static constexpr std::size_t kMaxSize = 60 + 60;

  /// Of a whole IPv4 packet; nullopt where it does not begin with two such headers.
  static std::optional<VjHeader> of(Bytes packet) noexcept;

  std::size_t size() const noexcept { return size_; }

  Bytes bytes() const noexcept { return Bytes(octets_).first(size_); }

  /// Octets behind the headers, as the IP header has it.
  std::uint16_t data_length() const noexcept {
    return static_cast<std::uint16_t>(u16(kTotalLength) - size_);
  }

  std::uint16_t identification() const noexcept { return u16(kIdentification); }

  std::uint32_t sequence() const noexcept { return u32(ip_size_ + kSequence); }

  std::uint32_t acknowledgement() const noexcept { return u32(ip_size_ + kAcknowledgement); }

  std::uint8_t flags() const noexcept { return octets_[ip_size_ + kFlags]; }

  std::uint16_t window() const noexcept { return u16(ip_size_ + kWindow); }

  std::uint16_t checksum() const noexcept { return u16(ip_size_ + kChecksum); }

  std::uint16_t urgent() const noexcept { return u16(ip_size_ + kUrgent); }

  void set_identification(std::uint16_t value) noexcept { put_u16(kIdentification, value); }

  void set_sequence(std::uint32_t value) noexcept { put_u32(ip_size_ + kSequence, value); }

  void set_acknowledgement(std::uint32_t value) noexcept {
    put_u32(ip_size_ + kAcknowledgement, value);
  }

  void set_flags(std::uint8_t value) noexcept { octets_[ip_size_ + kFlags] = value; }

  void set_window(std::uint16_t value) noexcept { put_u16(ip_size_ + kWindow, value); }

  void set_checksum(std::uint16_t value) noexcept { put_u16(ip_size_ + kChecksum, value); }

  void set_urgent(std::uint16_t value) noexcept { put_u16(ip_size_ + kUrgent, value); }

  /// Total length and checksum of the IP header, for this many octets behind the headers.
  void finish(std::size_t data_length) noexcept;

  /// Addresses and ports are the same.
  bool same_connection(const VjHeader& other) const noexcept;

  /// All is the same that RFC 1144 3.2.2 has no way to send a change of.
  bool same_constants(const VjHeader& other) const noexcept;

  /// Whether the TCP checksum is right over `data` behind the headers.
  bool checks_out(Bytes data) const noexcept;

 private:
  // RFC 791 3.1.
  static constexpr std::size_t kTotalLength = 2;
  static constexpr std::size_t kIdentification = 4;
  static constexpr std::size_t kFragment = 6;
  static constexpr std::size_t kProtocol = 9;
  static constexpr std::size_t kHeaderChecksum = 10;
  static constexpr std::size_t kSource = 12;
  // RFC 9293 3.1, within the TCP header.
  static constexpr std::size_t kSequence = 4;
  static constexpr std::size_t kAcknowledgement = 8;
  static constexpr std::size_t kDataOffset = 12;
  static constexpr std::size_t kFlags = 13;
  static constexpr std::size_t kWindow = 14;
  static constexpr std::size_t kChecksum = 16;
  static constexpr std::size_t kUrgent = 18;
  static constexpr std::size_t kTcpOptions = 20;

  VjHeader() noexcept = default;

  bool same(const VjHeader& other, std::size_t from, std::size_t to) const noexcept;

  std::uint16_t u16(std::size_t at) const noexcept {
    return static_cast<std::uint16_t>(octets_[at] << 8 | octets_[at + 1]);
  }

  std::uint32_t u32(std::size_t at) const noexcept {
    return static_cast<std::uint32_t>(u16(at)) << 16 | u16(at + 2);
  }

  void put_u16(std::size_t at, std::uint16_t value) noexcept {
    octets_[at] = static_cast<std::uint8_t>(value >> 8);
    octets_[at + 1] = static_cast<std::uint8_t>(value & 0xff);
  }

  void put_u32(std::size_t at, std::uint32_t value) noexcept {
    put_u16(at, static_cast<std::uint16_t>(value >> 16));
    put_u16(at + 2, static_cast<std::uint16_t>(value & 0xffff));
  }

  std::array<std::uint8_t, kMaxSize> octets_{};
  std::size_t ip_size_ = 0;
  std::size_t size_ = 0;
};

}  // namespace pptp
