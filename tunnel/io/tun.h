#pragma once

#include <span>
#include <string>
#include <utility>

#include "lib/drops.h"
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

  /// One that another process has opened.
  static Tun adopt(UniqueFd fd, std::string name, unsigned index) noexcept {
    return {std::move(fd), std::move(name), index};
  }

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

  /// tun_refused.
  const Drops& drops() const noexcept { return drops_; }

  /// The interface was removed, or set down, behind our back: its routes went with that, and
  /// nothing will be read or written again.
  bool gone() const noexcept { return gone_; }

 private:
  Tun(UniqueFd fd, std::string name, unsigned index) noexcept;

  UniqueFd fd_;
  std::string name_;
  unsigned index_ = 0;
  Drops drops_;
  bool gone_ = false;
};

}  // namespace pptp::io
