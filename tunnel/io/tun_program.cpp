#include "tunnel/io/tun_program.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <map>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "tunnel/io/host_state.h"

namespace pptp::io {
namespace {

/// Until a program that was asked to end is killed.
constexpr std::chrono::milliseconds kPatience(2000);

/// Packets that wait for one of the two sides, in octets as the kernel counts them.
constexpr int kSocketBuffer = 1 << 20;

std::map<std::string, std::string> environment_of_ours() {
  std::map<std::string, std::string> environment;
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (const std::size_t equals = text.find('='); equals != std::string_view::npos)
      environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

}  // namespace

TunProgram::TunProgram(std::string command, UniqueFd ours, UniqueFd its) noexcept
    : command_(std::move(command)), ours_(std::move(ours)), its_(std::move(its)) {}

TunProgram::~TunProgram() {
  end_program();
}

IoResult<std::unique_ptr<TunProgram>> TunProgram::open(std::string command) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) != 0)
    return failure(errno, "cannot make a socket for the program that takes the packets");
  UniqueFd ours(ends[0]);
  UniqueFd its(ends[1]);
  for (const UniqueFd* end : {&ours, &its}) {
    // The host's limit may be less, which will do as well.
    (void)::setsockopt(end->fd(), SOL_SOCKET, SO_SNDBUF, &kSocketBuffer, sizeof kSocketBuffer);
  }
  return std::make_unique<TunProgram>(std::move(command), std::move(ours), std::move(its));
}

std::size_t TunProgram::read(PacketPool& pool, std::span<Packet> packets) noexcept {
  std::size_t count = 0;
  for (Packet& packet : packets) {
    if (!packet.has_slot()) packet = pool.acquire();
    if (!packet.has_slot()) break;
    const MutableBytes room = packet.refill();
    const ssize_t size = ::recv(ours_.fd(), room.data(), room.size(), MSG_DONTWAIT);
    packet.truncate(size <= 0 ? 0 : static_cast<std::size_t>(size));
    if (size < 0) break;
    // An empty one is no packet, and more may be behind it.
    if (size > 0) ++count;
    if (size == 0) break;
  }
  return count;
}

void TunProgram::write(std::span<Packet> packets) noexcept {
  for (const Packet& packet : packets) {
    const Bytes octets = packet.bytes();
    if (::send(ours_.fd(), octets.data(), octets.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
      drops_.count(Drop::tun_refused);
  }
}

IoError TunProgram::loss() const {
  IoResult<void> ended = process_->result();
  std::string how = ended ? command_ + " ended with status 0" : ended.error().what;
  return {.fault = IoFault::program_ended, .what = std::move(how), .hint = {}};
}

IoResult<void> TunProgram::configure(const TunnelSettings& settings) {
  end_program();
  std::map<std::string, std::string> environment = environment_of_ours();
  const auto tell = [&](const char* name, std::string value) {
    environment.insert_or_assign(name, std::move(value));
  };
  tell("VPNFD", std::to_string(kHandedDown));
  tell("VPNPID", std::to_string(::getpid()));
  tell("VPNGATEWAY", settings.server.text());
  tell("INTERNAL_IP4_ADDRESS", settings.local.text());
  tell("INTERNAL_IP4_NETMASK", "255.255.255.255");
  tell("INTERNAL_IP4_NETMASKLEN", "32");
  tell("INTERNAL_IP4_NETADDR", settings.local.text());
  tell("INTERNAL_IP4_MTU", std::to_string(settings.mtu));
  tell("INTERNAL_IP4_DNS", joined(settings.name_servers));
  // What was for another address is nobody's any more.
  char discarded = 0;
  for (const UniqueFd* end : {&ours_, &its_}) {
    while (::recv(end->fd(), &discarded, sizeof discarded, MSG_DONTWAIT) >= 0) {
    }
  }
  IoResult<Process> started = Process::start({.program = "/bin/sh",
                                              .arguments = {"-c", command_},
                                              .environment = std::move(environment),
                                              .handed_down = its_.fd()});
  if (!started) return std::unexpected(started.error());
  process_.emplace(*std::move(started));
  return {};
}

void TunProgram::end_program() {
  if (!process_) return;
  process_->send(SIGTERM);
  (void)process_->wait(kPatience);
  process_.reset();
}

}  // namespace pptp::io
