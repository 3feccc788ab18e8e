#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tunnel/io/host_change.h"
#include "tunnel/io/netlink.h"
#include "tunnel/io/packet_device.h"

namespace pptp::io {

/// A TUN interface in another network namespace than the one that calls are made from. All that is
/// changed there are its own addresses and routes, which the kernel takes away with it, however
/// this process ends: there is nothing that a journal could undo.
class NamespaceTun final : public TunDevice {
 public:
  /// `netlink` belongs to the same namespace as `tun`.
  NamespaceTun(Tun tun, Netlink netlink) noexcept
      : TunDevice(std::move(tun)), netlink_(std::move(netlink)) {}

  /// Makes the interface in a namespace that ip-netns(8) has given a name. Faults: permission,
  /// bad_name (there is no such namespace), and those of Tun::open.
  static IoResult<std::unique_ptr<NamespaceTun>> open(const std::string& netns,
                                                      const std::string& pattern);

  bool is_in_our_namespace() const noexcept override { return false; }

  /// The server's address, which lies elsewhere, is nothing special here. The default route is an
  /// ordinary one. From one call to the next there is always a route into the tunnel.
  IoResult<void> configure(const TunnelSettings& settings) override;
  IoResult<void> set_mtu(std::uint32_t mtu) override;

 private:
  std::vector<HostChange> wanted(const TunnelSettings& settings) const;
  IoResult<void> change_to(const std::vector<HostChange>& wanted);
  IoResult<void> change(const HostChange& change);
  void undo_all_but(const std::vector<HostChange>& wanted);

  Netlink netlink_;
  std::vector<HostChange> changes_;
};

/// Moves the calling thread into a namespace that ip-netns(8) has given a name. Faults: permission,
/// bad_name.
IoResult<void> enter_netns(const std::string& netns);

}  // namespace pptp::io
