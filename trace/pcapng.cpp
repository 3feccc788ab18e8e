#include "trace/pcapng.h"

#include <array>
#include <utility>

namespace pptp {
namespace {

// draft-ietf-opsawg-pcapng 4.1 to 4.3: block types.
constexpr std::uint32_t kSectionHeader = 0x0a0d'0d0a;
constexpr std::uint32_t kInterfaceDescription = 1;
constexpr std::uint32_t kEnhancedPacket = 6;

constexpr std::uint32_t kByteOrderMagic = 0x1a2b'3c4d;
constexpr std::uint32_t kNoSnapLength = 0;

// 3.5, 4.1, 4.2, 4.3: options.
constexpr std::uint16_t kEndOfOptions = 0;
constexpr std::uint16_t kUserApplication = 4;
constexpr std::uint16_t kInterfaceName = 2;
constexpr std::uint16_t kInterfaceWords = 3;
constexpr std::uint16_t kTimeResolution = 9;
constexpr std::uint8_t kNanoseconds = 9;  ///< ten to the power of minus this
constexpr std::uint16_t kPacketFlags = 2;
constexpr std::uint8_t kInbound = 1;
constexpr std::uint8_t kOutbound = 2;

}  // namespace

Pcapng::Pcapng(std::string_view application) {
  const std::size_t block = begin_block(kSectionHeader);
  u32(kByteOrderMagic);
  u16(1);  // version 1.0
  u16(0);
  u32(0xffff'ffff);  // the section's length is not known
  u32(0xffff'ffff);
  option(kUserApplication, as_bytes(application));
  end_options();
  end_block(block);
}

void Pcapng::add_interface(LinkType type, std::string_view name, std::string_view description) {
  const std::size_t block = begin_block(kInterfaceDescription);
  u16(std::to_underlying(type));
  u16(0);
  u32(kNoSnapLength);
  option(kInterfaceName, as_bytes(name));
  option(kInterfaceWords, as_bytes(description));
  option(kTimeResolution, Bytes(&kNanoseconds, 1));
  end_options();
  end_block(block);
}

void Pcapng::add_packet(std::uint32_t interface, CaptureTime time, Way way, Bytes packet) {
  const std::size_t block = begin_block(kEnhancedPacket);
  const auto since = static_cast<std::uint64_t>(time.time_since_epoch().count());
  const auto size = static_cast<std::uint32_t>(packet.size());
  u32(interface);
  u32(static_cast<std::uint32_t>(since >> 32));
  u32(static_cast<std::uint32_t>(since & 0xffff'ffff));
  u32(size);
  u32(size);
  bytes(packet);
  pad();
  const std::uint8_t direction = way == Way::sent ? kOutbound : kInbound;
  const std::array<std::uint8_t, 4> flags = {0, 0, 0, direction};
  option(kPacketFlags, flags);
  end_options();
  end_block(block);
}

std::vector<std::uint8_t> Pcapng::take() {
  return std::exchange(out_, {});
}

void Pcapng::u16(std::uint16_t value) {
  u8(static_cast<std::uint8_t>(value >> 8));
  u8(static_cast<std::uint8_t>(value & 0xff));
}

void Pcapng::u32(std::uint32_t value) {
  u16(static_cast<std::uint16_t>(value >> 16));
  u16(static_cast<std::uint16_t>(value & 0xffff));
}

void Pcapng::bytes(Bytes octets) {
  out_.insert(out_.end(), octets.begin(), octets.end());
}

/// Blocks and options begin at multiples of four octets; a section is taken out whole.
void Pcapng::pad() {
  while (out_.size() % 4 != 0)
    u8(0);
}

void Pcapng::option(std::uint16_t code, Bytes value) {
  u16(code);
  u16(static_cast<std::uint16_t>(value.size()));
  bytes(value);
  pad();
}

void Pcapng::end_options() {
  option(kEndOfOptions, {});
}

std::size_t Pcapng::begin_block(std::uint32_t type) {
  const std::size_t begin = out_.size();
  u32(type);
  u32(0);  // the length, once it is known
  return begin;
}

void Pcapng::end_block(std::size_t begin) {
  const auto length = static_cast<std::uint32_t>(out_.size() - begin + 4);
  u32(length);
  Writer at_front(MutableBytes(out_).subspan(begin + 4, 4));
  at_front.u32(length);
}

}  // namespace pptp
