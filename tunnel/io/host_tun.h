#pragma once

#include <utility>

#include "tunnel/io/host_state.h"
#include "tunnel/io/packet_device.h"

namespace pptp::io {

/// A TUN interface in the network namespace that calls are made from, which the whole host may use.
class HostTun final : public TunDevice {
 public:
  /// `host` must outlive it: addresses and routes are its changes.
  HostTun(Tun tun, HostState& host) noexcept : TunDevice(std::move(tun)), host_(host) {}

  bool is_in_our_namespace() const noexcept override { return true; }

  IoResult<void> configure(const TunnelSettings& settings) override {
    return std::exchange(configured_, true) ? host_.reconfigure_tunnel(settings)
                                            : host_.configure_tunnel(settings);
  }

  IoResult<void> set_mtu(std::uint32_t mtu) override {
    // The interface is ours and goes with us: nothing to journal.
    IoResult<Netlink> netlink = Netlink::open();
    if (!netlink) return std::unexpected(netlink.error());
    return netlink->set_link_mtu(index(), mtu);
  }

 private:
  HostState& host_;
  bool configured_ = false;
};

}  // namespace pptp::io
