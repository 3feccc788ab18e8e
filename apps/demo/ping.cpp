#include "apps/demo/ping.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <netinet/in.h>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <thread>

#include "apps/demo/wire_count.h"
#include "lib/bytes.h"
#include "lib/ip_packet.h"
#include "lib/narrow.h"
#include "tunnel/io/clock.h"
#include "tunnel/io/socket_address.h"
#include "tunnel/io/unique_fd.h"

namespace pptp::app::demo {
namespace {

// RFC 792.
constexpr std::uint8_t kEchoReply = 0;
constexpr std::uint8_t kEcho = 8;
constexpr std::size_t kChecksum = 2;
constexpr std::size_t kHeader = 8;

constexpr std::size_t kMarkers = 3;
constexpr std::uint16_t kIdentifier = 1723;  // any: nobody else pings here

using Request = std::array<std::uint8_t, kHeader + kMarkers * kMarker.size()>;

Request request(std::uint16_t sequence) noexcept {
  Request octets{};
  Writer writer(octets);
  writer.u8(kEcho);
  writer.u8(0);
  writer.u16(0);
  writer.u16(kIdentifier);
  writer.u16(sequence);
  for (std::size_t i = 0; i < kMarkers; ++i)
    writer.bytes(as_bytes(kMarker));
  writer.patch_u16(kChecksum, internet_checksum(octets));
  return octets;
}

bool answers(Bytes packet, const Request& asked) noexcept {
  if (!ipv4_length(packet)) return false;
  const Bytes message = packet.subspan(static_cast<std::size_t>(packet[0] & 15) * 4);
  return message.size() == asked.size() && message[0] == kEchoReply &&
         internet_checksum(message) == 0 &&
         std::ranges::equal(message.subspan(kHeader / 2), Bytes(asked).subspan(kHeader / 2));
}

/// When the answer came; nullopt: not before `deadline`.
std::optional<TimePoint> await_answer(int fd, const Request& asked, TimePoint deadline) {
  std::array<std::uint8_t, 512> buffer{};
  for (;;) {
    const Duration left = deadline - io::engine_now();
    if (left <= Duration::zero()) return std::nullopt;
    pollfd ready{fd, POLLIN, 0};
    (void)::poll(&ready, 1,
                 narrow<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count()));
    const ssize_t size = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    const TimePoint now = io::engine_now();
    if (size >= 0 && answers(Bytes(buffer).first(static_cast<std::size_t>(size)), asked))
      return now;
  }
}

}  // namespace

io::IoResult<PingResult> ping(Ipv4Address address, std::uint16_t count, Duration interval,
                              Duration patience) {
  const std::string what = "cannot ping " + address.text();
  const io::UniqueFd fd(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
  const sockaddr_in peer = io::to_sockaddr(address);
  if (!fd || ::connect(fd.fd(), io::generic(peer), sizeof peer) != 0)
    return io::failure(errno, what);

  PingResult result;
  Duration sum{};
  for (std::uint16_t sequence = 1; sequence <= count; ++sequence) {
    const Request octets = request(sequence);
    const TimePoint sent = io::engine_now();
    ++result.sent;
    if (::send(fd.fd(), octets.data(), octets.size(), 0) >= 0) {
      if (const auto answered = await_answer(fd.fd(), octets, sent + patience)) {
        const Duration took = *answered - sent;
        result.least = result.answered == 0 ? took : std::min(result.least, took);
        result.most = std::max(result.most, took);
        sum += took;
        ++result.answered;
      }
    }
    if (sequence < count) std::this_thread::sleep_until(io::to_steady_time(sent + interval));
  }
  if (result.answered > 0) result.mean = sum / result.answered;
  return result;
}

}  // namespace pptp::app::demo
