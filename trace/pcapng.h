#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "lib/bytes.h"
#include "tunnel/call_observer.h"

namespace pptp {

/// What the packets of an interface begin with, as numbers of tcpdump.org's list of link types.
enum class LinkType : std::uint16_t { ppp = 9, raw_ip = 101 };

/// Nanoseconds since 1970.
using CaptureTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

/// Builds the octets of a pcapng file (draft-ietf-opsawg-pcapng), big-endian, block by block.
/// Interfaces are numbered from 0 in the order they are added, before the first packet.
class Pcapng {
 public:
  /// Begins a section; `application`: who wrote it.
  explicit Pcapng(std::string_view application);

  void add_interface(LinkType type, std::string_view name, std::string_view description);

  void add_packet(std::uint32_t interface, CaptureTime time, Way way, Bytes packet);

  /// What has been built since the last call.
  std::vector<std::uint8_t> take();

  std::size_t size() const noexcept { return out_.size(); }

 private:
  void u8(std::uint8_t value) { out_.push_back(value); }

  void u16(std::uint16_t value);
  void u32(std::uint32_t value);
  void bytes(Bytes octets);
  void pad();
  void option(std::uint16_t code, Bytes value);
  void end_options();
  std::size_t begin_block(std::uint32_t type);
  void end_block(std::size_t begin);

  std::vector<std::uint8_t> out_;
};

}  // namespace pptp
