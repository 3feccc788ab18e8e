#include "tunnel/io/gre_filter.h"

#include <cstdint>

namespace pptp::io {
namespace {

constexpr std::uint32_t kTakeAll = 0xffff'ffff;

// RFC 2637 4.1, offsets into the GRE header.
constexpr std::uint32_t kFlagsAndVersion = 0;
constexpr std::uint32_t kProtocolType = 2;
constexpr std::uint32_t kKeyCallId = 6;
constexpr std::uint32_t kEnhancedGreProtocol = 0x880b;
constexpr std::uint32_t kVersionMask = 0x0007;
constexpr std::uint32_t kEnhancedGreVersion = 1;

constexpr sock_filter step(int code, std::uint32_t operand) {
  return {static_cast<std::uint16_t>(code), 0, 0, operand};
}

/// Goes on with the next step when the accumulator equals `value`, else `otherwise` steps later.
constexpr sock_filter equals(std::uint32_t value, std::uint8_t otherwise) {
  return {static_cast<std::uint16_t>(BPF_JMP | BPF_JEQ | BPF_K), 0, otherwise, value};
}

// X = length of the IP header, from the IHL in its first octet.
constexpr sock_filter kSkipIpHeader = step(BPF_LDX | BPF_B | BPF_MSH, 0);

constexpr sock_filter load16(std::uint32_t offset) {
  return step(BPF_LD | BPF_H | BPF_IND, offset);
}

constexpr sock_filter kTake = step(BPF_RET | BPF_K, kTakeAll);
constexpr sock_filter kRefuse = step(BPF_RET | BPF_K, 0);

}  // namespace

std::array<sock_filter, 1> filter_nothing() noexcept {
  return {kRefuse};
}

std::array<sock_filter, 8> filter_enhanced_gre() noexcept {
  return {kSkipIpHeader,
          load16(kProtocolType),
          equals(kEnhancedGreProtocol, 4),
          load16(kFlagsAndVersion),
          step(BPF_ALU | BPF_AND | BPF_K, kVersionMask),
          equals(kEnhancedGreVersion, 1),
          kTake,
          kRefuse};
}

std::array<sock_filter, 10> filter_call(CallId call) noexcept {
  return {kSkipIpHeader,
          load16(kProtocolType),
          equals(kEnhancedGreProtocol, 6),
          load16(kFlagsAndVersion),
          step(BPF_ALU | BPF_AND | BPF_K, kVersionMask),
          equals(kEnhancedGreVersion, 3),
          load16(kKeyCallId),
          equals(call.value(), 1),
          kTake,
          kRefuse};
}

}  // namespace pptp::io
