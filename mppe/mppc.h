#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "lib/bytes.h"

namespace pptp {

/// Microsoft's Point-to-Point Compression (RFC 2118): copies out of what was sent before. What is
/// here is the coding alone; bits and counts of the header are MppeSealer's and MppeOpener's.
inline constexpr std::size_t kMppcHistory = 8192;

/// The longest packet that is compressed or may become of one.
inline constexpr std::size_t kMppcLongest = 2048;

/// The sending end.
class MppcCompressor {
 public:
  struct Compressed {
    Bytes octets;  ///< valid until the next call
    bool at_front = false;
  };

  /// Forgets all that was sent. The receiver has to be told (the A bit).
  void flush() noexcept;

  /// nullopt: it would not become shorter; `packet` must then go as it is, and is not remembered.
  std::optional<Compressed> compress(Bytes packet) noexcept;

 private:
  std::size_t match(std::size_t at, std::size_t end, std::size_t& distance) noexcept;

  std::array<std::uint8_t, kMppcHistory> history_{};
  std::size_t position_ = 0;
  /// Where three octets with that hash were last; beyond what has been sent it means nothing.
  std::array<std::uint16_t, 4096> last_{};
  std::array<std::uint8_t, kMppcLongest> out_{};
};

/// The receiving end.
class MppcDecompressor {
 public:
  struct Place {
    bool fresh = false;     ///< A bit: what was received before is forgotten
    bool at_front = false;  ///< B bit
  };

  /// What `packet` was; nullopt: it is malformed, or refers to what has never been there. Moves
  /// nothing on until accept(). The octets are valid until the next call.
  std::optional<Bytes> expand(Bytes packet, Place place) noexcept;

  /// The packet expanded last is the one: what follows may refer to it.
  void accept() noexcept;

  /// A packet that was not compressed, with the A bit.
  void flush() noexcept;

 private:
  bool reaches(std::size_t distance, std::size_t length) const noexcept;
  std::uint8_t octet_back(std::size_t produced, std::size_t distance) const noexcept;

  std::array<std::uint8_t, kMppcHistory> history_{};
  std::size_t position_ = 0;
  std::size_t filled_ = 0;  ///< octets of history_ that have been written since the flush
  std::array<std::uint8_t, kMppcLongest> out_{};
  std::size_t produced_ = 0;
  std::size_t start_ = 0;      ///< where the packet expanded last goes
  std::size_t available_ = 0;  ///< of filled_, for it
};

}  // namespace pptp
