#pragma once

#include <memory>
#include <optional>
#include <string>

#include "tunnel/io/packet_device.h"
#include "tunnel/io/process.h"
#include "tunnel/io/unique_fd.h"

namespace pptp::io {

/// A program that takes the packets instead of this host, in the manner of OpenConnect's
/// --script-tun: it finds the number of a datagram socket in VPNFD, and reads and writes whole IP
/// packets there. Its environment is ours and what vpnc-script would be told.
///
/// It runs while this is configured, and is ended with TERM, or, if that does not help, with KILL.
class TunProgram final : public PacketDevice {
 public:
  /// `command`: a line for sh(1).
  static IoResult<std::unique_ptr<TunProgram>> open(std::string command);

  TunProgram(std::string command, UniqueFd ours, UniqueFd its) noexcept;
  TunProgram(const TunProgram&) = delete;
  TunProgram& operator=(const TunProgram&) = delete;
  ~TunProgram() override;

  const std::string& name() const noexcept override { return name_; }

  unsigned index() const noexcept override { return 0; }

  bool is_in_our_namespace() const noexcept override { return false; }

  int fd() const noexcept override { return ours_.fd(); }

  std::size_t read(PacketPool& pool, std::span<Packet> packets) noexcept override;
  void write(std::span<Packet> packets) noexcept override;

  const Drops& drops() const noexcept override { return drops_; }

  bool gone() const noexcept override { return false; }

  /// IoFault::program_ended. It is asked for once, when the program has ended.
  IoError loss() const override;

  int loss_fd() const noexcept override { return process_ ? process_->fd() : -1; }

  IoResult<void> configure(const TunnelSettings& settings) override;

  IoResult<void> set_mtu(std::uint32_t) override { return {}; }  // it has been told another one

 private:
  void end_program();

  std::string command_;
  std::string name_;  ///< none
  UniqueFd ours_;
  UniqueFd its_;  ///< kept, so that the program can be started again
  mutable std::optional<Process> process_;
  Drops drops_;
};

}  // namespace pptp::io
