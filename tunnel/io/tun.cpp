#include "tunnel/io/tun.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <utility>

namespace pptp::io {

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
  ifreq request{};
  if (pattern.empty() || pattern.size() >= sizeof request.ifr_name)
    return failure(EINVAL, "interface name '" + pattern + "' cannot be used",
                   "1 to 15 characters, with at most one %d");

  UniqueFd fd(::open(kTunDevice, O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return tun_open_failure(errno);

  std::memcpy(request.ifr_name, pattern.data(), pattern.size());
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
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
  // The kernel wrote the name it chose, with its terminating NUL.
  std::string name(request.ifr_name);
  const unsigned index = ::if_nametoindex(name.c_str());
  if (index == 0) return failure(errno, "TUN interface '" + name + "' is gone again");
  return Tun(std::move(fd), std::move(name), index);
}

Tun::Tun(UniqueFd fd, std::string name, unsigned index) noexcept
    : fd_(std::move(fd)), name_(std::move(name)), index_(index) {}

std::size_t Tun::read(PacketPool& pool, std::span<Packet> packets) noexcept {
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

bool Tun::write(Bytes packet) noexcept {
  const ssize_t size = ::write(fd_.fd(), packet.data(), packet.size());
  if (size >= 0) return true;
  // EIO: the interface is down.
  if (errno == EBADFD || errno == EIO) gone_ = true;
  drops_.count(Drop::tun_refused);
  return false;
}

}  // namespace pptp::io
