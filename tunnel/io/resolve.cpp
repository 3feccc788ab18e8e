#include "tunnel/io/resolve.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <netdb.h>
#include <netinet/in.h>
#include <thread>
#include <utility>

#include "tunnel/io/socket_address.h"

namespace pptp::io {
namespace {

using Addresses = std::vector<Ipv4Address>;

IoError lookup_error(const std::string& host, int error, int system_error) {
  switch (error) {
    case EAI_NONAME:
    case EAI_NODATA:
      return {IoFault::name_not_found, 0, "no IPv4 address for host name '" + host + "'",
              "check the spelling of 'server', and the name with: getent ahostsv4 " + host};
    case EAI_AGAIN:
    case EAI_FAIL:
      return {IoFault::name_no_answer, 0, "no name server answered for '" + host + "'",
              "check the network and /etc/resolv.conf"};
    case EAI_SYSTEM:
      return io_error(system_error, "cannot look up '" + host + "'");
    default:
      return {IoFault::system, 0, "cannot look up '" + host + "': " + ::gai_strerror(error), {}};
  }
}

/// Blocks for as long as name servers take.
IoResult<Addresses> look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (error != 0) return std::unexpected(lookup_error(host, error, errno));
  Addresses addresses;
  for (const addrinfo* info = found; info != nullptr; info = info->ai_next) {
    sockaddr_in endpoint{};
    std::memcpy(&endpoint, info->ai_addr, sizeof endpoint);
    const Ipv4Address address = from_in_addr(endpoint.sin_addr);
    if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
  }
  ::freeaddrinfo(found);
  return addresses;
}

}  // namespace

/// Shared with the thread that asks. getaddrinfo(3) cannot be interrupted, so the thread is left to
/// itself: it may outlive the lookup, the loop, and everybody's interest in what it finds.
struct Lookup::Impl : std::enable_shared_from_this<Lookup::Impl> {
  Impl(EventLoop& its_loop, Done handler) : loop(&its_loop), done(std::move(handler)) {}

  void begin(const std::string& host) {
    if (const auto literal = parse_ipv4(host)) return deliver(Addresses{*literal});
    std::thread([self = shared_from_this(), host] { self->deliver(look_up(host)); }).detach();
  }

  void deliver(IoResult<Addresses> result) {
    const std::lock_guard hold(mutex);
    if (loop == nullptr) return;
    loop->post([self = shared_from_this(), result = std::move(result)]() mutable {
      const Done handler = std::exchange(self->done, nullptr);
      if (handler) handler(std::move(result));
    });
  }

  void cancel() noexcept {
    const std::lock_guard hold(mutex);
    loop = nullptr;
    done = nullptr;
  }

  std::mutex mutex;
  EventLoop* loop;  ///< nullptr: nobody waits any more
  Done done;        ///< the loop's thread only
};

Lookup::Lookup(EventLoop& loop, const std::string& host, Done done)
    : impl_(std::make_shared<Impl>(loop, std::move(done))) {
  impl_->begin(host);
}

Lookup::Lookup(Lookup&&) noexcept = default;

Lookup& Lookup::operator=(Lookup&& other) noexcept {
  if (this != &other) {
    if (impl_) impl_->cancel();
    impl_ = std::move(other.impl_);
  }
  return *this;
}

Lookup::~Lookup() {
  if (impl_) impl_->cancel();
}

}  // namespace pptp::io
