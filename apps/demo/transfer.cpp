#include "apps/demo/transfer.h"

#include <cerrno>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <sys/time.h>
#include <thread>
#include <utility>
#include <vector>

#include "apps/demo/net_namespace.h"
#include "apps/demo/wire_count.h"
#include "tunnel/io/clock.h"
#include "tunnel/io/socket_address.h"

namespace pptp::app::demo {
namespace {

constexpr std::size_t kChunk = 128 * 1024;
constexpr timeval kPatience{.tv_sec = 5, .tv_usec = 0};

/// For everything that this socket may wait for: connect, accept, send, receive.
bool limit_waiting(int fd) noexcept {
  return ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience) == 0 &&
         ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience) == 0;
}

io::UniqueFd tcp_socket() noexcept {
  io::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP));
  if (fd && !limit_waiting(fd.fd())) fd.reset();
  return fd;
}

/// Binds to a free port of `address`, and writes which into it.
bool bind_and_listen(int fd, sockaddr_in& address) noexcept {
  socklen_t size = sizeof address;
  void* const plain = &address;
  return ::bind(fd, io::generic(address), sizeof address) == 0 && ::listen(fd, 1) == 0 &&
         ::getsockname(fd, static_cast<sockaddr*>(plain), &size) == 0;
}

void send_until(int fd, TimePoint end) {
  std::string chunk;
  while (chunk.size() < kChunk)
    chunk += kMarker;
  while (io::engine_now() < end) {
    if (::send(fd, chunk.data(), chunk.size(), MSG_NOSIGNAL) < 0 && errno != EINTR) break;
  }
  (void)::shutdown(fd, SHUT_WR);
}

}  // namespace

double TransferResult::megabits_per_second() const noexcept {
  const double seconds = std::chrono::duration<double>(took).count();
  return seconds > 0 ? static_cast<double>(octets) * 8 / 1e6 / seconds : 0;
}

io::IoResult<TcpPair> connect_tcp(const NetNamespace& client, const NetNamespace& server,
                                  Ipv4Address server_address) {
  const std::string what = "no TCP connection to " + server_address.text();
  if (const auto entered = server.enter(); !entered) return std::unexpected(entered.error());
  const io::UniqueFd listener = tcp_socket();
  sockaddr_in address = io::to_sockaddr(server_address);
  if (!listener || !bind_and_listen(listener.fd(), address)) return io::failure(errno, what);

  if (const auto entered = client.enter(); !entered) return std::unexpected(entered.error());
  TcpPair pair;
  pair.client = tcp_socket();
  if (!pair.client || ::connect(pair.client.fd(), io::generic(address), sizeof address) != 0)
    return io::failure(errno == EINPROGRESS ? ETIMEDOUT : errno, what);
  pair.server = io::UniqueFd(::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!pair.server || !limit_waiting(pair.server.fd())) return io::failure(errno, what);
  return pair;
}

io::IoResult<TransferResult> transfer(int from, int to, Duration length) {
  const TimePoint start = io::engine_now();
  const std::jthread sender(send_until, from, start + length);
  TransferResult result;
  std::vector<std::uint8_t> buffer(kChunk);
  for (;;) {
    const ssize_t size = ::recv(to, buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      const int error = errno == EAGAIN ? ETIMEDOUT : errno;
      (void)::shutdown(from, SHUT_RDWR);  // so that the sender does not wait for room
      return io::failure(error, "the TCP transfer has come to a stop");
    }
    result.took = io::engine_now() - start;
    if (size == 0) return result;
    result.octets += static_cast<std::uint64_t>(size);
  }
}

}  // namespace pptp::app::demo
