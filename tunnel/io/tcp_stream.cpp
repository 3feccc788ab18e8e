#include "tunnel/io/tcp_stream.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <sys/socket.h>
#include <system_error>
#include <utility>
#include <vector>

#include <asio/buffer.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

namespace pptp::io {
namespace {

using asio::ip::tcp;

constexpr std::size_t kReadSize = 4096;

// After accept() failed for want of descriptors or memory: trying at once would spin.
constexpr auto kAcceptPause = std::chrono::milliseconds(200);

tcp::endpoint to_asio(TcpEndpoint endpoint) {
  return {asio::ip::address_v4(endpoint.address.value()), endpoint.port};
}

TcpEndpoint from_asio(const tcp::endpoint& endpoint) {
  return {Ipv4Address(endpoint.address().to_v4().to_uint()), endpoint.port()};
}

std::string text(TcpEndpoint endpoint) {
  return endpoint.address.text() + " port " + std::to_string(endpoint.port);
}

}  // namespace

struct TcpStream::Impl : std::enable_shared_from_this<TcpStream::Impl> {
  explicit Impl(tcp::socket connected) : socket(std::move(connected)) {
    std::error_code ignored;
    local = from_asio(socket.local_endpoint(ignored));
    peer = from_asio(socket.remote_endpoint(ignored));
    // Control messages are small and each is answered: nothing to gain from waiting for more.
    socket.set_option(tcp::no_delay(true), ignored);
  }

  void read() {
    socket.async_read_some(asio::buffer(input),
                           [self = shared_from_this()](std::error_code error, std::size_t size) {
                             if (self->over) return;
                             if (error) return self->end(self->ending(error));
                             const Received handler = self->received;
                             handler(Bytes(self->input).first(size));
                             if (!self->over) self->read();
                           });
  }

  void send(Bytes octets) {
    if (over || finishing) return;
    if (octets.size() > kSendLimit - std::min(kSendLimit, unsent())) {
      // Told from the loop, never from inside send().
      asio::post(socket.get_executor(), [self = shared_from_this()] {
        self->end(io_error(ENOBUFS, text(self->peer) + " does not read what it is sent"));
      });
      return;
    }
    waiting.insert(waiting.end(), octets.begin(), octets.end());
    write();
  }

  void write() {
    if (!sending.empty()) return;
    if (waiting.empty()) {
      std::error_code ignored;
      if (finishing) socket.shutdown(tcp::socket::shutdown_send, ignored);
      return;
    }
    sending.swap(waiting);
    write_rest(0);
  }

  void write_rest(std::size_t sent) {
    socket.async_write_some(
        asio::buffer(sending.data() + sent, sending.size() - sent),
        [self = shared_from_this(), sent](std::error_code error, std::size_t size) {
          if (self->over) return;
          if (error) return self->end(self->ending(error));
          if (sent + size < self->sending.size()) return self->write_rest(sent + size);
          self->sending.clear();
          self->write();
        });
  }

  IoError ending(std::error_code error) const {
    if (error == asio::error::eof)
      return {IoFault::peer_closed, 0, text(peer) + " closed the connection", {}};
    return io_error(error.value(), "connection to " + text(peer));
  }

  void end(const IoError& why) {
    if (over) return;
    const Ended handler = ended;
    close();
    if (handler) handler(why);
  }

  void close() noexcept {
    over = true;
    received = nullptr;
    ended = nullptr;
    std::error_code ignored;
    socket.close(ignored);
  }

  std::size_t unsent() const noexcept { return sending.size() + waiting.size(); }

  tcp::socket socket;
  TcpEndpoint local;
  TcpEndpoint peer;
  Received received;
  Ended ended;
  std::array<std::uint8_t, kReadSize> input{};
  std::vector<std::uint8_t> sending;  ///< with the kernel; must stay where it is
  std::vector<std::uint8_t> waiting;
  bool finishing = false;
  bool over = false;
};

TcpStream::TcpStream(std::shared_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}

TcpStream::TcpStream(TcpStream&&) noexcept = default;

TcpStream& TcpStream::operator=(TcpStream&& other) noexcept {
  if (this != &other) {
    if (impl_) impl_->close();
    impl_ = std::move(other.impl_);
  }
  return *this;
}

TcpStream::~TcpStream() {
  if (impl_) impl_->close();
}

TcpEndpoint TcpStream::local() const noexcept {
  return impl_->local;
}

TcpEndpoint TcpStream::peer() const noexcept {
  return impl_->peer;
}

void TcpStream::start(Received received, Ended ended) {
  impl_->received = std::move(received);
  impl_->ended = std::move(ended);
  impl_->read();
}

void TcpStream::send(Bytes octets) {
  impl_->send(octets);
}

void TcpStream::finish_sending() {
  if (impl_->over || impl_->finishing) return;
  impl_->finishing = true;
  impl_->write();
}

std::size_t TcpStream::unsent() const noexcept {
  return impl_->unsent();
}

struct TcpConnector::Impl : std::enable_shared_from_this<TcpConnector::Impl> {
  Impl(EventLoop& loop, const TcpTarget& to, Done handler)
      : target(to), done(std::move(handler)), socket(loop.context()), timer(loop.context()) {}

