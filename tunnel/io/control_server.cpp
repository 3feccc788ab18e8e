#include "tunnel/io/control_server.h"

#include <cerrno>
#include <chrono>
#include <exception>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <asio/buffer.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/read_until.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>
#include <nlohmann/json.hpp>

namespace pptp::io {
namespace {

using asio::local::stream_protocol;
using nlohmann::json;

// When every place is taken, or accept() failed for want of descriptors.
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

bool same_user_or_root(stream_protocol::socket& socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return false;
  return peer.uid == 0 || peer.uid == ::geteuid();
}

std::string one_line(const json& reply) {
  // Text that is not UTF-8 is the peer's doing and must not cost us the reply.
  return reply.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string answer(const ControlServer::Handler& handler, std::string_view line) {
  const json request = json::parse(line, nullptr, false);
  if (request.is_discarded()) return one_line({{"error", "not a JSON document"}});
  try {
    return one_line(handler(request));
  } catch (const std::exception& error) {
    return one_line({{"error", error.what()}});
  }
}

}  // namespace

struct ControlServer::Impl : std::enable_shared_from_this<ControlServer::Impl> {
  struct Client : std::enable_shared_from_this<Client> {
    Client(stream_protocol::socket connected, std::shared_ptr<Impl> of)
        : socket(std::move(connected)), server(std::move(of)) {
      ++server->clients;
    }

    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    ~Client() { --server->clients; }

    void serve() {
      asio::async_read_until(socket, asio::dynamic_buffer(input, kControlMessageLimit), '\n',
                             [self = shared_from_this()](std::error_code error, std::size_t size) {
                               // An end, an error, or a line that is too long: the client goes.
                               if (error || !self->server->acceptor.is_open()) return;
                               self->reply =
                                   answer(self->server->handler,
                                          std::string_view(self->input).substr(0, size - 1));
                               self->input.erase(0, size);
                               self->send();
                             });
    }

    void send() {
      asio::async_write(socket, asio::buffer(reply),
                        [self = shared_from_this()](std::error_code error, std::size_t) {
                          if (!error && self->server->acceptor.is_open()) self->serve();
                        });
    }

    stream_protocol::socket socket;
    std::shared_ptr<Impl> server;
    std::string input;
    std::string reply;
  };

  Impl(EventLoop& loop, std::string socket_path, Handler on_request)
      : path(std::move(socket_path)),
        handler(std::move(on_request)),
        acceptor(loop.context()),
        pause(loop.context()) {}

  void accept() {
    if (clients >= kClientLimit) return accept_later();
    acceptor.async_accept(
        [self = shared_from_this()](std::error_code error, stream_protocol::socket socket) {
          if (!self->acceptor.is_open()) return;
          if (error) return self->accept_later();
          if (same_user_or_root(socket)) std::make_shared<Client>(std::move(socket), self)->serve();
          self->accept();
        });
  }

  void accept_later() {
    pause.expires_after(kAcceptPause);
    pause.async_wait([self = shared_from_this()](std::error_code error) {
      if (!error && self->acceptor.is_open()) self->accept();
    });
  }

  void close() noexcept {
    if (!acceptor.is_open()) return;
    std::error_code ignored;
    acceptor.close(ignored);
    pause.cancel();
    ::unlink(path.c_str());
  }

  std::string path;
  Handler handler;
  stream_protocol::acceptor acceptor;
  asio::steady_timer pause;
  std::size_t clients = 0;
};

ControlServer::ControlServer(std::shared_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}

ControlServer::ControlServer(ControlServer&&) noexcept = default;

ControlServer& ControlServer::operator=(ControlServer&& other) noexcept {
  if (this != &other) {
    if (impl_) impl_->close();
    impl_ = std::move(other.impl_);
  }
  return *this;
}

ControlServer::~ControlServer() {
  if (impl_) impl_->close();
}

IoResult<ControlServer> ControlServer::open(EventLoop& loop, const RuntimeDir& directory,
                                            const ProfileLock& lock, Handler handler) {
  const std::string path = directory.socket_path(lock.profile());
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    return failure(ENAMETOOLONG, "control socket " + path,
                   "use a shorter profile name or PPTPD_USER_RUNTIME_DIR");
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    return failure(errno, "cannot replace control socket " + path);
  auto impl = std::make_shared<Impl>(loop, path, std::move(handler));
  std::error_code error;
  impl->acceptor.open(stream_protocol(), error);
  // Nobody else gets into the directory, so the socket's own mode does not matter.
  if (!error) impl->acceptor.bind(stream_protocol::endpoint(path), error);
  if (!error) impl->acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return failure(error.value(), "cannot listen on control socket " + path);
  impl->accept();
  return ControlServer(std::move(impl));
}

}  // namespace pptp::io
