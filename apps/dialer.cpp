#include "apps/dialer.h"

#include <algorithm>
#include <utility>

namespace pptp::app {

Dialer::Dialer(io::EventLoop& loop, Request request, Trying trying, Done done)
    : loop_(loop),
      request_(std::move(request)),
      trying_(std::move(trying)),
      done_(std::move(done)),
      patience_(loop, [this] {
        lookup_.reset();
        begin();
      }) {
  const bool has_known = !request_.known.empty();
  const bool by_name = request_.by_name || !has_known;
  if (by_name) {
    lookup_.emplace(
        loop_, request_.server.host,
        [this](io::IoResult<std::vector<Ipv4Address>> found) { looked_up(std::move(found)); });
  }
  if (has_known) patience_.set(loop_.now() + (by_name ? kPatience : Duration::zero()));
}

void Dialer::looked_up(io::IoResult<std::vector<Ipv4Address>> found) {
  patience_.set(std::nullopt);
  if (!found && request_.known.empty()) return done_(std::unexpected(found.error()));
  if (found) found_ = *std::move(found);
  begin();
}

void Dialer::begin() {
  addresses_ = found_;
  for (const Ipv4Address& address : request_.known) {
    if (std::ranges::find(addresses_, address) == addresses_.end()) addresses_.push_back(address);
  }
  try_next();
}

void Dialer::try_next() {
  const io::TcpEndpoint to{addresses_[next_++], request_.server.port};
  if (const io::IoResult<void> ready = trying_(to); !ready)
    return tried(std::unexpected(ready.error()));
  connector_.emplace(loop_, io::TcpTarget{to, request_.mark, request_.timeout},
                     [this](io::IoResult<io::TcpStream> stream) { tried(std::move(stream)); });
}

void Dialer::tried(io::IoResult<io::TcpStream> stream) {
  if (stream || next_ == addresses_.size())
    done_(std::move(stream));
  else
    try_next();
}

Ending ending_of_dial(const io::IoError& error, bool looked_up, const EndingContext& context) {
  const bool of_the_host =
      error.fault == io::IoFault::system || error.fault == io::IoFault::permission;
  if (looked_up && of_the_host) {
    return ending_of(Trouble::ctrl_net_unreachable, error.text(), context);
  }
  return ending_of(error, context);
}

}  // namespace pptp::app