  void begin() {
    std::error_code error;
    socket.open(tcp::v4(), error);
    if (!error && target.mark != 0 &&
        ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_MARK, &target.mark,
                     sizeof target.mark) != 0)
      error.assign(errno, std::generic_category());
    if (error) {
      asio::post(socket.get_executor(),
                 [self = shared_from_this(), error] { self->finish(self->failed(error)); });
      return;
    }
    timer.expires_after(target.timeout);
    timer.async_wait([self = shared_from_this()](std::error_code cancelled) {
      if (!cancelled) self->finish(self->failed(std::make_error_code(std::errc::timed_out)));
    });
    socket.async_connect(to_asio(target.to), [self = shared_from_this()](std::error_code refused) {
      if (!self->done) return;
      if (refused) return self->finish(self->failed(refused));
      self->finish(TcpStream(std::make_shared<TcpStream::Impl>(std::move(self->socket))));
    });
  }

  std::unexpected<IoError> failed(std::error_code error) const {
    return failure(error.value(), "cannot connect to " + text(target.to));
  }

  void finish(IoResult<TcpStream> result) {
    if (!done) return;
    const Done handler = std::move(done);
    close();
    handler(std::move(result));
  }

  void close() noexcept {
    done = nullptr;
    timer.cancel();
    std::error_code ignored;
    socket.close(ignored);
  }

  TcpTarget target;
  Done done;
  tcp::socket socket;
  asio::steady_timer timer;
};

TcpConnector::TcpConnector(EventLoop& loop, const TcpTarget& target, Done done)
    : impl_(std::make_shared<Impl>(loop, target, std::move(done))) {
  impl_->begin();
}

TcpConnector::TcpConnector(TcpConnector&&) noexcept = default;

TcpConnector& TcpConnector::operator=(TcpConnector&& other) noexcept {
  if (this != &other) {
    if (impl_) impl_->close();
    impl_ = std::move(other.impl_);
  }
  return *this;
}

TcpConnector::~TcpConnector() {
  if (impl_) impl_->close();
}

struct TcpListener::Impl : std::enable_shared_from_this<TcpListener::Impl> {
  Impl(EventLoop& loop, Accepted handler)
      : accepted(std::move(handler)), acceptor(loop.context()), pause(loop.context()) {}

  std::error_code open(TcpEndpoint at) {
    std::error_code error;
    acceptor.open(tcp::v4(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(to_asio(at), error);
    if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
    return error;
  }

  void accept() {
    acceptor.async_accept([self = shared_from_this()](std::error_code error, tcp::socket socket) {
      if (!self->acceptor.is_open()) return;
      if (error) return self->accept_later();
      const Accepted handler = self->accepted;
      handler(TcpStream(std::make_shared<TcpStream::Impl>(std::move(socket))));
      if (self->acceptor.is_open()) self->accept();
    });
  }

  void accept_later() {
    pause.expires_after(kAcceptPause);
    pause.async_wait([self = shared_from_this()](std::error_code error) {
      if (!error && self->acceptor.is_open()) self->accept();
    });
  }

  void close() noexcept {
    std::error_code ignored;
    acceptor.close(ignored);
    pause.cancel();
  }

  Accepted accepted;
  tcp::acceptor acceptor;
  asio::steady_timer pause;
};

TcpListener::TcpListener(std::shared_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}

TcpListener::TcpListener(TcpListener&&) noexcept = default;

TcpListener& TcpListener::operator=(TcpListener&& other) noexcept {
  if (this != &other) {
    if (impl_) impl_->close();
    impl_ = std::move(other.impl_);
  }
  return *this;
}

TcpListener::~TcpListener() {
  if (impl_) impl_->close();
}

IoResult<TcpListener> TcpListener::open(EventLoop& loop, TcpEndpoint at, Accepted accepted) {
  auto impl = std::make_shared<Impl>(loop, std::move(accepted));
  if (const std::error_code error = impl->open(at))
    return failure(error.value(), "cannot listen on " + text(at));
  impl->accept();
  return TcpListener(std::move(impl));
}

TcpEndpoint TcpListener::local() const noexcept {
  std::error_code ignored;
  return from_asio(impl_->acceptor.local_endpoint(ignored));
}

}  // namespace pptp::io
