#pragma once

#include <cstdint>
#include <string_view>

namespace pptp {

/// PPP protocol numbers (IANA), as they stand in the protocol field. An open set: any odd low octet
/// with an even high octet may come, so this is a number with names for those that are known here.
class PppProtocol {
 public:
  constexpr PppProtocol() noexcept = default;

  explicit constexpr PppProtocol(std::uint16_t value) noexcept : value_(value) {}

  constexpr std::uint16_t value() const noexcept { return value_; }

  constexpr bool operator==(const PppProtocol&) const noexcept = default;

  /// RFC 1661 2: 0xxx-3xxx are network layer packets, the ones that MPPE may encrypt.
  constexpr bool is_network_layer() const noexcept { return value_ < 0x4000; }

 private:
  std::uint16_t value_ = 0;
};

namespace protocol {
inline constexpr PppProtocol kIp{0x0021};
inline constexpr PppProtocol kVjCompressed{0x002d};
inline constexpr PppProtocol kVjUncompressed{0x002f};
inline constexpr PppProtocol kIpv6{0x0057};
inline constexpr PppProtocol kMppe{0x00fd};
inline constexpr PppProtocol kIpcp{0x8021};
inline constexpr PppProtocol kIpv6cp{0x8057};
inline constexpr PppProtocol kCcp{0x80fd};
inline constexpr PppProtocol kLcp{0xc021};
inline constexpr PppProtocol kPap{0xc023};
inline constexpr PppProtocol kChap{0xc223};
inline constexpr PppProtocol kEap{0xc227};
}  // namespace protocol

/// pppd's word for it ("LCP", "CHAP", "IP"), or empty.
std::string_view name(PppProtocol protocol) noexcept;

}  // namespace pptp
