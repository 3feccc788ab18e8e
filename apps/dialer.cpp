#include "apps/dialer.h"

#include <utility>

namespace pptp::app {

Dialer::Dialer(io::EventLoop& loop, Request request, Trying trying, Done done)
    : loop_(loop),
      request_(std::move(request)),
      trying_(std::move(trying)),
      done_(std::move(done)),
      lookup_(loop, request_.server.host, [this](io::IoResult<std::vector<Ipv4Address>> found) {
        if (!found) return done_(std::unexpected(found.error()));
        addresses_ = *std::move(found);
        try_next();
      }) {}

void Dialer::try_next() {
  const io::TcpEndpoint to{addresses_[next_++], request_.server.port};
  trying_(to);
  connector_.emplace(loop_, io::TcpTarget{to, request_.mark, request_.timeout},
                     [this](io::IoResult<io::TcpStream> stream) {
                       if (stream || next_ == addresses_.size()) {
                         done_(std::move(stream));
                       } else {
                         try_next();
                       }
                     });
}

}  // namespace pptp::app
