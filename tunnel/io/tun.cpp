#include "tunnel/io/tun.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <utility>

#include "tunnel/coalesce.h"
#include "tunnel/split.h"

namespace pptp::io {
namespace {

/// Has checksums and the cutting of TCP left to us, both ways. Not before the header is
/// little-endian on each host.
bool set_offloads(int fd) noexcept {
  const int little_endian = 1;
  const unsigned long offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
  return ::ioctl(fd, TUNSETVNETLE, &little_endian) == 0 &&
         ::ioctl(fd, TUNSETOFFLOAD, offloads) == 0;
}

iovec piece_of(Bytes octets) noexcept {
  // writev() writes nothing into what it is given.
  return {const_cast<std::uint8_t*>(octets.data()), octets.size()};
}

}  // namespace

/// What long packets need, allocated once.
struct Tun::Offloads {
  std::array<std::uint8_t, Splitter::kMaxRead> read;
  Splitter splitter;
  Coalescer coalescer;
};

std::unexpected<IoError> tun_open_failure(int error) {
  const std::string what = std::string("cannot open ") + kTunDevice;
  if (error == ENOENT || error == ENODEV || error == ENXIO) {
    return std::unexpected(
        IoError{IoFault::tun_missing, error, what,
                "load the tun module (modprobe tun); in a container, pass the device in "
                "(--device /dev/net/tun)"});
  }
  return failure(error, what,
                 error == EACCES ? "run it as root, or make the device accessible" : "");
}

IoResult<Tun> Tun::open(const std::string& pattern) {
  IoResult<Tun> tun = open_as(pattern, true);
  return tun ? std::move(tun) : open_as(pattern, false);
}

/// With offloads: fails also where the kernel has none.
IoResult<Tun> Tun::open_as(const std::string& pattern, bool with_offloads) {
  ifreq request{};
  if (pattern.empty() || pattern.size() >= sizeof request.ifr_name)
    return failure(EINVAL, "interface name '" + pattern + "' cannot be used",
                   "1 to 15 characters, with at most one %d");

  UniqueFd fd(::open(kTunDevice, O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return tun_open_failure(errno);

  std::memcpy(request.ifr_name, pattern.data(), pattern.size());
  request.ifr_flags = static_cast<short>(IFF_TUN | IFF_NO_PI | (with_offloads ? IFF_VNET_HDR : 0));
  if (::ioctl(fd.fd(), TUNSETIFF, &request) != 0) {
    const int error = errno;
    const std::string what = "cannot create TUN interface '" + pattern + "'";
    if (error == EPERM)
      return failure(error, what, "CAP_NET_ADMIN is missing: run it as root, or use setcap");
    if (error == EBUSY || error == EEXIST)
      return std::unexpected(IoError{IoFault::address_in_use, error, what,
                                     "another program uses this name: choose another, or pptp%d"});
    return failure(error, what);
  }
  if (with_offloads && !set_offloads(fd.fd())) return failure(errno, "no offloads");
  // The kernel wrote the name it chose, with its terminating NUL.
  std::string name(request.ifr_name);
  const unsigned index = ::if_nametoindex(name.c_str());
  if (index == 0) return failure(errno, "TUN interface '" + name + "' is gone again");
  return adopt(std::move(fd), std::move(name), index);
}

Tun Tun::adopt(UniqueFd fd, std::string name, unsigned index) {
  ifreq request{};
  const bool has_headers =
      ::ioctl(fd.fd(), TUNGETIFF, &request) == 0 && (request.ifr_flags & IFF_VNET_HDR) != 0;
  return {std::move(fd), std::move(name), index,
          has_headers ? std::make_unique<Offloads>() : nullptr};
}

IoResult<Tun> Tun::second() const {
  UniqueFd same = duplicate(fd());
  if (!same) return failure(errno, "cannot hold TUN interface '" + name_ + "' twice");
  return adopt(std::move(same), name_, index_);
}

Tun::Tun(UniqueFd fd, std::string name, unsigned index, std::unique_ptr<Offloads> offloads) noexcept
    : fd_(std::move(fd)), name_(std::move(name)), index_(index), offloads_(std::move(offloads)) {}

Tun::Tun(Tun&&) noexcept = default;

Tun& Tun::operator=(Tun&&) noexcept = default;

Tun::~Tun() = default;

std::size_t Tun::read(PacketPool& pool, std::span<Packet> packets) noexcept {
  return offloads_ ? read_long_packets(pool, packets) : read_packets(pool, packets);
}

bool Tun::has_rest() const noexcept {
  return offloads_ && !offloads_->splitter.done();
}

std::size_t Tun::read_long_packets(PacketPool& pool, std::span<Packet> packets) noexcept {
  Splitter& splitter = offloads_->splitter;
  std::size_t count = splitter.next(pool, packets);
  // Some may be dropped: others get their turn even so.
  for (std::size_t reads = 0; reads < packets.size(); ++reads) {
    if (!splitter.done() || count == packets.size() || !begin_long_packet()) break;
    count += splitter.next(pool, packets.subspan(count));
  }
  return count;
}

/// False when there is none.
bool Tun::begin_long_packet() noexcept {
  const ssize_t size = ::read(fd_.fd(), offloads_->read.data(), offloads_->read.size());
  if (size <= 0) {
    if (size < 0 && errno == EBADFD) gone_ = true;
    return false;
  }
  const Bytes octets = Bytes(offloads_->read).first(static_cast<std::size_t>(size));
  if (const std::optional<Drop> drop = offloads_->splitter.begin(octets)) drops_.count(*drop);
  return true;
}

std::size_t Tun::read_packets(PacketPool& pool, std::span<Packet> packets) noexcept {
  std::size_t count = 0;
  for (Packet& packet : packets) {
    if (!packet.has_slot()) packet = pool.acquire();
    if (!packet.has_slot()) break;
    const MutableBytes room = packet.refill();
    const ssize_t size = ::read(fd_.fd(), room.data(), room.size());
    if (size <= 0) {
      packet.truncate(0);
      if (size < 0 && errno == EBADFD) gone_ = true;
      break;
    }
    packet.truncate(static_cast<std::size_t>(size));
    ++count;
  }
  return count;
}

void Tun::write(std::span<Packet> packets) noexcept {
  if (offloads_) return write_joined(packets);
  for (const Packet& packet : packets) {
    const iovec piece = piece_of(packet.bytes());
    write_pieces({&piece, 1}, 1);
  }
}

void Tun::write_joined(std::span<Packet> packets) noexcept {
  while (!packets.empty()) {
    const std::size_t count = std::min(packets.size(), Coalescer::kBatch);
    for (const TunWrite& write : offloads_->coalescer.coalesce(packets.first(count))) {
      std::array<std::uint8_t, VnetHeader::kSize> header;
      Writer writer(header);
      write.header.write(writer);
      std::array<iovec, 1 + Coalescer::kBatch> pieces;
      pieces[0] = piece_of(header);
      std::ranges::transform(write.pieces, pieces.begin() + 1, piece_of);
      write_pieces(std::span(pieces).first(1 + write.pieces.size()), write.pieces.size());
    }
    packets = packets.subspan(count);
  }
}

/// One long packet, or one that is none: `packets` go, or are lost, together.
void Tun::write_pieces(std::span<const iovec> pieces, std::size_t packets) noexcept {
  if (::writev(fd_.fd(), pieces.data(), static_cast<int>(pieces.size())) >= 0) return;
  // EIO: the interface is down.
  if (errno == EBADFD || errno == EIO) gone_ = true;
  drops_.count(Drop::tun_refused, packets);
}

}  // namespace pptp::io
