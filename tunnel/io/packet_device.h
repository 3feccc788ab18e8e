#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "lib/drops.h"
#include "lib/packet.h"
#include "tunnel/io/io_error.h"
#include "tunnel/io/tun.h"

namespace pptp::io {

struct TunnelSettings;

/// Where a client's IP packets come from and go to, and what has to be told what the call agreed
/// on.
class PacketDevice {
 public:
  virtual ~PacketDevice() = default;

  /// An interface's name; empty where there is none.
  virtual const std::string& name() const noexcept = 0;

  /// An interface's index in its network namespace; 0 where there is none.
  virtual unsigned index() const noexcept = 0;

  /// Whether it belongs to the network namespace that calls are made from: its routes may then
  /// lead the call into itself.
  virtual bool is_in_our_namespace() const noexcept = 0;

  /// Can be read from when there are packets. The same for as long as this lives.
  virtual int fd() const noexcept = 0;

  /// As Tun has them.
  virtual std::size_t read(PacketPool& pool, std::span<Packet> packets) noexcept = 0;

  virtual bool has_rest() const noexcept { return false; }

  /// To read from on a thread of its own, while this one writes: Tun::second(). nullopt: there is
  /// no such thing.
  virtual std::optional<Tun> second() const { return std::nullopt; }

  virtual void write(std::span<Packet> packets) noexcept = 0;
  virtual const Drops& drops() const noexcept = 0;

  /// Nothing will be read or written again, and why.
  virtual bool gone() const noexcept = 0;
  virtual IoError loss() const = 0;

  /// Can be read from when it has gone though nobody read or wrote; -1: it does not go like that.
  /// Another one after configure().
  virtual int loss_fd() const noexcept { return -1; }

  /// Begins to carry packets, or goes on with other addresses. All or nothing.
  virtual IoResult<void> configure(const TunnelSettings& settings) = 0;

  /// Another MTU than the one it was configured with.
  virtual IoResult<void> set_mtu(std::uint32_t mtu) = 0;
};

/// One that is a TUN interface.
class TunDevice : public PacketDevice {
 public:
  const std::string& name() const noexcept final { return tun_.name(); }

  unsigned index() const noexcept final { return tun_.index(); }

  int fd() const noexcept final { return tun_.fd(); }

  std::size_t read(PacketPool& pool, std::span<Packet> packets) noexcept final {
    return tun_.read(pool, packets);
  }

  bool has_rest() const noexcept final { return tun_.has_rest(); }

  std::optional<Tun> second() const final {
    IoResult<Tun> second = tun_.second();
    return second ? std::optional(*std::move(second)) : std::nullopt;
  }

  void write(std::span<Packet> packets) noexcept final { tun_.write(packets); }

  const Drops& drops() const noexcept final { return tun_.drops(); }

  bool gone() const noexcept final { return tun_.gone(); }

  IoError loss() const final {
    return {.what = "somebody has removed the interface " + tun_.name() + " or set it down",
            .hint = {}};
  }

 protected:
  explicit TunDevice(Tun tun) noexcept : tun_(std::move(tun)) {}

 private:
  Tun tun_;
};

}  // namespace pptp::io
