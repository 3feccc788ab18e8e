#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "lib/packet.h"
#include "tunnel/io/io_error.h"
#include "tunnel/io/unique_fd.h"

namespace pptp::io {

inline constexpr const char* kTunDevice = "/dev/net/tun";

/// The error for an errno with which kTunDevice could not be opened.
std::unexpected<IoError> tun_open_failure(int error);

/// A TUN interface in the network namespace of the thread that opened it: whole IP packets, without
/// any header before them. It is not persistent: it goes, with its addresses and routes, when this
/// object does.
class Tun {
 public:
  /// `pattern`: an interface name, at most one "%d" in it stands for the first free number.
  /// Fails with tun_missing, permission, address_in_use (the name is taken) or system.
  static IoResult<Tun> open(const std::string& pattern);

  int fd() const noexcept { return fd_.fd(); }

  const std::string& name() const noexcept { return name_; }

  /// The interface's index.
  unsigned index() const noexcept { return index_; }

  /// Reads at most packets.size() packets without waiting and returns how many there were; the
  /// first that many of `packets` hold them. Slots that are missing are taken from `pool`; when it
  /// has none left fewer are read.
  std::size_t read(PacketPool& pool, std::span<Packet> packets) noexcept;

  /// Writes one IP packet. False when the kernel would not have it: it is lost.
  bool write(Bytes packet) noexcept;

  /// Writes that failed since the beginning.
  std::uint64_t write_failures() const noexcept { return write_failures_; }

  /// The interface was removed behind our back: nothing will ever be read or written again.
  bool gone() const noexcept { return gone_; }

 private:
  Tun(UniqueFd fd, std::string name, unsigned index) noexcept;

  UniqueFd fd_;
  std::string name_;
  unsigned index_ = 0;
  std::uint64_t write_failures_ = 0;
  bool gone_ = false;
};

}  // namespace pptp::io
