#include "tunnel/io/control_client.h"

#include <cerrno>
#include <optional>
#include <sys/un.h>
#include <system_error>

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/read_until.hpp>
#include <asio/write.hpp>
#include <nlohmann/json.hpp>

#include "tunnel/io/control_server.h"

namespace pptp::io {

IoResult<nlohmann::json> control_request(const std::string& socket_path,
                                         const nlohmann::json& request, Duration timeout) {
  using asio::local::stream_protocol;
  using nlohmann::json;

  const std::string what = "control socket " + socket_path;
  if (socket_path.size() >= sizeof(sockaddr_un::sun_path)) return failure(ENAMETOOLONG, what);

  asio::io_context context{1};
  stream_protocol::socket socket(context);
  const std::string line = request.dump() + "\n";
  std::string reply;
  std::optional<std::error_code> outcome;

  const auto on_read = [&](std::error_code error, std::size_t size) {
    reply.resize(size);
    outcome = error;
  };
  const auto on_written = [&](std::error_code error, std::size_t) {
    if (error) {
      outcome = error;
      return;
    }
    asio::async_read_until(socket, asio::dynamic_buffer(reply, kControlMessageLimit), '\n',
                           on_read);
  };
  socket.async_connect(stream_protocol::endpoint(socket_path), [&](std::error_code error) {
    if (error) {
      outcome = error;
      return;
    }
    asio::async_write(socket, asio::buffer(line), on_written);
  });
  context.run_for(timeout);

  if (!outcome) return failure(ETIMEDOUT, what);
  const std::error_code error = *outcome;
  if (error.value() == ENOENT || error.value() == ECONNREFUSED)
    return std::unexpected(IoError{IoFault::not_running, error.value(), what, {}});
  if (error == asio::error::eof)
    return failure(IoFault::peer_closed, what + ": closed without a reply");
  if (error) return failure(error.value(), what);
  json parsed = json::parse(reply, nullptr, false);
  if (parsed.is_discarded()) return failure(IoFault::bad_message, what + ": reply is not JSON");
  return parsed;
}

}  // namespace pptp::io
