#include "apps/demo/wire_tap.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <span>
#include <sys/mman.h>
#include <sys/socket.h>
#include <type_traits>
#include <utility>

#include "lib/narrow.h"

namespace pptp::app::demo {
namespace {

// 16 MiB are some 60,000 packets, which is more than comes in while the thread waits for its turn
// on a busy machine.
constexpr std::size_t kBlockSize = std::size_t{1} << 18;
constexpr std::size_t kBlocks = 64;
constexpr std::size_t kRingSize = kBlockSize * kBlocks;
constexpr unsigned kFrameSize = 2048;   // only has to divide the block: frames lie close together
constexpr int kBlockMilliseconds = 20;  // how long a block may stay half filled

int set_option(int fd, int name, const auto& value) noexcept {
  return ::setsockopt(fd, SOL_PACKET, name, &value, sizeof value);
}

/// The kernel's structures lie in memory that it shares with us.
template <class Structure>
Structure copy_from(const std::byte* place) noexcept {
  static_assert(std::is_trivially_copyable_v<Structure>);
  Structure copy;
  std::memcpy(&copy, place, sizeof copy);
  return copy;
}

std::uint32_t& status_of(std::byte* block) noexcept {
  void* const place = block + offsetof(tpacket_block_desc, hdr.bh1.block_status);
  return *static_cast<std::uint32_t*>(place);
}

bool cut_frames(int fd) noexcept {
  std::array<sock_filter, 1> take = {
      sock_filter{BPF_RET | BPF_K, 0, 0, static_cast<std::uint32_t>(kLookedAt)}};
  const sock_fprog program{take.size(), take.data()};
  return ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

bool make_ring(int fd) noexcept {
  tpacket_req3 request{};
  request.tp_block_size = kBlockSize;
  request.tp_block_nr = kBlocks;
  request.tp_frame_size = kFrameSize;
  request.tp_frame_nr = kRingSize / kFrameSize;
  request.tp_retire_blk_tov = kBlockMilliseconds;
  return set_option(fd, PACKET_VERSION, int{TPACKET_V3}) == 0 &&
         set_option(fd, PACKET_RX_RING, request) == 0;
}

bool listen_on(int fd, unsigned device) noexcept {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = __builtin_bswap16(ETH_P_ALL);
  if constexpr (std::endian::native == std::endian::big) address.sll_protocol = ETH_P_ALL;
  address.sll_ifindex = narrow<int>(device);
  const void* const plain = &address;
  return ::bind(fd, static_cast<const sockaddr*>(plain), sizeof address) == 0;
}

}  // namespace

io::IoResult<std::unique_ptr<WireTap>> WireTap::open(const std::string& device,
                                                     const io::Ipv4Prefix& inner) {
  const std::string what = "cannot listen on " + device;
  // Protocol 0: nothing is received until it is bound to the interface, with filter and ring.
  io::UniqueFd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  const unsigned index = ::if_nametoindex(device.c_str());
  if (!fd || index == 0 || !cut_frames(fd.fd()) || !make_ring(fd.fd()))
    return io::failure(errno, what);
  void* const ring = ::mmap(nullptr, kRingSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd.fd(), 0);
  if (ring == MAP_FAILED) return io::failure(errno, what);
  if (!listen_on(fd.fd(), index)) {
    const int error = errno;
    ::munmap(ring, kRingSize);
    return io::failure(error, what);
  }
  return std::unique_ptr<WireTap>(new WireTap(std::move(fd), static_cast<std::byte*>(ring), inner));
}

WireTap::WireTap(io::UniqueFd fd, std::byte* ring, const io::Ipv4Prefix& inner)
    : fd_(std::move(fd)),
      ring_(ring),
      inner_(inner),
      thread_([this](const std::stop_token& stopping) { watch(stopping); }) {}

WireTap::~WireTap() {
  if (thread_.joinable()) (void)stop();
  ::munmap(ring_, kRingSize);
}

WireCount WireTap::stop() {
  thread_.request_stop();
  thread_.join();
  tpacket_stats_v3 statistics{};
  socklen_t size = sizeof statistics;
  if (::getsockopt(fd_.fd(), SOL_PACKET, PACKET_STATISTICS, &statistics, &size) == 0)
    count_.missed = statistics.tp_drops;
  return count_;
}

void WireTap::watch(const std::stop_token& stopping) {
  // Once more after the order to stop: by then the kernel has handed over the half filled block.
  bool last_round = false;
  for (;;) {
    while (take_block(next_block_))
      next_block_ = (next_block_ + 1) % kBlocks;
    if (last_round) return;
    last_round = stopping.stop_requested();
    pollfd ready{fd_.fd(), POLLIN, 0};
    if (last_round)
      (void)::poll(nullptr, 0, 3 * kBlockMilliseconds);
    else
      (void)::poll(&ready, 1, 3 * kBlockMilliseconds);
  }
}

/// False: the block is still the kernel's.
bool WireTap::take_block(std::size_t index) {
  std::byte* const block = ring_ + index * kBlockSize;
  const std::atomic_ref<std::uint32_t> status(status_of(block));
  if ((status.load(std::memory_order_acquire) & TP_STATUS_USER) == 0) return false;

  const auto header = copy_from<tpacket_block_desc>(block).hdr.bh1;
  const std::byte* place = block + header.offset_to_first_pkt;
  for (std::uint32_t i = 0; i < header.num_pkts; ++i) {
    const auto packet = copy_from<tpacket3_hdr>(place);
    const void* const octets = place + packet.tp_mac;
    const Bytes frame(static_cast<const std::uint8_t*>(octets), packet.tp_snaplen);
    ++count_[look_at(frame, inner_)];
    place += packet.tp_next_offset;
  }
  status.store(TP_STATUS_KERNEL, std::memory_order_release);
  return true;
}

}  // namespace pptp::app::demo
