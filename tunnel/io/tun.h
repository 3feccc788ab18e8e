#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>

#include "lib/drops.h"
#include "lib/packet.h"
#include "tunnel/io/io_error.h"
#include "tunnel/io/unique_fd.h"

struct iovec;

namespace pptp::io {

inline constexpr const char* kTunDevice = "/dev/net/tun";

/// The error for an errno with which kTunDevice could not be opened.
std::unexpected<IoError> tun_open_failure(int error);

/// A TUN interface in the network namespace of the thread that opened it: whole IP packets. It is
/// not persistent: it goes, with its addresses and routes, when this object does.
///
/// Where the kernel can, TCP crosses in long packets, which are cut and joined here
/// (tunnel/split.h, tunnel/coalesce.h) and nowhere else seen.
class Tun {
 public:
  /// `pattern`: an interface name, at most one "%d" in it stands for the first free number.
  /// Fails with tun_missing, permission, address_in_use (the name is taken) or system.
  static IoResult<Tun> open(const std::string& pattern);

  /// One that another process has opened.
  static Tun adopt(UniqueFd fd, std::string name, unsigned index);

  /// Another hold on the same interface, with drops of its own: one thread may read by it while
  /// another writes by this one.
  IoResult<Tun> second() const;

  Tun(Tun&&) noexcept;
  Tun& operator=(Tun&&) noexcept;
  ~Tun();

  int fd() const noexcept { return fd_.fd(); }

  const std::string& name() const noexcept { return name_; }

  /// The interface's index.
  unsigned index() const noexcept { return index_; }

  /// Reads at most packets.size() packets without waiting and returns how many there were; the
  /// first that many of `packets` hold them. Slots that are missing are taken from `pool`; when it
  /// has none left fewer are read.
  std::size_t read(PacketPool& pool, std::span<Packet> packets) noexcept;

  /// Whether read() has something left that it had no slots for: to be called again, though fd()
  /// may never be readable any more.
  bool has_rest() const noexcept;

  /// Whether long packets cross.
  bool has_offloads() const noexcept { return offloads_ != nullptr; }

  /// Writes IP packets, whose slots stay the caller's; headers in them may be changed. What the
  /// kernel would not have is lost, and counted.
  void write(std::span<Packet> packets) noexcept;

  /// tun_refused, tun_malformed and send_too_big.
  const Drops& drops() const noexcept { return drops_; }

  /// The interface was removed, or set down, behind our back: its routes went with that, and
  /// nothing will be read or written again.
  bool gone() const noexcept { return gone_; }

 private:
  struct Offloads;

  Tun(UniqueFd fd, std::string name, unsigned index, std::unique_ptr<Offloads> offloads) noexcept;

  static IoResult<Tun> open_as(const std::string& pattern, bool with_offloads);
  std::size_t read_packets(PacketPool& pool, std::span<Packet> packets) noexcept;
  std::size_t read_long_packets(PacketPool& pool, std::span<Packet> packets) noexcept;
  bool begin_long_packet() noexcept;
  void write_joined(std::span<Packet> packets) noexcept;
  void write_pieces(std::span<const iovec> pieces, std::size_t packets) noexcept;

  UniqueFd fd_;
  std::string name_;
  unsigned index_ = 0;
  std::unique_ptr<Offloads> offloads_;  ///< nullptr: packets cross one by one, with nothing before
  Drops drops_;
  bool gone_ = false;
};

}  // namespace pptp::io
