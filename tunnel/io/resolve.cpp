#include "tunnel/io/resolve.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>

namespace pptp::io {
namespace {

using asio::ip::tcp;

IoError lookup_error(const std::string& host, std::error_code error) {
  if (error == asio::error::host_not_found || error == asio::error::no_data)
    return {IoFault::name_not_found, 0, "no IPv4 address for host name '" + host + "'",
            "check the spelling of 'server', and the name with: getent ahostsv4 " + host};
  if (error == asio::error::host_not_found_try_again)
    return {IoFault::name_no_answer, 0, "no name server answered for '" + host + "'",
            "check the network and /etc/resolv.conf"};
  return {IoFault::system, 0, "cannot look up '" + host + "': " + error.message(), {}};
}

}  // namespace

struct Lookup::Impl : std::enable_shared_from_this<Lookup::Impl> {
  Impl(EventLoop& loop, Done handler) : resolver(loop.context()), done(std::move(handler)) {}

  void begin(const std::string& host) {
    if (const auto literal = parse_ipv4(host)) {
      asio::post(resolver.get_executor(), [self = shared_from_this(), address = *literal] {
        self->finish(std::vector<Ipv4Address>{address});
      });
      return;
    }
    resolver.async_resolve(
        tcp::v4(), host, "",
        [self = shared_from_this(), host](std::error_code error,
                                          const tcp::resolver::results_type& results) {
          if (error) return self->finish(std::unexpected(lookup_error(host, error)));
          std::vector<Ipv4Address> addresses;
          for (const auto& result : results) {
            const Ipv4Address address(result.endpoint().address().to_v4().to_uint());
            if (std::ranges::find(addresses, address) == addresses.end())
              addresses.push_back(address);
          }
          self->finish(std::move(addresses));
        });
  }

  void finish(IoResult<std::vector<Ipv4Address>> result) {
    if (!done) return;
    const Done handler = std::exchange(done, nullptr);
    handler(std::move(result));
  }

  void cancel() noexcept {
    done = nullptr;
    resolver.cancel();
  }

  tcp::resolver resolver;
  Done done;
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
